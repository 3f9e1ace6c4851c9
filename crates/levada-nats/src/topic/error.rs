//! Why a message was not sent, and why none was received.

use crate::codec::CodecError;
use std::error::Error;
use std::fmt;

/// Why a message was not sent, or may not have been. It is given back.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::SendError;
///
/// let topic = connection.topic("small".parse()?).max_bytes(1_000).open::<String>().await?;
/// let error = topic.send("x".repeat(2_000)).await.unwrap_err();
/// assert!(matches!(error, SendError::TooLarge { limit: 1_000, .. }));
/// assert_eq!(error.into_inner().len(), 2_000);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[non_exhaustive]
pub enum SendError<T> {
    /// The server did not answer in time: the message may be stored. If it was sent with an
    /// [`id`](super::Send::id), send it again with the same one: it is stored once.
    Unknown(T),
    /// The message is larger than what is allowed. It was not stored.
    TooLarge {
        /// The message.
        message: T,
        /// Its size in bytes, with its headers.
        size: usize,
        /// What is allowed: the topic's `max_bytes`, or, for a topic without storage or a very long
        /// id, the server's `max_payload`.
        limit: usize,
    },
    /// The codec made no bytes of the message.
    Encode {
        /// The message.
        message: T,
        /// What the codec says.
        source: CodecError,
    },
    /// The id is empty or contains a line break.
    Id {
        /// The message.
        message: T,
        /// The id.
        id: String,
    },
    /// The topic was deleted. The message was not stored.
    NoStream {
        /// The message.
        message: T,
        /// The stream that is missing.
        stream: String,
    },
    /// No server took the message in time, or the connection is closed. It was not stored.
    Disconnected(T),
    /// The server refused the message. It was not stored.
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
            Self::Unknown(message) | Self::Disconnected(message) => message,
            Self::TooLarge { message, .. }
            | Self::Encode { message, .. }
            | Self::Id { message, .. }
            | Self::NoStream { message, .. }
            | Self::Refused { message, .. } => message,
        }
    }
}

/// Without the message, which need not have a debug output.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => f.debug_struct("Unknown").finish_non_exhaustive(),
            Self::TooLarge { size, limit, .. } => f
                .debug_struct("TooLarge")
                .field("size", size)
                .field("limit", limit)
                .finish_non_exhaustive(),
            Self::Encode { source, .. } => {
                f.debug_struct("Encode").field("source", source).finish_non_exhaustive()
            }
            Self::Id { id, .. } => f.debug_struct("Id").field("id", id).finish_non_exhaustive(),
            Self::NoStream { stream, .. } => {
                f.debug_struct("NoStream").field("stream", stream).finish_non_exhaustive()
            }
            Self::Disconnected(_) => f.debug_struct("Disconnected").finish_non_exhaustive(),
            Self::Refused { reason, .. } => {
                f.debug_struct("Refused").field("reason", reason).finish_non_exhaustive()
            }
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => f.write_str(
                "the NATS server did not answer in time: the message may be stored; \
                 to send it again without storing it twice, give it an id",
            ),
            Self::TooLarge { size, limit, .. } => {
                write!(f, "the message has {size} bytes, of which {limit} are allowed")
            }
            Self::Encode { source, .. } => write!(f, "the message cannot be encoded: {source}"),
            Self::Id { id, .. } => {
                write!(f, "the id {id:?} is empty or contains a line break: use another one")
            }
            Self::NoStream { stream, .. } => {
                write!(f, "the stream {stream:?} was deleted: open the topic again")
            }
            Self::Disconnected(_) => {
                f.write_str("no NATS server took the message in time: it was not stored")
            }
            Self::Refused { reason, .. } => {
                write!(f, "the NATS server refuses the message: {reason}")
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

/// Why there is no subscriber.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::SubscribeError;
///
/// let topic = connection.topic("fresh".parse()?).open::<u32>().await?;
/// let error = topic.subscribe_from(1_000_000).await.unwrap_err();
/// assert!(matches!(error, SubscribeError::Ahead { position: 1_000_000, .. }));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The position is beyond the next message: it belongs to another topic, or the server lost
    /// its newest messages.
    Ahead {
        /// The position that was asked for.
        position: u64,
        /// The sequence number of the next message.
        next: u64,
    },
    /// The time is before 1970 or so far away that the server has no form for it.
    Time,
    /// The topic was deleted.
    NoStream {
        /// The stream that is missing.
        stream: String,
    },
    /// The server refused.
    Refused {
        /// What the server says.
        reason: String,
    },
    /// The server did not answer in time. The same call may succeed later.
    NoAnswer {
        /// What the last attempt met.
        reason: String,
    },
    /// The connection is closed.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ahead { position, next } => write!(
                f,
                "the position {position} is beyond the next message, which is {next}: \
                 is it one of this topic?"
            ),
            Self::Time => f.write_str("the time is none that the server knows: use one after 1970"),
            Self::NoStream { stream } => {
                write!(f, "the stream {stream:?} was deleted: open the topic again")
            }
            Self::Refused { reason } => write!(f, "the NATS server refuses: {reason}"),
            Self::NoAnswer { reason } => write!(
                f,
                "the NATS server did not answer in time ({reason}); if that lasts, check whether \
                 the user may publish to $JS.API.>"
            ),
            Self::Closed => f.write_str("the connection is closed"),
        }
    }
}

impl Error for SubscribeError {}

/// What a subscriber gives instead of a message.
///
/// [`NoStream`](Self::NoStream) and [`Closed`](Self::Closed) are final; after the others it goes
/// on.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::RecvError;
///
/// let topic = connection.topic("two".parse()?).keep(2).open::<u32>().await?;
/// let first = topic.send(1).await?.seq;
/// for number in 2..=5 {
///     topic.send(number).await?;
/// }
/// let mut subscriber = topic.subscribe_from(first).await?;
/// assert!(matches!(subscriber.recv().await, Err(RecvError::Lagged(3))));
/// assert_eq!(*subscriber.recv().await?, 4);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// This many messages were overwritten, expired or purged before the subscriber got them. It
    /// goes on with the oldest one that is still there.
    Lagged(u64),
    /// The codec made no message of the bytes. Only this one message is skipped.
    Decode {
        /// The sequence number of the message.
        seq: u64,
        /// What the codec says.
        source: CodecError,
    },
    /// The bytes of the message, which were larger than the server's `max_payload` and stood apart
    /// from it, are gone or damaged. Only this one message is skipped.
    Object {
        /// The sequence number of the message.
        seq: u64,
        /// What is wrong with them.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server lost its newest messages, of which this subscriber may have got some: after a
    /// loss of power, say. It goes on with the next message that is sent.
    Rewound {
        /// The sequence number that should have come.
        expected: u64,
        /// The sequence number of the next message.
        next: u64,
    },
    /// The topic was deleted, or deleted and made again.
    NoStream,
    /// The connection was closed.
    Closed,
}

impl RecvError {
    /// Whether the subscriber gives no more messages.
    ///
    /// ```
    /// use levada_nats::topic::RecvError;
    ///
    /// assert!(RecvError::Closed.is_final());
    /// assert!(!RecvError::Lagged(3).is_final());
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(self, Self::NoStream | Self::Closed)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(missed) => write!(f, "the subscriber was too slow for {missed} messages"),
            Self::Decode { seq, source } => {
                write!(f, "the message {seq} cannot be decoded: {source}")
            }
            Self::Object { seq, source } => {
                write!(f, "the bytes of the message {seq} cannot be read: {source}")
            }
            Self::Rewound { expected, next } => write!(
                f,
                "the server lost its newest messages: its next one is {next}, not {expected}"
            ),
            Self::NoStream => f.write_str("the topic was deleted: open it again"),
            Self::Closed => f.write_str("the connection was closed"),
        }
    }
}

impl Error for RecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decode { source, .. } | Self::Object { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// What [`Subscriber::try_recv`](super::Subscriber::try_recv) gives instead of a message.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::topic::TryRecvError;
///
/// let topic = connection.topic("nothing".parse()?).open::<u32>().await?;
/// let error = topic.subscribe().await?.try_recv().unwrap_err();
/// assert!(matches!(error, TryRecvError::Empty));
/// assert_eq!(error.to_string(), "there is no message at the moment");
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
pub enum TryRecvError {
    /// There is no message at the moment.
    Empty,
    /// What `recv` gives instead of a message.
    Recv(RecvError),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no message at the moment"),
            Self::Recv(error) => error.fmt(f),
        }
    }
}

impl Error for TryRecvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Empty => None,
            Self::Recv(error) => error.source(),
        }
    }
}
