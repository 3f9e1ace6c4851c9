//! Why a message was not accepted.

use super::Accepted;
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
    /// The message is larger than the whole queue, or its id than the server takes.
    TooLarge {
        /// The message.
        message: T,
        /// Its size in bytes, with headers.
        size: usize,
        /// The largest size that is possible.
        limit: usize,
    },
    /// The stream of the queue is gone: it was deleted.
    NoStream(T),
    /// No server could take the message: the connection is closed or lost, or the cluster has
    /// elected no leader for the queue. The message is not in the queue.
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
                write!(f, "the message has {size} bytes, and {limit} are possible: ")?;
                f.write_str("send less, or raise the capacity of the queue, or use a shorter id")
            }
            Self::NoStream(_) => f.write_str("the stream of the queue was deleted: open it again"),
            Self::Disconnected(_) => f.write_str(
                "no NATS server takes the message: there is no connection, or no leader was \
                 elected; send it again later",
            ),
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

/// Why a message was not accepted, without the message.
pub(super) enum Cause {
    Full,
    Unknown,
    TooLarge { size: usize, limit: usize },
    NoStream,
    Disconnected,
    Encode(CodecError),
    Refused(String),
}

impl Cause {
    pub(super) fn with<T>(self, message: T, id: String) -> SendError<T> {
        match self {
            Self::Full => SendError::Full(message),
            Self::Unknown => SendError::Unknown { message, id },
            Self::TooLarge { size, limit } => SendError::TooLarge { message, size, limit },
            Self::NoStream => SendError::NoStream(message),
            Self::Disconnected => SendError::Disconnected(message),
            Self::Encode(source) => SendError::Encode { message, source },
            Self::Refused(reason) => SendError::Refused { message, reason },
        }
    }
}

/// Why not all messages of a `send_many` were accepted. Those that were come first, the others are
/// given back, in order.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::queue::Capacity;
/// use std::time::Duration;
///
/// let options = connection.queue("three".parse()?).capacity(Capacity::Messages(3));
/// let tx = options.open::<u32>().await?.sender();
/// let error = tx.send_many([1, 2, 3, 4, 5]).within(Duration::from_millis(100)).await.unwrap_err();
/// assert_eq!(error.accepted.len(), 3);
/// assert_eq!(error.rest, [4, 5]);
/// assert!(error.cause.is_full());
/// // Later, with the same ids, so that nothing is in the queue twice:
/// let sending = tx.send_many(error.rest).ids(error.ids);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct SendManyError<T> {
    /// The first messages: they are in the queue.
    pub accepted: Vec<Accepted>,
    /// The others. If the cause is [`SendError::Unknown`], some of them may be in the queue.
    pub rest: Vec<T>,
    /// Their ids.
    pub ids: Vec<String>,
    /// Why the first of the others was not accepted.
    pub cause: SendError<()>,
}

impl<T> fmt::Display for SendManyError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, all) = (self.accepted.len(), self.accepted.len() + self.rest.len());
        write!(f, "{accepted} of {all} messages were accepted: {}", self.cause)
    }
}

/// Without the messages.
impl<T> fmt::Debug for SendManyError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendManyError({self})")
    }
}

impl<T> Error for SendManyError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
