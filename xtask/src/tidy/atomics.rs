//! Every atomic operation says why its ordering is enough, and what it pairs with.

use super::source::Line;
use super::{File, partners};

const ORDERINGS: &[&str] = &["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// Lines of code between a comment and its operation, for statements of several lines.
const DISTANCE: usize = 6;

/// Checks the comments of `file` against the operations of the whole core, `partners`.
pub(super) fn check(file: &File, partners: &[partners::Partner]) -> Vec<String> {
    let lines = file.shipped();
    let mut findings = Vec::new();
    let mut taken = None;
    for index in operations(lines) {
        let comment = comment_of(lines, index);
        match comment {
            Some(found) if taken != comment => {
                let text = comment_text(lines, found);
                match pairing(&text) {
                    Some(Pairing::None) => {}
                    Some(Pairing::With) => {
                        let finding = partners::check(file, &text, partners);
                        findings.extend(finding.map(|finding| file.at(found, &finding)));
                    }
                    None => findings
                        .push(file.at(found, "ORDERING without \"pairs with\" or \"no pair\"")),
                }
            }
            _ => findings.push(file.at(index, "atomic operation without its own ORDERING comment")),
        }
        taken = comment;
    }
    findings
}

/// The lines on which the operations begin: pairs of parentheses that directly hold an ordering.
pub(super) fn operations(lines: &[Line]) -> Vec<usize> {
    let mut operations = Vec::new();
    // The line of each open parenthesis, and whether it is known to be an operation's.
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for token in tokens(&line.code) {
            match token {
                "(" => open.push((index, false)),
                ")" => drop(open.pop()),
                word if ORDERINGS.contains(&word) => {
                    if let Some((start, known @ false)) = open.last_mut() {
                        operations.push(*start);
                        *known = true;
                    }
                }
                _ => {}
            }
        }
    }
    operations
}

/// Words, and every other character by itself.
fn tokens(code: &str) -> impl Iterator<Item = &str> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split_inclusive(move |c| !in_word(c)).flat_map(move |piece| {
        let end = piece.trim_end_matches(move |c| !in_word(c)).len();
        [&piece[..end], &piece[end..]]
    })
}

/// The line of the `ORDERING:` nearest above the operation on line `index`.
fn comment_of(lines: &[Line], index: usize) -> Option<usize> {
    let mut code = 0;
    for above in (0..=index).rev() {
        if lines[above].comment.contains("ORDERING:") {
            return Some(above);
        }
        code += usize::from(lines[above].has_code());
        if code > DISTANCE {
            return None;
        }
    }
    None
}

enum Pairing {
    With,
    None,
}

/// Whether the comment pairs its operation with another one, or says why with none.
fn pairing(text: &str) -> Option<Pairing> {
    let words: Vec<_> = text.split_whitespace().collect();
    let mut pairs = words.windows(2);
    if pairs.any(|pair| matches!(pair, ["pairs" | "pair", "with"])) {
        return Some(Pairing::With);
    }
    let mut pairs = words.windows(2);
    pairs.any(|pair| pair[0] == "no" && pair[1].starts_with("pair")).then_some(Pairing::None)
}

/// The comment that begins on line `start`, as one line.
fn comment_text(lines: &[Line], start: usize) -> String {
    let rest = lines[start + 1..].iter().take_while(|line| line.is_only_comment());
    let all = lines[start..=start].iter().chain(rest);
    all.map(|line| line.comment.trim_start_matches('/').trim()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        let core = File::new("f.rs", "fn f() {\n    a.load(Acquire);\n}\n");
        let partners = partners::of(&core, &operations(core.shipped()));
        check(&File::new("f.rs", text), &partners).len()
    }

    #[test]
    fn wants_one_comment_per_operation() {
        assert_eq!(findings("a.load(Acquire);"), 1);
        assert_eq!(findings("// ORDERING: pairs with `f`.\na.load(Ordering::Acquire);"), 0);
        assert_eq!(findings("// ORDERING: pairs with `f`.\na.load(Acquire);\nb.load(Relaxed);"), 1);
        let statement =
            "// ORDERING: both pair with `f`.\na.compare_exchange(\nb,\nc,\nAcqRel,\nAcquire,\n);";
        assert_eq!(findings(statement), 0);
        assert_eq!(findings("use Ordering::{Acquire, Release};"), 0);
    }

    #[test]
    fn wants_the_pair_named() {
        assert_eq!(findings("// ORDERING: it is fast.\na.load(Relaxed);"), 1);
        assert_eq!(findings("// ORDERING: no pair: a count\n// for people.\na.load(Relaxed);"), 0);
    }
}
