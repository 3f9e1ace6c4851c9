//! Modules of `crates/levada` use only what lies below them.

use super::File;

const SOURCE: &str = "crates/levada/src/";

/// A module and all it may use. What is not here may be used by nothing below `lib.rs`.
const LAYERS: &[(&str, &[&str])] = &[
    ("prim", &[]),
    ("util", &["prim"]),
    ("storage", &["prim", "util"]),
    ("wait", &["prim", "util"]),
    ("refs", &["prim", "util", "storage", "wait"]),
    ("queue", &["prim", "util", "storage", "wait", "refs"]),
    ("mpsc", CHANNEL),
    ("mpmc", CHANNEL),
    ("oneshot", CHANNEL),
    ("broadcast", CHANNEL),
    ("watch", CHANNEL),
    // Text and examples about the whole crate.
    ("guide", &["mpsc", "mpmc", "oneshot", "broadcast", "watch"]),
];

/// What a channel may use: everything below, no other channel.
const CHANNEL: &[&str] = &["prim", "util", "storage", "wait", "refs", "queue"];

pub(super) fn check(file: &File) -> Vec<String> {
    let Some(inner) = file.path.strip_prefix(SOURCE) else {
        return Vec::new();
    };
    let module = inner.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let mut findings = atomics_outside_prim(file, module);
    if module == "lib" {
        return findings;
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        findings
            .push(format!("{}: module `{module}` has no layer; see xtask tidy/layers", file.path));
        return findings;
    };
    let code: Vec<_> = file.shipped().iter().map(|line| line.code.as_str()).collect();
    for (index, name) in used_modules(&code.join("\n")) {
        let is_below = name == module || allowed.contains(&name.as_str());
        if !is_below && !file.is_test_only(index) {
            findings.push(file.at(index, &format!("`{module}` may not use `crate::{name}`")));
        }
    }
    if code.iter().any(|line| line.contains("super::super")) {
        findings.push(format!("{}: `super::super` hides the layer; use `crate::`", file.path));
    }
    findings
}

/// The standard atomics go through `prim`, so that loom sees them.
fn atomics_outside_prim(file: &File, module: &str) -> Vec<String> {
    let finding = |(index, line): (usize, &super::Line)| {
        let named = ["core::sync::atomic", "std::sync::atomic"];
        named
            .iter()
            .any(|path| line.code.contains(path))
            .then(|| file.at(index, "atomics come from `crate::prim`, so that the models see them"))
    };
    if module == "prim" {
        return Vec::new();
    }
    file.shipped().iter().enumerate().filter_map(finding).collect()
}

/// The first segments behind `crate::`, with the index of their line; `crate::{a, b::c}` has two.
fn used_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, path) in code.match_indices("crate::") {
        if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let line = code[..start].matches('\n').count();
        let rest = &code[start + path.len()..];
        match rest.strip_prefix('{') {
            None => found.push((line, word(rest))),
            Some(group) => found.extend(heads(group).into_iter().map(|head| (line, head))),
        }
    }
    found
}

/// The first word of each entry of a use group.
fn heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0_usize;
    let mut at_head = true;
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && depth == 0 && !character.is_whitespace() => {
                heads.push(word(&group[index..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&File::new(format!("{SOURCE}{path}"), text)).len()
    }

    #[test]
    fn follows_the_table() {
        assert_eq!(findings("storage/ring.rs", "use crate::prim::Mutex;"), 0);
        assert_eq!(findings("storage/ring.rs", "use crate::wait::List;"), 1);
        assert_eq!(
            findings("mpsc/sender.rs", "use crate::{mpsc::error, queue::{a, b}, watch};"),
            1
        );
        assert_eq!(findings("mpsc/sender.rs", "fn f() { crate::oneshot::channel(); }"), 1);
        assert_eq!(findings("unheard/of.rs", ""), 1);
        assert_eq!(findings("prim/mod.rs", "#[cfg(test)]\nuse crate::util::block_on;"), 0);
        assert_eq!(findings("lib.rs", "pub use crate::mpsc;"), 0);
    }

    #[test]
    fn keeps_atomics_in_prim() {
        assert_eq!(findings("prim/std.rs", "use core::sync::atomic::AtomicUsize;"), 0);
        assert_eq!(findings("refs.rs", "use std::sync::atomic::AtomicUsize;"), 1);
        assert_eq!(findings("refs.rs", "#[cfg(test)]\nmod tests { use std::sync::atomic::*; }"), 0);
    }
}
