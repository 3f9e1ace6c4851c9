//! Why a message was not accepted.

use crate::codec::CodecError;
use std::error::Error;
use std::fmt;

/// Why a message was not accepted. Every variant has the message.
///
/// ```
/// use levada_nats::queue::SendError;
///
/// let error = SendError::Full("job");
/// assert!(error.is_full());
/// assert_eq!(error.into_inner(), "job");
/// ```
#[non_exhaustive]
pub enum SendError<T> {
    /// The queue is full, and was until the deadline if the sender waited.
    Full(T),
    /// The server did not answer: the message may be in the queue. To send it again **with the same
    /// id** within the duplicate window puts it there once.
    Unknown {
        /// The message.
        message: T,
        /// The id it was sent with.
        id: String,
    },
    /// The message is larger than the server takes.
    TooLarge {
        /// The message.
        message: T,
        /// Its size in bytes, with headers.
        size: usize,
        /// The largest size that the server takes.
        limit: usize,
    },
    /// The stream of the queue is gone: it was deleted.
    NoStream(T),
    /// The connection is closed, or was lost before the message was handed to it.
    Disconnected(T),
    /// The codec could not turn the message into bytes.
    Encode {
        /// The message.
        message: T,
        /// Why not.
        source: CodecError,
    },
    /// The server refused the message for another reason, such as a full disk.
    Refused {
        /// The message.
        message: T,
        /// What the server says.
        reason: String,
    },
}

impl<T> SendError<T> {
    /// The message.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(message) | Self::NoStream(message) | Self::Disconnected(message) => message,
            Self::Unknown { message, .. }
            | Self::TooLarge { message, .. }
            | Self::Encode { message, .. }
            | Self::Refused { message, .. } => message,
        }
    }

    /// Whether the queue was full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the message may be in the queue.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full: send again later"),
            Self::Unknown { id, .. } => write!(
                f,
                "the server did not answer: the message {id:?} may be in the queue; \
                 send it again with the same id"
            ),
            Self::TooLarge { size, limit, .. } => {
                write!(f, "the message has {size} bytes, the server takes {limit}: ")?;
                f.write_str("send less, or raise `max_payload` of the server")
            }
            Self::NoStream(_) => f.write_str("the stream of the queue was deleted: open it again"),
            Self::Disconnected(_) => f.write_str("there is no connection to the NATS server"),
            Self::Encode { source, .. } => write!(f, "the message cannot be encoded: {source}"),
            Self::Refused { reason, .. } => {
                write!(f, "the NATS server refuses the message: {reason}")
            }
        }
    }
}

/// Without the message.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({self})")
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
