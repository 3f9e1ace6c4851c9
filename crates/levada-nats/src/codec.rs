//! How a message becomes bytes.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;

/// Why a message could not be encoded or decoded.
pub type CodecError = Box<dyn Error + Send + Sync>;

/// Turns messages into bytes, and back.
///
/// [`Json`] is used unless a program chooses another one. A codec of your own takes two
/// functions:
///
/// ```
/// use bytes::Bytes;
/// use levada_nats::codec::{Codec, CodecError};
///
/// /// A number as four bytes, the most significant one first.
/// struct BigEndian;
///
/// impl Codec<u32> for BigEndian {
///     fn encode(&self, message: &u32) -> Result<Bytes, CodecError> {
///         Ok(Bytes::copy_from_slice(&message.to_be_bytes()))
///     }
///     fn decode(&self, bytes: &Bytes) -> Result<u32, CodecError> {
///         Ok(u32::from_be_bytes(bytes.as_ref().try_into()?))
///     }
/// }
///
/// let bytes = BigEndian.encode(&7)?;
/// assert_eq!(BigEndian.decode(&bytes)?, 7);
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// The bytes of a message.
    ///
    /// # Errors
    /// If the message has no such form.
    fn encode(&self, message: &T) -> Result<Bytes, CodecError>;

    /// The message that these bytes are.
    ///
    /// # Errors
    /// If they are none.
    fn decode(&self, bytes: &Bytes) -> Result<T, CodecError>;
}

/// JSON, by serde.
///
/// ```
/// use levada_nats::codec::{Codec, Json};
///
/// let bytes = Json.encode(&vec![1, 2])?;
/// assert_eq!(&bytes[..], b"[1,2]");
/// let numbers: Vec<i32> = Json.decode(&bytes)?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), levada_nats::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, message: &T) -> Result<Bytes, CodecError> {
        Ok(serde_json::to_vec(message)?.into())
    }

    fn decode(&self, bytes: &Bytes) -> Result<T, CodecError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}

/// The bytes themselves, as [`Bytes`], `Vec<u8>` or `String`.
///
/// ```
/// use levada_nats::codec::{Codec, Raw};
///
/// let bytes = Raw.encode(&String::from("as it is"))?;
/// assert_eq!(&bytes[..], b"as it is");
/// # Ok::<(), levada_nats::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Codec<Bytes> for Raw {
    fn encode(&self, message: &Bytes) -> Result<Bytes, CodecError> {
        Ok(message.clone())
    }

    fn decode(&self, bytes: &Bytes) -> Result<Bytes, CodecError> {
        Ok(bytes.clone())
    }
}

impl Codec<Vec<u8>> for Raw {
    fn encode(&self, message: &Vec<u8>) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(message))
    }

    fn decode(&self, bytes: &Bytes) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }
}

impl Codec<String> for Raw {
    fn encode(&self, message: &String) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(message.as_bytes()))
    }

    fn decode(&self, bytes: &Bytes) -> Result<String, CodecError> {
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_message_are_an_error() {
        let bytes = Bytes::from_static(b"\xff");
        assert!(Codec::<String>::decode(&Raw, &bytes).is_err());
        assert!(Codec::<Vec<u32>>::decode(&Json, &bytes).is_err());
    }

    #[test]
    fn every_codec_returns_what_it_was_given() {
        let text = String::from("\u{1f30a}\0");
        assert_eq!(Codec::<String>::decode(&Raw, &Raw.encode(&text).unwrap()).unwrap(), text);
        assert_eq!(Codec::<String>::decode(&Json, &Json.encode(&text).unwrap()).unwrap(), text);
        let bytes = Bytes::from_static(b"\xff\0");
        assert_eq!(Codec::<Bytes>::decode(&Raw, &bytes).unwrap(), bytes);
        assert_eq!(Codec::<Vec<u8>>::decode(&Raw, &bytes).unwrap(), b"\xff\0");
    }
}
