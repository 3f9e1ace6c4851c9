//! Which module of a crate uses which other: the paths that begin with `crate`, `self` or `super`,
//! resolved as the compiler resolves them, through re-exports.
//!
//! What it does not see: a path of a module that begins with the name of a child (a folder's
//! `mod.rs` may use its files), and what a macro writes.

use super::File;
use std::collections::{BTreeMap, BTreeSet};

/// The place of a module in its crate: `jobs::live` is `["jobs", "live"]`, the root is empty.
pub(super) type ModulePath = Vec<String>;

/// One module uses another one, or an item of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Import {
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
    /// `FILE:LINE` of the path.
    pub(super) at: String,
}

struct Module<'a> {
    file: &'a File,
    paths: Vec<UsedPath>,
}

/// A path as it is written.
#[derive(Debug, PartialEq)]
struct UsedPath {
    line: usize,
    segments: Vec<String>,
    /// The name that a `use` gives it in its module; none for a path in an expression or a type.
    name: Option<String>,
}

/// All imports between the modules below `source`, a crate's `src/`.
pub(super) fn of<'a>(source: &str, files: impl Iterator<Item = &'a File>) -> Vec<Import> {
    let modules: BTreeMap<ModulePath, Module> = files
        .filter_map(|file| Some((module_of(file.path.strip_prefix(source)?), file)))
        .map(|(path, file)| (path, Module { file, paths: paths_of(file) }))
        .collect();
    let mut imports = Vec::new();
    for (from, module) in &modules {
        for path in &module.paths {
            let Some(to) = resolve(&modules, from, &path.segments, 0) else { continue };
            if to != *from {
                let at = format!("{}:{}", module.file.path, path.line + 1);
                imports.push(Import { from: from.clone(), to, at });
            }
        }
    }
    imports
}

/// The module that a file of `src/` is.
pub(super) fn module_of(file: &str) -> ModulePath {
    let mut path: ModulePath = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let is_root = path.len() == 1 && ["lib", "main"].contains(&path[0].as_str());
    if is_root || path.last().is_some_and(|name| name == "mod") {
        path.pop();
    }
    path
}

/// The module that `segments`, written in `from`, leads into. None for a path of another crate.
fn resolve(
    modules: &BTreeMap<ModulePath, Module>,
    from: &ModulePath,
    segments: &[String],
    depth: usize,
) -> Option<ModulePath> {
    let mut at = from.clone();
    let mut rest = segments;
    match rest.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {}
        // In a `use`, the name of a child.
        child if is_module(modules, from, child) => {}
        _ => return None,
    }
    while rest.first().is_some_and(|segment| segment == "super") {
        at.pop();
        rest = &rest[1..];
    }
    while let Some(segment) = rest.first().filter(|segment| is_module(modules, &at, segment)) {
        at.push(segment.clone());
        rest = &rest[1..];
    }
    // An item that the module has from elsewhere: what counts is where it is.
    let renamed = rest.first().and_then(|item| {
        let exports = &modules.get(&at)?.paths;
        exports.iter().find(|path| path.name.as_ref() == Some(item))
    });
    let elsewhere = renamed
        .filter(|_| depth < 8)
        .and_then(|path| resolve(modules, &at, &path.segments, depth + 1));
    Some(elsewhere.unwrap_or(at))
}

fn is_module(modules: &BTreeMap<ModulePath, Module>, parent: &ModulePath, name: &str) -> bool {
    let mut path = parent.clone();
    path.push(name.to_owned());
    modules.contains_key(&path)
}

/// The paths of a file's shipped code, those of `use` declarations first.
fn paths_of(file: &File) -> Vec<UsedPath> {
    let lines = file.shipped();
    let code = lines.iter().map(|line| line.code.as_str()).collect::<Vec<_>>().join("\n");
    let line_at = |position: usize| code[..position].matches('\n').count();
    let mut paths = Vec::new();
    let mut seen = BTreeSet::new();
    for (start, word) in code.match_indices("use ") {
        if is_in_word(&code, start) {
            continue;
        }
        let mut reader = Reader { code: &code, at: start + word.len() };
        let mut found = Vec::new();
        reader.tree(&[], &mut found);
        for (position, segments, name) in found {
            seen.insert(position);
            paths.push(UsedPath { line: line_at(position), segments, name: Some(name) });
        }
        // The heads inside this declaration are not paths of their own.
        seen.extend(start..reader.at);
    }
    for head in ["crate::", "self::", "super::"] {
        for (start, _) in code.match_indices(head) {
            if is_in_word(&code, start) || code[..start].ends_with("::") || seen.contains(&start) {
                continue;
            }
            let segments = Reader { code: &code, at: start }.segments();
            paths.push(UsedPath { line: line_at(start), segments, name: None });
        }
    }
    paths.retain(|path| !file.is_test_only(path.line));
    paths
}

/// Whether the word at `start` is the end of a longer one, or of a macro's `$crate`.
fn is_in_word(code: &str, start: usize) -> bool {
    code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
}

/// Reads paths out of code whose comments and strings are blanked out.
struct Reader<'a> {
    code: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn word(&mut self) -> &'a str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// `a::b::c`, without what follows it.
    fn segments(&mut self) -> Vec<String> {
        let mut segments = vec![self.word().to_owned()];
        while self.rest().starts_with("::") {
            self.at += 2;
            match self.word() {
                "" => break,
                word => segments.push(word.to_owned()),
            }
        }
        segments
    }

    /// A tree of `use`: each path with its position and the name that it has afterwards.
    fn tree(&mut self, prefix: &[String], found: &mut Vec<(usize, Vec<String>, String)>) {
        let mut segments = prefix.to_vec();
        self.skip_space();
        let start = self.at;
        loop {
            if self.takes("{") {
                while !self.takes("}") && !self.rest().is_empty() {
                    let before = self.at;
                    self.tree(&segments, found);
                    self.takes(",");
                    if self.at == before {
                        return;
                    }
                }
                return;
            }
            if self.takes("*") {
                break;
            }
            match self.word() {
                "" => return,
                // `a::{self}` is `a`.
                "self" if !segments.is_empty() => {}
                word => segments.push(word.to_owned()),
            }
            if !self.takes("::") {
                break;
            }
        }
        let renamed = if self.takes("as ") { Some(self.word().to_owned()) } else { None };
        let name = renamed.or_else(|| segments.last().cloned()).unwrap_or_default();
        found.push((start, segments, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| File::new(format!("a/src/{path}"), text)).collect();
        let name = |path: &ModulePath| path.join("::");
        of("a/src/", files.iter())
            .iter()
            .map(|import| format!("{} -> {}", name(&import.from), name(&import.to)))
            .collect()
    }

    const TREE: [(&str, &str); 4] = [
        ("lib.rs", ""),
        ("b/mod.rs", "mod d;\npub(crate) use d::Item;"),
        ("b/d.rs", ""),
        ("c.rs", ""),
    ];

    fn arrows_of(file: &str, text: &str) -> Vec<String> {
        let mut files = TREE.to_vec();
        files.retain(|(path, _)| *path != file);
        files.push((file, text));
        let mut arrows = arrows(&files);
        arrows.retain(|arrow| arrow != "b -> b::d");
        arrows
    }

    #[test]
    fn files_are_modules() {
        assert_eq!(module_of("lib.rs"), [""; 0]);
        assert_eq!(module_of("a/mod.rs"), ["a"]);
        assert_eq!(module_of("a/b.rs"), ["a", "b"]);
        assert_eq!(module_of("a/main.rs"), ["a", "main"]);
    }

    #[test]
    fn paths_are_resolved() {
        for (text, expected) in [
            ("use crate::b::d::Thing;", "c -> b::d"),
            ("use super::b::d;", "c -> b::d"),
            ("fn f() { crate::b::d::g(); }", "c -> b::d"),
            ("type A = super::b::Mine;", "c -> b"),
            ("use crate::{b::{self, d::{Thing as Other}}, c};", "c -> b c -> b::d"),
            // A re-export is no home.
            ("use crate::b::Item;", "c -> b::d"),
            ("use crate::b;\nfn f(it: b::Mine) {}", "c -> b"),
            ("fn f() { crate::run(); }", "c -> "),
            ("use std::fmt;\nuse d::c;\n// crate::b\nlet a = \"crate::b\"; $crate::b", ""),
            ("#[cfg(test)]\nuse crate::b;", ""),
            ("mod tests {\n use crate::b;", ""),
        ] {
            assert_eq!(arrows_of("c.rs", text).join(" "), expected, "{text}");
        }
        assert_eq!(arrows_of("b/d.rs", "use super::super::c::{X,\nY};"), ["b::d -> c"; 2]);
        assert_eq!(arrows_of("b/d.rs", "use super::Mine;"), ["b::d -> b"]);
    }
}
