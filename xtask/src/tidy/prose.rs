//! Comments and docs are plain English: each sentence has a named subject, and lines are not wide.
//!
//! The counts are a ratchet: they may only fall. A file that has none stays that way.

use super::File;
use crate::Result;
use crate::cargo::root;
use std::fs;
use std::path::Path;

/// Sentences without a named subject that are left, in `crates/*/src` and `docs`.
const UNNAMED_LEFT: usize = 0;
/// The widest line of a comment, in characters. A row of a table may be wider.
const WIDTH: usize = 100;

/// Words that stand for a subject that the reader does not know.
const PRONOUNS: [&str; 7] =
    ["whoever", "whomever", "somebody", "nobody", "everybody", "himself", "herself"];
/// Phrases that hide what happens.
const PHRASES: [&str; 5] = ["is told", "are told", "be told", "was told", "sees to it"];
/// What may stand in front of a "who" without a noun: nothing, or the end of a clause.
const CLAUSE_ENDS: [char; 6] = ['.', ';', ':', ',', '|', '('];

/// The comments of a file that are too wide. What is fenced, a diagram or code, may be.
pub(super) fn wide_lines(file: &File) -> Vec<String> {
    let mut fenced = false;
    let mut is_wide = |line: &super::Line| {
        let text = line.comment.trim_start_matches(['/', '!']).trim_start();
        fenced ^= text.starts_with("```");
        // Comments are blanked out in `code`, which is as long as the line.
        let width = line.code.chars().count();
        let may_be_wide = fenced || ["://", "|"].iter().any(|mark| text.contains(mark));
        line.is_only_comment() && !may_be_wide && width > WIDTH
    };
    let lines = file.lines.iter().enumerate();
    lines
        .filter(|(_, line)| is_wide(line))
        .map(|(index, _)| file.at(index, &format!("a comment is wider than {WIDTH} columns")))
        .collect()
}

/// The sentences of the crates' sources and of the docs that have no named subject.
pub(super) fn unnamed_subjects(files: &[File]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/")) {
        if !file.path.contains("/src/") {
            continue;
        }
        for (index, line) in file.lines.iter().enumerate() {
            let text = line.comment.trim_start().trim_start_matches(['/', '!']);
            if let Some(what) = unnamed(text) {
                found.push(file.at(index, &format!("`{what}`: name the subject")));
            }
        }
    }
    documents(&root().join("docs"), &mut found)?;
    Ok(found)
}

/// Findings if there are more or fewer than [`UNNAMED_LEFT`].
pub(super) fn check(files: &[File]) -> Result<Vec<String>> {
    let mut found = unnamed_subjects(files)?;
    Ok(match found.len() {
        UNNAMED_LEFT => Vec::new(),
        count if count > UNNAMED_LEFT => {
            found.push(format!("{count} such sentences, and {UNNAMED_LEFT} are left"));
            found
        }
        count => vec![format!("{count} sentences without a subject are left: lower UNNAMED_LEFT")],
    })
}

fn documents(folder: &Path, found: &mut Vec<String>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            documents(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            for (index, line) in fs::read_to_string(&path)?.lines().enumerate() {
                // A heading may be a question without its mark.
                let what = if line.starts_with('#') { None } else { unnamed(line) };
                if let Some(what) = what {
                    let path = super::relative(&path);
                    found.push(format!("{path}:{}: `{what}`: name the subject", index + 1));
                }
            }
        }
    }
    Ok(())
}

/// The first word or phrase of a line that hides its subject.
fn unnamed(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '-', '*', '|', '#', '>']);
    let lower = line.to_lowercase();
    let is_word = |start: usize, word: &str| {
        let before = lower[..start].chars().next_back();
        let after = lower[start + word.len()..].chars().next();
        [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric() && c != '_')
    };
    let known = PRONOUNS.iter().chain(&PHRASES);
    for word in known {
        let mut places = lower.match_indices(word);
        if places.any(|(start, _)| is_word(start, word)) {
            return Some((*word).to_owned());
        }
    }
    let headless = lower.match_indices("who").find(|(start, word)| {
        let before = lower[..*start].trim_end();
        let ends_clause = before.is_empty() || before.ends_with(CLAUSE_ENDS);
        // A question, and "a client, who ..." as in "the person who".
        let is_question = lower[*start..].contains('?');
        is_word(*start, word) && ends_clause && !is_question
    });
    headless.map(|_| "who".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_without_a_subject_are_found() {
        for (line, expected) in [
            ("Who waits is told so.", Some("is told")),
            ("Who comes later waits.", Some("who")),
            ("It ends; who waits is woken.", Some("who")),
            ("Nobody waits.", Some("nobody")),
            ("- Whoever holds it", Some("whoever")),
            ("The task that waits is woken.", None),
            ("A client who waits is answered.", None),
            ("Who may use it?", None),
            ("the whole of it", None),
            ("`who` is a name", None),
        ] {
            assert_eq!(unnamed(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn wide_comments_are_found() {
        let wide = |text: &str| wide_lines(&File::new("crates/x/src/a.rs", text)).len();
        let long = "x ".repeat(60);
        assert_eq!(wide(&format!("// {long}\n/// {long}\nfn f() {{}}\n")), 2);
        assert_eq!(wide(&format!("// | {long}\n// http://{long}\n// short\n")), 0);
        assert_eq!(wide(&format!("/// ```\n/// {long}\n/// ```\n/// {long}\n")), 1);
    }
}
