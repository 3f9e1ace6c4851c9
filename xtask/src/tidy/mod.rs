//! `cargo xtask tidy`: the rules of CONTRIBUTING.md that no lint checks.

mod atomics;
mod bugs;
mod cited;
mod form;
mod imports;
mod layers;
mod macros;
mod numbers;
mod partners;
mod prose;
mod safety;
mod size;
mod source;
mod tree;
mod twins;

use crate::Result;
use crate::cargo::{Metadata, root};
use source::Line;
use std::fs;
use std::path::{Path, PathBuf};

/// A workspace of its own, since it has the peers as dependencies: only its layers are checked.
const BENCHES: &str = "benches";

/// A Rust file of the workspace.
struct File {
    /// Relative to the root, with `/`.
    path: String,
    /// As it is written, line by line.
    text: Vec<String>,
    lines: Vec<Line>,
}

impl File {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self::new(relative(path), &text))
    }

    fn new(path: impl Into<String>, text: &str) -> Self {
        let lines = text.split('\n').map(str::to_owned).collect();
        Self { path: path.into(), text: lines, lines: source::scan(text) }
    }

    /// The lines in front of the unit tests and models, which end a file.
    fn shipped(&self) -> &[Line] {
        let tests = |line: &Line| {
            let code = line.code.trim_start_matches("pub(crate) ").trim();
            code.starts_with("mod tests {") || code.starts_with("mod model {")
        };
        let end = self.lines.iter().position(tests).unwrap_or(self.lines.len());
        &self.lines[..end]
    }

    /// Whether a program wrote the file; what is wrong with it is wrong there.
    fn is_generated(&self) -> bool {
        self.lines[0].comment.starts_with("// @generated")
    }

    /// Whether the item on line `index` has an attribute in front that leaves it out of what users
    /// compile.
    fn is_test_only(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map(|index| self.lines[index].code.trim());
        before.is_some_and(|code| code == "#[cfg(test)]" || code.starts_with("#[cfg(all(test,"))
    }

    /// Whether the file belongs to what users compile: a crate's `src`, and no file of tests.
    fn is_shipped(&self) -> bool {
        self.path.starts_with("crates/") && self.path.contains("/src/") && !self.is_test_file()
    }

    /// Whether it is compiled for unit tests and models only.
    fn is_test_file(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "model.rs"
            || name.trim_end_matches(".rs").ends_with("tests")
            || ["/tests/", "/model/"].iter().any(|folder| self.path.contains(folder))
    }

    fn at(&self, index: usize, message: &str) -> String {
        format!("{}:{}: {message}", self.path, index + 1)
    }
}

/// The path below the repository's root, with `/`.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Checks every Rust file of the workspace and lists every finding.
pub(crate) fn run() -> Result {
    let metadata = Metadata::load()?;
    let mut paths = Vec::new();
    let mut roots = Vec::new();
    for package in metadata.members() {
        rust_files(&package.dir(), &mut paths)?;
        roots.extend(package.target_files().map(|path| relative(&path)));
    }
    let mut files = read(paths)?;
    files.retain(|file| !file.is_generated());
    let shipped = || files.iter().filter(|file| file.is_shipped());
    let operations = |file: &File| atomics::operations(file.shipped());
    let partners: Vec<_> =
        shipped().flat_map(|file| partners::of(file, &operations(file))).collect();
    let mut findings = tree::check(&files, &roots);
    findings.extend(bugs::check(&text(bugs::TABLE)?, &files));
    findings.extend(twins::check(&files));
    let mut benches = Vec::new();
    rust_files(&root().join(BENCHES), &mut benches)?;
    let benches = read(benches)?;
    let with_benches: Vec<_> = files.iter().chain(&benches).collect();
    findings.extend(layers::check(&with_benches, &text(layers::DOCUMENT)?));
    findings.extend(form::check(&with_benches));
    findings.extend(cited_paths(&with_benches)?);
    findings.extend(numbers::check(text)?);
    findings.extend(prose::check(&files)?);
    for file in &files {
        findings.extend(size::check(file));
        findings.extend(safety::check(file));
        findings.extend(macros::check(file));
        findings.extend(prose::wide_lines(file));
        if file.is_shipped() {
            findings.extend(atomics::check(file, &partners));
        }
    }
    let count = |of: fn(&File) -> usize| shipped().map(of).sum::<usize>();
    println!(
        "{} files; what users compile has {} atomic operations and {} times `unsafe`",
        files.len(),
        count(|file| atomics::operations(file.shipped()).len()),
        count(|file| safety::unsafe_items(file.shipped()).len()),
    );
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("{count} findings\n  {}", findings.join("\n  ")).into()),
    }
}

fn read(mut paths: Vec<PathBuf>) -> Result<Vec<File>> {
    paths.sort();
    paths.dedup();
    paths.iter().map(|path| File::read(path)).collect()
}

/// The text of a document, whose path is relative to the root.
fn text(document: &str) -> Result<String> {
    fs::read_to_string(root().join(document))
        .map_err(|error| format!("cannot read {document}: {error}").into())
}

/// Paths that comments and documents cite, and that there are not.
fn cited_paths(files: &[&File]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    every_file(&root(), &mut all)?;
    let all: Vec<_> = all.iter().map(|path| relative(path)).collect();
    let paths = cited::Paths::new(all.iter().cloned());
    let mut findings: Vec<_> =
        files.iter().flat_map(|file| cited::in_comments(file, &paths)).collect();
    // What CHANGELOG.md speaks of may be gone.
    for document in all.iter().filter(|path| path.ends_with(".md") && *path != "CHANGELOG.md") {
        findings.extend(cited::in_document(document, &text(document)?, &paths));
    }
    Ok(findings)
}

/// Collects the files below `folder`, without build output and what git keeps.
fn every_file(folder: &Path, paths: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !path.is_dir() {
            paths.push(path);
        } else if name != "target" && name != ".git" {
            every_file(&path, paths)?;
        }
    }
    Ok(())
}

/// Collects the Rust files below `folder`, without build output and hidden folders.
fn rust_files(folder: &Path, paths: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}
