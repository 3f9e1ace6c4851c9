//! Files are laid out one way: a module with files of its own is `NAME/mod.rs`, and what a file
//! says of itself comes before its attributes.

use super::File;
use std::collections::BTreeSet;

/// `NAME.rs` beside a folder `NAME`, that are still there. One that is not is an error.
const BESIDE_A_FOLDER: &[&str] =
    &["crates/levada-serve/src/run.rs", "crates/levada/src/storage/latest.rs"];

pub(super) fn check(files: &[&File]) -> Vec<String> {
    let mut findings = beside_a_folder(files, BESIDE_A_FOLDER);
    findings.extend(files.iter().filter_map(|file| attribute_first(file)));
    findings
}

fn beside_a_folder(files: &[&File], known: &[&str]) -> Vec<String> {
    let folders = files.iter().filter_map(|file| file.path.rsplit_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
    let is_beside = |file: &&&File| folders.contains(file.path.trim_end_matches(".rs"));
    let found: Vec<_> = files.iter().filter(is_beside).map(|file| file.path.as_str()).collect();
    let new = found.iter().filter(|path| !known.contains(path));
    let new = new.map(|path| {
        format!("{path}: a module with a folder is `{}/mod.rs`", path.trim_end_matches(".rs"))
    });
    let gone = known.iter().filter(|path| !found.contains(path));
    new.chain(gone.map(|path| format!("{path}: is not there: delete the exception in tidy/form")))
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
        assert_eq!(
            beside_a_folder(&files, &[]),
            ["src/c.rs: a module with a folder is `src/c/mod.rs`"]
        );
        assert_eq!(beside_a_folder(&files, &["src/c.rs"]), [""; 0]);
        assert_eq!(beside_a_folder(&files, &["src/c.rs", "src/a.rs"]).len(), 1);
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
