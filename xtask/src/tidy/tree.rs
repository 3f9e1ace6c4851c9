//! Every file is part of a crate: what no `mod` names is not compiled, and rots.

use super::File;
use std::collections::BTreeSet;

/// Folders of programs that must not compile, which their test finds by listing them.
const FIXTURES: &[&str] = &["/compile-fail/", "/ui/"];

/// `roots` are the files cargo compiles, relative to the repository's root.
pub(super) fn check(files: &[File], roots: &[String]) -> Vec<String> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<String> = roots.to_vec();
    while let Some(path) = waiting.pop() {
        let Some(file) = files.iter().find(|file| file.path == path) else {
            continue;
        };
        if reached.insert(path.clone()) {
            waiting.extend(modules(file, roots.contains(&path)));
        }
    }
    let lost = files.iter().filter(|file| !reached.contains(&file.path));
    lost.filter(|file| !FIXTURES.iter().any(|folder| file.path.contains(folder)))
        .map(|file| format!("{}: no `mod` leads here", file.path))
        .collect()
}

/// The files that the `mod` and `include!` lines of `file` may mean.
fn modules(file: &File, is_root: bool) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let inner =
        if is_root || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut found = Vec::new();
    for line in &file.lines {
        if let Some(name) = module_name(&line.code) {
            found.push(format!("{inner}/{name}.rs"));
            found.push(format!("{inner}/{name}/mod.rs"));
        }
    }
    found
}

/// The name in `mod NAME;`, whatever its visibility.
fn module_name(code: &str) -> Option<&str> {
    let words: Vec<_> = code.trim().strip_suffix(';')?.split_whitespace().collect();
    match words[..] {
        [.., "mod", name] => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_file_nobody_names() {
        let files = [
            File::new("src/lib.rs", "mod a;\npub(crate) mod b;"),
            File::new("src/a.rs", "mod c;"),
            File::new("src/a/c.rs", ""),
            File::new("src/b/mod.rs", "mod d;"),
            File::new("src/b/d.rs", ""),
            File::new("src/lost.rs", ""),
        ];
        assert_eq!(check(&files, &["src/lib.rs".into()]), ["src/lost.rs: no `mod` leads here"]);
    }
}
