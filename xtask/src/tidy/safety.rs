//! Whatever is unsafe carries its proof: a block and an `impl` a SAFETY comment, an `unsafe fn`
//! what its caller must ensure.
//!
//! clippy checks the blocks, too, and everywhere, but not the functions that only the crate can
//! call.

use super::File;
use super::source::Line;

/// What is written where a proof is missing.
const EMPTY_WORDS: &[&str] = &["untriaged", "obvious", "trivial", "see above"];

/// The same, in what users compile: the state has changed since, and a proof names what it relies
/// on.
const REPEATED_WORDS: &[&str] = &["as above", "same as", "same contract"];

/// Lines of code between a comment and its block, for statements of several lines.
const DISTANCE: usize = 4;

pub(super) fn check(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut inside = false;
    for (index, line) in file.lines.iter().enumerate() {
        inside = line.comment.contains("SAFETY:") || inside && line.is_only_comment();
        let text = line.comment.to_lowercase();
        let repeated = if file.is_shipped() { REPEATED_WORDS } else { &[] };
        let mut words = EMPTY_WORDS.iter().chain(repeated);
        if let Some(word) = words.find(|word| inside && text.contains(**word)) {
            findings.push(file.at(index, &format!("SAFETY says \"{word}\" instead of why")));
        }
    }
    let shipped = if file.is_shipped() { file.shipped() } else { &[] };
    for (index, item) in unsafe_items(shipped) {
        let (mark, distance) = match item {
            // Only comments and attributes stand between the section and its function.
            Item::Function => ("# Safety", 1),
            Item::BlockOrImpl => ("SAFETY:", DISTANCE),
        };
        if !is_marked(shipped, index, mark, distance) {
            findings.push(file.at(index, &format!("`unsafe` without its own `{mark}`")));
        }
    }
    findings
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Function,
    BlockOrImpl,
}

/// The lines with the word `unsafe`, but for types of functions.
pub(super) fn unsafe_items(lines: &[Line]) -> Vec<(usize, Item)> {
    let mut items = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = &line.code;
        for (start, word) in code.match_indices("unsafe") {
            let rest = code[start + word.len()..].trim_start();
            let in_word = |c: char| c.is_alphanumeric() || c == '_';
            let is_word =
                !code[..start].ends_with(in_word) && !code[start + 6..].starts_with(in_word);
            if is_word && super::partners::function_name(rest).is_some() {
                items.push((index, Item::Function));
            } else if is_word && (rest.is_empty() || rest.starts_with(['{', 'i'])) {
                items.push((index, Item::BlockOrImpl));
            }
        }
    }
    items
}

/// Whether `mark` is in a comment above line `index`, or on it, with less than `distance` lines of
/// code and no other `unsafe` in between. An attribute is no code.
fn is_marked(lines: &[Line], index: usize, mark: &str, distance: usize) -> bool {
    let mut code = 0;
    for above in (0..=index).rev() {
        if above < index && lines[above].code.contains("unsafe") {
            return false;
        }
        if lines[above].comment.contains(mark) {
            return true;
        }
        let is_code = lines[above].has_code() && !lines[above].code.trim().starts_with("#[");
        code += usize::from(is_code);
        if code > distance {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&File::new("crates/a/src/f.rs", text)).len()
    }

    #[test]
    fn wants_reasons() {
        assert_eq!(findings("// SAFETY: this is\n// Obviously fine.\nunsafe { a() }"), 1);
        assert_eq!(findings("// SAFETY: as above.\nunsafe { a() }"), 1);
        assert_eq!(findings("// SAFETY: I1.\nunsafe { a() }\n// Trivial.\n"), 0);
    }

    #[test]
    fn wants_a_proof_for_each() {
        assert_eq!(findings("unsafe { a() }"), 1);
        assert_eq!(findings("unsafe impl Send for A {}"), 1);
        assert_eq!(findings("// SAFETY: I1.\nlet a =\n    unsafe { b() };"), 0);
        assert_eq!(findings("// SAFETY: I1.\nunsafe { a() };\nunsafe { b() };"), 1);
        assert_eq!(findings("unsafe fn a() {}"), 1);
        assert_eq!(findings("/// # Safety\n/// I1.\n#[inline]\npub(crate) unsafe fn a() {}"), 0);
        assert_eq!(findings("/// # Safety\n/// I1.\nfn a() {}\nunsafe fn b() {}"), 1);
        assert_eq!(findings("#![forbid(unsafe_code)]\ntype A = unsafe extern fn();"), 0);
    }
}
