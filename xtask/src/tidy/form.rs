//! Files are laid out one way: a module with files of its own is `NAME/mod.rs`, and what a file
//! says of itself comes before its attributes.

use super::File;
use std::collections::BTreeSet;

pub(super) fn check(files: &[&File]) -> Vec<String> {
    let mut findings = beside_a_folder(files);
    findings.extend(files.iter().filter_map(|file| attribute_first(file)));
    findings
}

/// `NAME.rs` beside a folder `NAME`.
fn beside_a_folder(files: &[&File]) -> Vec<String> {
    let folders = files.iter().filter_map(|file| file.path.rsplit_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
    let stems = files.iter().filter_map(|file| Some((file, file.path.strip_suffix(".rs")?)));
    let found = stems.filter(|(_, stem)| folders.contains(stem));
    found
        .map(|(file, stem)| format!("{}: a module with a folder is `{stem}/mod.rs`", file.path))
        .collect()
}

/// An attribute of the whole file that stands in front of its header.
fn attribute_first(file: &File) -> Option<String> {
    let header = file.lines.iter().rposition(|line| line.comment.starts_with("//!"))?;
    let first = file.lines.iter().position(|line| line.code.starts_with("#!["))?;
    (first < header).then(|| file.at(first, "the header `//!` comes first, then attributes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_one_place() {
        let files = ["a/mod.rs", "a/b.rs", "c.rs", "c/d.rs", "e.rs", "e/f/g.rs"]
            .map(|path| File::new(format!("src/{path}"), ""));
        let files: Vec<_> = files.iter().collect();
        assert_eq!(beside_a_folder(&files), ["src/c.rs: a module with a folder is `src/c/mod.rs`"]);
    }

    #[test]
    fn the_header_comes_first() {
        let first = |text| attribute_first(&File::new("f.rs", text));
        assert_eq!(first("//! A.\n//! B.\n#![forbid(unsafe_code)]\n"), None);
        assert_eq!(first("#![forbid(unsafe_code)]\nuse a;\n"), None);
        assert!(first("#![forbid(unsafe_code)]\n//! A.\n").is_some());
        assert!(first("//! A.\n#![cfg(x)]\n//! B.\n").is_some());
    }
}
