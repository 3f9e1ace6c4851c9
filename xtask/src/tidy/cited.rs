//! A file or folder that a comment or a document cites in backquotes exists. So a text does not
//! outlive what it speaks of.

use super::File;
use std::collections::BTreeSet;

const EXTENSIONS: [&str; 7] = ["rs", "md", "toml", "yml", "json", "svg", "py"];
/// A path without an extension is a folder's if it begins with one of these.
const FOLDERS: [&str; 8] =
    ["crates", "tests", "docs", "xtask", "benches", "examples", "fuzz", "src"];

/// All files and folders of the repository, relative to its root.
pub(super) struct Paths(BTreeSet<String>);

impl Paths {
    pub(super) fn new(files: impl IntoIterator<Item = String>) -> Self {
        let mut paths = BTreeSet::new();
        for file in files {
            let ends = file.match_indices('/').map(|(end, _)| file[..end].to_owned());
            paths.extend(ends.collect::<Vec<_>>());
            paths.insert(file);
        }
        Self(paths)
    }

    /// Whether `cited` is the end of a path.
    fn has(&self, cited: &str) -> bool {
        let ends = |path: &String| path == cited || path.ends_with(&format!("/{cited}"));
        self.0.contains(cited) || self.0.iter().any(ends)
    }
}

/// The comments of a file that cite what does not exist.
pub(super) fn in_comments(file: &File, paths: &Paths) -> Vec<String> {
    let lines = file.lines.iter().map(|line| line.comment.as_str());
    findings(lines, paths).map(|(index, text)| file.at(index, &text)).collect()
}

/// The lines of a document that do; what is fenced is an example.
pub(super) fn in_document(path: &str, text: &str, paths: &Paths) -> Vec<String> {
    let mut fenced = false;
    let lines = text.lines().map(|line| {
        fenced ^= line.trim_start().starts_with("```");
        if fenced { "" } else { line }
    });
    findings(lines, paths).map(|(index, text)| format!("{path}:{}: {text}", index + 1)).collect()
}

fn findings<'a>(
    lines: impl Iterator<Item = &'a str>,
    paths: &Paths,
) -> impl Iterator<Item = (usize, String)> {
    lines.enumerate().flat_map(move |(index, line)| {
        let cited = line.split('`').skip(1).step_by(2).filter_map(cited);
        let lost = cited.filter(|path| !paths.has(path));
        lost.map(|path| (index, format!("`{path}` does not exist"))).collect::<Vec<_>>()
    })
}

/// The path that a text in backquotes is, without a test or a line that stands behind it.
fn cited(text: &str) -> Option<&str> {
    let path = text.split(':').next()?.trim_start_matches("../").trim_start_matches("./");
    let in_path = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let parts: Vec<_> = path.trim_end_matches('/').split('/').collect();
    // `NAME.svg` and `tests/CHANNEL` are patterns; `src/*.rs` is one as well.
    let is_pattern = |part: &&str| {
        let stem = part.split('.').next().unwrap_or_default();
        let is_document = part.ends_with(".md");
        !is_document && !stem.is_empty() && stem.chars().all(|c| c.is_uppercase())
    };
    if text.contains("://") || !path.chars().all(in_path) || parts.iter().any(is_pattern) {
        return None;
    }
    let (stem, extension) = parts.last()?.rsplit_once('.').unwrap_or_default();
    let is_file = !stem.is_empty() && EXTENSIONS.contains(&extension);
    let is_folder = parts.len() > 1 && FOLDERS.contains(&parts[0]);
    (is_file || is_folder).then(|| path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(line: &str) -> usize {
        let paths = ["crates/a/src/b/mod.rs", "crates/a/tests/c.rs", "docs/d.md", "LICENSE"];
        let paths = Paths::new(paths.map(String::from));
        let comments = in_comments(&File::new("f.rs", &format!("// {line}\n")), &paths);
        let document = in_document("f.md", &format!("{line}\n"), &paths);
        assert_eq!(comments.len(), document.len());
        comments.len()
    }

    #[test]
    fn what_exists_may_be_cited() {
        for line in [
            "`crates/a/src/b/mod.rs`, `b/mod.rs`, `tests/c.rs::a_test`, `c.rs:7`, `../docs/d.md`",
            "`src/b`, `tests/`, `crates/a`, `docs/d.md#part`",
            "`a / b`, `and/or`, `a.b.c`, `tests/CHANNEL`, `NAME.svg`, `http://a/b.rs`, `src/*.rs`",
            "tests/gone.rs",
        ] {
            assert_eq!(lost(line), 0, "{line}");
        }
    }

    #[test]
    fn what_is_gone_is_found() {
        for line in ["`tests/gone.rs`", "`gone.rs`", "`tests/memory/`", "`src/gone.rs::test`"] {
            assert_eq!(lost(line), 1, "{line}");
        }
        assert_eq!(lost("`a.rs` and `b.rs`, not `c.rs`"), 2);
        let fenced = "```\n`gone.rs`\n```\n";
        assert_eq!(in_document("f.md", fenced, &Paths::new([])), [""; 0]);
    }
}
