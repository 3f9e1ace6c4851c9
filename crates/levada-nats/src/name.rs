//! Names of queues, topics, cells and namespaces.
//!
//! A name becomes part of subjects, of stream and consumer names and of keys. NATS forbids other
//! characters in each of them; a [`Name`] has only those that all of them allow.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes. The server limits stream and consumer names to 255, of which
/// prefixes take a part.
pub const MAX_LEN: usize = 128;

/// A name that NATS allows in subjects, streams, consumers and keys: 1 to 128 ASCII letters,
/// digits, `-` and `_`.
///
/// ```
/// use levada_nats::Name;
///
/// let name: Name = "thumbnails-2".parse()?;
/// assert_eq!(name.as_str(), "thumbnails-2");
/// let error = "a.b".parse::<Name>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the name \"a.b\" contains '.': use ASCII letters, digits, '-' and '_'"
/// );
/// # Ok::<(), levada_nats::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(NameError::TooLong { len: text.len() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match text.chars().find(|c| !allowed(*c)) {
            Some(character) => Err(NameError::Character { name: text.to_owned(), character }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Why a text is no [`Name`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text is longer than [`MAX_LEN`].
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The text contains a character that NATS forbids somewhere.
    Character {
        /// The whole text.
        name: String,
        /// The first such character.
        character: char,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty: give it 1 to 128 characters"),
            Self::TooLong { len } => {
                write!(f, "the name has {len} bytes: at most {MAX_LEN} are allowed")
            }
            Self::Character { name, character } => write!(
                f,
                "the name {name:?} contains {character:?}: use ASCII letters, digits, '-' and '_'"
            ),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nats_forbids_is_refused() {
        for text in ["a b", "a.b", "a*", ">", "a/b", "a\\b", "ä", "a\0", "a\n", "$SYS"] {
            assert!(matches!(text.parse::<Name>(), Err(NameError::Character { .. })), "{text:?}");
        }
        assert_eq!("".parse::<Name>(), Err(NameError::Empty));
        assert_eq!("x".repeat(129).parse::<Name>(), Err(NameError::TooLong { len: 129 }));
    }

    #[test]
    fn what_all_of_nats_allows_is_taken() {
        for text in ["a", "A-z_0", "_", "-", &"x".repeat(128)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
    }
}
