//! The text of bytes that come in pieces.

/// What one output of a command says. A piece can end within a character.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character.
    unfinished: Vec<u8>,
}

impl Decoder {
    /// The text of one more piece, as far as its characters are whole; what is not UTF-8 is
    /// replaced.
    pub(super) fn text(&mut self, piece: &[u8]) -> String {
        self.unfinished.extend_from_slice(piece);
        let whole = self.unfinished.len() - unfinished(&self.unfinished);
        let rest = self.unfinished.split_off(whole);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// The text of what was left: there are no more pieces.
    pub(super) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.unfinished)).into_owned()
    }
}

/// How many bytes at the end are the beginning of a character that may go on.
fn unfinished(bytes: &[u8]) -> usize {
    let is_beginning = |count: &usize| {
        let end = &bytes[bytes.len() - count..];
        std::str::from_utf8(end)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    // The longest character has four.
    (1..=bytes.len().min(3)).find(is_beginning).unwrap_or(0)
}

/// The text in parts of at most so many bytes.
pub(super) fn parts(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (0..=most.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end))?;
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_wherever_it_is_cut() {
        let texts: [&[u8]; 6] = [
            "a\u{e4}\u{6f22}\u{1f30a}z".as_bytes(),
            b"\xff a \xc3",
            b"\xe6\xbc \xe6 \xf0\x9f\x8c",
            b"\xf0\x9f\x8c\xc3\xa4\xed\xa0\x80",
            b"\x80\x80\x80\x80",
            b"",
        ];
        for text in texts {
            let whole = String::from_utf8_lossy(text);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut decoder = Decoder::default();
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    let mut read: String = pieces.map(|piece| decoder.text(piece)).concat();
                    read += &decoder.finish();
                    assert_eq!(read, whole, "{text:x?} cut at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn parts_are_whole_characters() {
        let text = "a\u{6f22}\u{6f22}bc";
        let of = |most| parts(text, most).collect::<Vec<_>>();
        assert_eq!(of(4), ["a\u{6f22}", "\u{6f22}b", "c"]);
        assert_eq!(of(3), ["a", "\u{6f22}", "\u{6f22}", "bc"]);
        assert_eq!(of(100), [text]);
        assert_eq!(parts("", 4).count(), 0);
    }
}
