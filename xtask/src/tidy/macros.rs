//! No macro hides control flow: a reader of the call must see where a function can end.

use super::File;
use super::source::Line;

pub(super) fn check(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    let mut depth: Option<usize> = None;
    for (index, line) in file.lines.iter().enumerate() {
        if depth.is_none() && line.code.contains("macro_rules!") {
            depth = Some(0);
        }
        let Some(open) = depth else { continue };
        if let Some(word) = control_flow(&line.code) {
            findings.push(file.at(index, &format!("macro with `{word}` inside; write a function")));
        }
        depth = still_open(line, open);
    }
    findings
}

/// The depth of braces behind `line`; none when the macro's last one has closed.
fn still_open(line: &Line, mut depth: usize) -> Option<usize> {
    for character in line.code.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return None,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Some(depth)
}

fn control_flow(code: &str) -> Option<&'static str> {
    let words: Vec<_> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let word = ["return", "break", "continue"].into_iter().find(|word| words.contains(word));
    word.or_else(|| has_question_mark(code).then_some("?"))
}

/// Whether a `?` returns, rather than says that a repetition is optional: `$(..)?`, `$(..),?`.
fn has_question_mark(code: &str) -> bool {
    let mut open = Vec::new();
    let mut repetition_ended = false;
    let mut before = ' ';
    for character in code.chars() {
        match character {
            '(' => open.push(before == '$'),
            ')' => repetition_ended = open.pop().unwrap_or(true),
            '?' if !repetition_ended && before != '$' => return true,
            ',' | ';' | '|' => {}
            _ => repetition_ended = false,
        }
        before = character;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(body: &str) -> usize {
        let text = format!("macro_rules! m {{\n(x) => {{ {body} }};\n}}\nfn f() {{ return; }}\n");
        check(&File::new("f.rs", &text)).len()
    }

    #[test]
    fn finds_what_leaves_the_caller() {
        assert_eq!(findings("a"), 0);
        assert_eq!(findings("return a"), 1);
        assert_eq!(findings("f(a)?"), 1);
        assert_eq!(findings("break"), 1);
    }

    #[test]
    fn an_optional_repetition_is_no_return() {
        assert_eq!(findings("$( $a ),* $(,)?"), 0);
    }
}
