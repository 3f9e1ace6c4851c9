//! Why a value could not be sent.

use super::Revision;
use crate::bucket::{ReadError, WriteError};
use crate::codec::CodecError;
use std::error::Error;
use std::fmt;

/// Why a value is not the value of the cell, or may not be. Each has the value.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use levada_nats::cell::SendError;
///
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let cell = connection.cell("notes".parse()?).open(String::new()).await?;
/// let note = "x".repeat(10_000_000);
/// let error = cell.send(note).await.unwrap_err();
/// assert!(matches!(error, SendError::TooLarge { .. }));
/// assert_eq!(error.into_value().len(), 10_000_000);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[non_exhaustive]
pub enum SendError<T> {
    /// The server did not answer in time: the value may be stored, or come to be when the
    /// connection is back.
    Unknown(T),
    /// No server was reached in time, or the stream has no leader, or the connection is closed. The
    /// value is not stored.
    Disconnected(T),
    /// The bucket of the cell was deleted. Open the cell again to create it.
    NoBucket(T),
    /// The bytes of the value are more than the server takes in a message.
    TooLarge {
        /// The value.
        value: T,
        /// How many bytes it has.
        len: usize,
        /// How many bytes a message may have, with its headers.
        max: usize,
    },
    /// The codec has no bytes for the value.
    Encode {
        /// The value.
        value: T,
        /// Why not.
        source: CodecError,
    },
    /// Another value has been sent meanwhile.
    Changed {
        /// The value.
        value: T,
        /// The newest revision that is known.
        current: Revision,
    },
    /// The server refused.
    Refused {
        /// The value.
        value: T,
        /// What the server says.
        reason: String,
    },
}

impl<T> SendError<T> {
    /// The value that was to be sent.
    pub fn into_value(self) -> T {
        match self {
            Self::Unknown(value) | Self::Disconnected(value) | Self::NoBucket(value) => value,
            Self::TooLarge { value, .. }
            | Self::Encode { value, .. }
            | Self::Changed { value, .. }
            | Self::Refused { value, .. } => value,
        }
    }

    /// The error of a write of `len` bytes.
    pub(super) fn new(error: WriteError, value: T, len: usize, current: Revision) -> Self {
        match error {
            WriteError::Unknown => Self::Unknown(value),
            WriteError::Disconnected => Self::Disconnected(value),
            WriteError::NoBucket => Self::NoBucket(value),
            WriteError::TooLarge { max } => Self::TooLarge { value, len, max },
            WriteError::Changed => Self::Changed { value, current },
            WriteError::Refused(reason) => Self::Refused { value, reason },
        }
    }
}

// By hand, so that a value needs no `Debug`, and no value stands in a log.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Unknown(_) => "Unknown",
            Self::Disconnected(_) => "Disconnected",
            Self::NoBucket(_) => "NoBucket",
            Self::TooLarge { .. } => "TooLarge",
            Self::Encode { .. } => "Encode",
            Self::Changed { .. } => "Changed",
            Self::Refused { .. } => "Refused",
        };
        write!(f, "{name}({self})")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => f.write_str(
                "the NATS server did not answer in time: the value may be stored; \
                 read the cell before you send again",
            ),
            Self::Disconnected(_) => {
                f.write_str("no NATS server took the value in time: it is not stored")
            }
            Self::NoBucket(_) => {
                f.write_str("the bucket of the cell was deleted: open the cell again to create it")
            }
            Self::TooLarge { len, max, .. } => write!(
                f,
                "the value has {len} bytes, and the NATS server takes {max} with the headers: \
                 store it elsewhere and send where it is, or increase `max_payload`"
            ),
            Self::Encode { source, .. } => write!(f, "the value cannot be encoded: {source}"),
            Self::Changed { current, .. } => {
                write!(f, "the cell has changed: it is at revision {current}")
            }
            Self::Refused { reason, .. } => {
                write!(f, "the NATS server refuses the value: {reason}")
            }
        }
    }
}

impl<T> Error for SendError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Encode { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// Why [`Cell::send_if`](super::Cell::send_if) did not send.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use levada_nats::cell::SendIfError;
///
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let cell = connection.cell("total".parse()?).open(0_u64).await?;
/// match cell.send_if(|total| total.checked_add(1)).await {
///     Ok(Some(revision)) => println!("counted, as revision {revision}"),
///     Ok(None) => println!("the counter is full"),
///     Err(SendIfError::Send(error)) => println!("{error}"),
///     Err(error) => println!("there is nothing to add to: {error}"),
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[non_exhaustive]
pub enum SendIfError<T> {
    /// The value that the closure returned could not be sent. It is never
    /// [`SendError::Changed`].
    Send(SendError<T>),
    /// The key was deleted, so that there is no current value. [`Cell::send`](super::Cell::send)
    /// gives it one.
    Deleted,
    /// The bucket of the cell was deleted.
    NoBucket,
    /// The newest bytes are no value of this type.
    Unreadable {
        /// Their revision.
        revision: Revision,
        /// Why not.
        source: CodecError,
    },
    /// The server did not say what the current value is.
    NoAnswer {
        /// What the client met.
        source: Box<dyn Error + Send + Sync>,
    },
}

// As for `SendError`.
impl<T> fmt::Debug for SendIfError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => write!(f, "Send({error:?})"),
            _ => write!(f, "SendIfError({self})"),
        }
    }
}

impl<T> fmt::Display for SendIfError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => error.fmt(f),
            Self::Deleted => f.write_str("the key of the cell was deleted: send a value first"),
            Self::NoBucket => {
                f.write_str("the bucket of the cell was deleted: open the cell again to create it")
            }
            Self::Unreadable { revision, source } => write!(
                f,
                "the cell holds bytes that are no value of this type (revision {revision}): \
                 {source}"
            ),
            Self::NoAnswer { source } => {
                write!(f, "the NATS server did not say what the cell holds: {source}")
            }
        }
    }
}

impl<T: 'static> Error for SendIfError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Send(error) => Some(error),
            Self::Unreadable { source, .. } | Self::NoAnswer { source } => Some(&**source),
            Self::Deleted | Self::NoBucket => None,
        }
    }
}

impl<T> From<ReadError> for SendIfError<T> {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoBucket => Self::NoBucket,
            ReadError::NoAnswer(source) => Self::NoAnswer { source },
        }
    }
}
