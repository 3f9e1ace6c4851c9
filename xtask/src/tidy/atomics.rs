//! Every atomic operation says why its ordering is enough, and what it pairs with.

use super::File;
use super::source::Line;

const ORDERINGS: &[&str] = &["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// Lines of code between a comment and its operation, for statements of several lines.
const DISTANCE: usize = 6;

pub(super) fn check(file: &File) -> Vec<String> {
    let lines = file.shipped();
    let mut findings = Vec::new();
    let mut taken = None;
    for index in operations(lines) {
        let comment = comment_of(lines, index);
        match comment {
            Some(found) if taken != comment => {
                if !names_its_pair(lines, found) {
                    findings.push(file.at(found, "ORDERING without \"pairs with\" or \"no pair\""));
                }
            }
            _ => findings.push(file.at(index, "atomic operation without its own ORDERING comment")),
        }
        taken = comment;
    }
    findings
}

/// The lines on which the operations begin: pairs of parentheses that directly hold an ordering.
fn operations(lines: &[Line]) -> Vec<usize> {
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

/// Whether the comment that begins on line `start` names the operation it pairs with, or says why
/// there is none.
fn names_its_pair(lines: &[Line], start: usize) -> bool {
    let rest = lines[start + 1..].iter().take_while(|line| line.is_only_comment());
    let text: Vec<_> = lines[start..=start]
        .iter()
        .chain(rest)
        .map(|line| line.comment.trim_start_matches('/'))
        .collect();
    let text = text.join(" ").to_lowercase();
    let words: Vec<_> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        matches!(pair, ["pairs" | "pair", "with"]) || pair[0] == "no" && pair[1].starts_with("pair")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&File::new("f.rs", text)).len()
    }

    #[test]
    fn wants_one_comment_per_operation() {
        assert_eq!(findings("a.load(Acquire);"), 1);
        assert_eq!(findings("// ORDERING: pairs with `send`.\na.load(Ordering::Acquire);"), 0);
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
