//! How a message refers to its object.

use super::PayloadError;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// SHA-256 of an object.
pub(super) type Digest = [u8; 32];

/// SHA-256 of these bytes.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// What a message says of its object. As a header: `ID PARTS SIZE SHA256`, in hexadecimal digits
/// the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// ASCII letters and digits.
    pub(super) id: String,
    /// How many messages the object is stored as.
    pub(super) parts: u32,
    /// In bytes.
    pub(super) size: u64,
    pub(super) digest: Digest,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.id, self.parts, self.size)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Reference {
    type Err = PayloadError;

    fn from_str(text: &str) -> Result<Self, PayloadError> {
        parse(text).ok_or_else(|| PayloadError::Reference { text: shortened(text) })
    }
}

fn parse(text: &str) -> Option<Reference> {
    let mut fields = text.split(' ');
    let id = fields.next()?;
    let parts = fields.next()?.parse().ok()?;
    let size = fields.next()?.parse().ok()?;
    let hex = fields.next()?;
    let id_is_one = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if fields.next().is_some() || !id_is_one || u64::from(parts) > size {
        return None;
    }
    // `from_str_radix` alone would take a sign.
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = Digest::default();
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(Reference { id: id.to_owned(), parts, size, digest })
}

/// A header may be as long as the server's limit; an error is not.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        // Writing to a string does not fail.
        let _ = write!(short, "… ({} bytes)", text.len());
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Reference {
        Reference { id: "Ab1".to_owned(), parts: 3, size: 2_500_000, digest: digest(b"levada") }
    }

    #[test]
    fn a_reference_survives_as_text() {
        let text = reference().to_string();
        assert!(text.starts_with("Ab1 3 2500000 "), "{text}");
        assert_eq!(text.parse::<Reference>().unwrap(), reference());
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let right = reference().to_string();
        let wrong = [
            String::new(),
            "a".to_owned(),
            right.replace("Ab1", "a.b"),
            right.replace("Ab1", ">"),
            right.replace("Ab1", ""),
            right.replace(" 3 ", " -3 "),
            right.replace(" 3 2500000 ", " 3 2 "),
            right.replace(" 3 ", " 4294967296 "),
            right[..right.len() - 1].to_owned(),
            format!("{right} more"),
            right.replace("2500000 ", "2500000 ä"),
            format!("Ab1 3 2500000 {}", "+a".repeat(32)),
        ];
        for text in wrong {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(matches!(error, PayloadError::Reference { .. }), "{text:?}: {error}");
            assert!(error.is_final());
        }
        let long = "x".repeat(1_000_000).parse::<Reference>().unwrap_err().to_string();
        assert!(long.len() < 400 && long.contains("1000000 bytes"), "{long}");
    }
}
