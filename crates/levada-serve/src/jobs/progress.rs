//! Lines on standard error by which a command tells how far it is:
//!
//! ```text
//! ::progress 40 half way
//! ::progress 55
//! ::progress looking for more
//! ```

use serde::{Deserialize, Serialize};

const MARK: &[u8] = b"::progress ";
/// The longest line that is read, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 1024;

/// What a command says of its progress.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// Takes the progress out of what a command says.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The beginning of a line that is, or may become, one of progress.
    line: Vec<u8>,
    /// In the middle of a line that is none.
    other: bool,
}

impl Notes {
    /// Reads on: `say` gets what is not progress, as soon as that is clear.
    pub(crate) fn read(
        &mut self,
        mut bytes: &[u8],
        mut say: impl FnMut(&[u8]),
        mut tell: impl FnMut(Progress),
    ) {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            if !self.other {
                self.line.extend_from_slice(&line[..line.len().min(LONGEST)]);
                let shared = self.line.len().min(MARK.len());
                if self.line[..shared] == MARK[..shared] {
                    self.line.truncate(LONGEST);
                    if end.is_some() {
                        tell(parse(&self.line[shared..]));
                        self.line.clear();
                    }
                    continue;
                }
                let held = self.line.len() - line.len().min(LONGEST);
                say(&self.line[..held]);
                self.line.clear();
            }
            say(line);
            self.other = end.is_none();
        }
    }

    /// There is no more.
    pub(crate) fn finish(&mut self, mut say: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            say(&self.line);
            self.line.clear();
        }
    }
}

fn parse(rest: &[u8]) -> Progress {
    let text = String::from_utf8_lossy(rest);
    let text = text.trim();
    let (first, others) = text.split_once(' ').unwrap_or((text, ""));
    let percent =
        first.trim_end_matches('%').parse::<f32>().ok().filter(|n| (0.0..=100.0).contains(n));
    let message = if percent.is_some() { others.trim() } else { text };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 100"
    )]
    Progress {
        percent: percent.map(|percent| percent as u8),
        message: (!message.is_empty()).then(|| message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Vec<(Option<u8>, Option<String>)>;

    fn read(text: &str, size: usize) -> (String, Told) {
        let (mut said, mut told) = (Vec::new(), Vec::new());
        let mut notes = Notes::default();
        for chunk in text.as_bytes().chunks(size) {
            notes.read(
                chunk,
                |bytes| said.extend_from_slice(bytes),
                |progress| told.push((progress.percent, progress.message)),
            );
        }
        notes.finish(|bytes| said.extend_from_slice(bytes));
        (String::from_utf8(said).unwrap(), told)
    }

    #[test]
    fn progress_is_taken_out_however_it_arrives() {
        let text = "one\n::progress 40 half way\n:: no\n::progress 55%\n\n::progress looking on\nx ::progress 3\nend";
        for size in 1..text.len() {
            let (said, told) = read(text, size);
            assert_eq!(said, "one\n:: no\n\nx ::progress 3\nend", "in pieces of {size}");
            let some = |text: &str| Some(text.to_owned());
            assert_eq!(
                told,
                [(Some(40), some("half way")), (Some(55), None), (None, some("looking on"))]
            );
        }
    }

    #[test]
    fn numbers_out_of_range_are_words() {
        let (_, told) =
            read("::progress 101 x\n::progress -1\n::progress NaN\n::progress 100\n", 7);
        let words: Vec<_> = told.iter().map(|(percent, _)| *percent).collect();
        assert_eq!(words, [None, None, None, Some(100)]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let text = format!("::progress 7 {}\nafter", "x".repeat(1 << 20));
        for size in [1, 1000, 1 << 21] {
            let (said, told) = read(&text, size);
            assert_eq!(said, "after");
            assert_eq!(told[0].0, Some(7));
            assert!(told[0].1.as_ref().unwrap().len() < LONGEST);
        }
        assert_eq!(read("::progress 5", 3).0, "::progress 5", "no line yet");
    }
}
