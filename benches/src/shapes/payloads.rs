//! Messages that only broadcast and watch have: those that are dear to clone, and those that are
//! not.

use crate::message::Message;
use std::sync::Arc;

const BYTES: usize = 256;

/// 256 bytes that all receivers share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<[u8; BYTES]>);

impl Default for Shared {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Message for Shared {
    const NAME: &'static str = "arc-256-bytes";

    fn new(number: u64) -> Self {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(Arc::new(bytes))
    }

    fn number(&self) -> u64 {
        let (first, _) = self.0.split_first_chunk().expect("it is longer");
        u64::from_le_bytes(*first)
    }
}

/// A string of 256 bytes, which begins with its number.
#[derive(Clone, Debug)]
pub(crate) struct Text(String);

impl Default for Text {
    fn default() -> Self {
        Self::new(0)
    }
}

/// Six bits a letter: quick to write and to read, as neither is what is measured.
const LETTERS: usize = 6;

impl Message for Text {
    const NAME: &'static str = "string-256";

    fn new(number: u64) -> Self {
        let mut bytes = vec![b'.'; BYTES];
        for (place, byte) in bytes.iter_mut().enumerate().take(LETTERS) {
            let [low, ..] = (number >> (6 * place) & 63).to_le_bytes();
            *byte = b'0' + low;
        }
        Self(String::from_utf8(bytes).expect("they are all below 128"))
    }

    fn number(&self) -> u64 {
        let letters = self.0.as_bytes().iter().take(LETTERS).enumerate();
        letters.map(|(place, letter)| u64::from(letter - b'0') << (6 * place)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_keep_their_number() {
        for number in [0, 1, 63, 64, 123_456_789, (1 << 36) - 1] {
            assert_eq!(Shared::new(number).number(), number);
            assert_eq!(Text::new(number).number(), number);
        }
        assert_eq!(Text::new(7).0.len(), BYTES);
    }
}
