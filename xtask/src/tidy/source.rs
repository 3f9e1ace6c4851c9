//! A Rust file, split into code and comments line by line.
//!
//! A small scanner instead of a parser: tidy must see comments, which parsers drop, and must not be
//! misled by words inside strings.

/// One line of a file. Positions in `code` are those of the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    /// The line with comments and the contents of strings blanked out.
    pub(super) code: String,
    /// The text of the line's comments, doc comments included.
    pub(super) comment: String,
}

impl Line {
    pub(super) fn has_code(&self) -> bool {
        !self.code.trim().is_empty()
    }

    pub(super) fn is_only_comment(&self) -> bool {
        !self.has_code() && !self.comment.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    /// With the depth of nesting.
    BlockComment(usize),
    Text,
    /// With the number of `#` that end it.
    RawText(usize),
}

/// Splits `text` into lines of code and comment.
pub(super) fn scan(text: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut state = State::Code;
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        if first == '\n' {
            if state == State::LineComment {
                state = State::Code;
            }
            lines.push(Line::default());
            rest = &rest[1..];
            before = ' ';
            continue;
        }
        let (length, next) = step(state, rest, before);
        let token = &rest[..length];
        if let Some(line) = lines.last_mut() {
            record(line, state, next, token);
        }
        (state, rest, before) = (next, &rest[length..], first);
    }
    lines
}

/// How many bytes the next token has, and the state behind it. `before` is the character in front.
fn step(state: State, rest: &str, before: char) -> (usize, State) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match state {
        State::Code => step_in_code(rest, before),
        State::LineComment => (first, state),
        State::BlockComment(depth) if rest.starts_with("/*") => (2, State::BlockComment(depth + 1)),
        State::BlockComment(1) if rest.starts_with("*/") => (2, State::Code),
        State::BlockComment(depth) if rest.starts_with("*/") => (2, State::BlockComment(depth - 1)),
        State::BlockComment(_) => (first, state),
        State::Text if rest.starts_with('"') => (1, State::Code),
        State::Text if rest.starts_with("\\\\") || rest.starts_with("\\\"") => (2, state),
        State::Text => (first, state),
        State::RawText(hashes) => {
            let end = format!("\"{}", "#".repeat(hashes));
            if rest.starts_with(&end) { (end.len(), State::Code) } else { (first, state) }
        }
    }
}

fn step_in_code(rest: &str, before: char) -> (usize, State) {
    let in_word = before.is_alphanumeric() || before == '_';
    if rest.starts_with("//") {
        (2, State::LineComment)
    } else if rest.starts_with("/*") {
        (2, State::BlockComment(1))
    } else if rest.starts_with('"') {
        (1, State::Text)
    } else if let Some((length, hashes)) = raw_text_start(rest).filter(|_| !in_word) {
        (length, State::RawText(hashes))
    } else if let Some(length) = character(rest) {
        (length, State::Code)
    } else {
        (rest.chars().next().map_or(1, char::len_utf8), State::Code)
    }
}

/// The length of `r#"` with any number of `#`, and that number.
fn raw_text_start(rest: &str) -> Option<(usize, usize)> {
    let start = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let body = start.trim_start_matches('#');
    let hashes = start.len() - body.len();
    body.starts_with('"').then_some((rest.len() - body.len() + 1, hashes))
}

/// The length of a character literal at the start, which a lifetime is not.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let mut chars = body.char_indices();
    match chars.next()?.1 {
        '\\' => {
            let escaped = chars.next()?.1.len_utf8() + 1;
            body[escaped..].find('\'').map(|end| escaped + end + 2)
        }
        first => body[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2),
    }
}

fn record(line: &mut Line, state: State, next: State, token: &str) {
    let in_comment = |state| matches!(state, State::LineComment | State::BlockComment(_));
    let is_literal = token.len() > 1 && token.starts_with('\'');
    if in_comment(state) || in_comment(next) {
        line.comment.push_str(token);
        line.code.push_str(&" ".repeat(token.len()));
    } else if state == State::Code && next == State::Code && !is_literal {
        line.code.push_str(token);
    } else {
        // A string or character: its quotes stay, so that the line still has code.
        line.code.push('"');
        line.code.push_str(&" ".repeat(token.len() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let lines: Vec<_> = scan(text).into_iter().map(|line| line.code).collect();
        lines.join("\n").trim_end().to_owned()
    }

    #[test]
    fn separates_code_from_comments() {
        let lines = scan("a(); // SAFETY: b\n/* c\n/* d */ e */ f");
        assert_eq!(lines[0].code.trim_end(), "a();");
        assert_eq!(lines[0].comment, "// SAFETY: b");
        assert!(lines[1].is_only_comment());
        assert_eq!(lines[2].code.trim(), "f");
    }

    #[test]
    fn keeps_words_in_strings_out() {
        assert!(!code(r#"let a = "unsafe \" // x"; b"#).contains("unsafe"));
        assert!(code(r#"let a = "unsafe \" // x"; b"#).ends_with("; b"));
        assert!(!code("r#\"unsafe \" unsafe\"#; b").contains("unsafe"));
    }

    #[test]
    fn tells_characters_from_lifetimes() {
        assert!(code("f('\"', '\\'', b)").ends_with(", b)"));
        assert_eq!(code("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
    }

    #[test]
    fn keeps_positions() {
        assert_eq!(code("a \"bcd\" e").find('e'), Some(8));
    }
}
