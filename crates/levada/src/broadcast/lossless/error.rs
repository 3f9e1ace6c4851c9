//! Why a message was not sent or not received.
#![forbid(unsafe_code)]

use core::error::Error;
use core::fmt;

pub use crate::broadcast::error::SendError;

/// Why [`Sender::try_send`](super::Sender::try_send) did not send. The message is given back.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, lossless::error::TrySendError};
///
/// let (tx, rx) = broadcast::lossless(1);
/// tx.try_send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// drop(rx);
/// assert_eq!(tx.try_send(3).unwrap_err().into_inner(), 3);
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum TrySendError<T> {
    /// A member is a whole capacity behind, or other senders wait in line.
    Full(T),
    /// There is no receiver at the moment. A [`subscribe`](super::Sender::subscribe) makes sending
    /// possible again.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The message.
    ///
    /// # Examples
    /// ```
    /// use levada::broadcast;
    ///
    /// let (tx, _rx) = broadcast::lossless(1);
    /// tx.try_send("first").unwrap();
    /// assert_eq!(tx.try_send("second").unwrap_err().into_inner(), "second");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(message) | Self::Closed(message) => message,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "no available capacity",
            Self::Closed(_) => "channel closed",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// What [`Receiver::recv`](super::Receiver::recv) gives instead of a message.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, lossless::error::RecvError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = broadcast::lossless::<u8>(4);
/// tx.evict(rx.id());
/// assert_eq!(rx.recv().await, Err(RecvError::Evicted));
/// # }
/// ```
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum RecvError {
    /// Every message has been received, and all senders are gone.
    Closed,
    /// The observer was too slow: this many messages were overwritten before it read them. It goes
    /// on with the oldest one that is still there. A member never gets this.
    Lagged(u64),
    /// The receiver was [evicted](super::Sender::evict), and receives nothing any more;
    /// [`resubscribe`](super::Receiver::resubscribe) makes a new one.
    Evicted,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("channel closed"),
            Self::Lagged(missed) => write!(f, "channel lagged by {missed}"),
            Self::Evicted => f.write_str("evicted from the channel"),
        }
    }
}

impl Error for RecvError {}

/// What [`Receiver::try_recv`](super::Receiver::try_recv) gives instead of a message.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, lossless::error::TryRecvError};
///
/// let (tx, mut rx) = broadcast::lossless::<u8>(1);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// drop(tx);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum TryRecvError {
    /// There is no message at the moment.
    Empty,
    /// As [`RecvError::Closed`].
    Closed,
    /// As [`RecvError::Lagged`].
    Lagged(u64),
    /// As [`RecvError::Evicted`].
    Evicted,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("channel empty"),
            Self::Closed => RecvError::Closed.fmt(f),
            Self::Lagged(missed) => RecvError::Lagged(*missed).fmt(f),
            Self::Evicted => RecvError::Evicted.fmt(f),
        }
    }
}

impl Error for TryRecvError {}

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::Lagged(missed) => Self::Lagged(missed),
            RecvError::Evicted => Self::Evicted,
        }
    }
}
