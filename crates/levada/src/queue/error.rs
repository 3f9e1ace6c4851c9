//! Errors of the channels that deliver each message once, with the names, fields and texts of
//! `tokio::sync::mpsc::error`. mpsc and mpmc re-export them.
#![forbid(unsafe_code)]

use core::fmt;
use std::error::Error;

use super::single::NoMessage;

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All are out, or granted to waiting senders.
    Full,
    /// The channel is closed.
    Closed,
}

/// The channel is closed: no receiver will have the message, which is given back.
///
/// ```
/// use levada::mpsc;
///
/// let (tx, rx) = mpsc::unbounded_channel();
/// drop(rx);
/// let error = tx.send("hello").unwrap_err();
/// assert_eq!(error.0, "hello");
/// assert_eq!(error.to_string(), "channel closed");
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T> Error for SendError<T> {}

/// Why `try_send` or `try_reserve` did not succeed; gives back what was to be sent.
///
/// ```
/// use levada::mpsc::{self, error::TrySendError};
///
/// let (tx, rx) = mpsc::channel(1);
/// assert!(tx.try_send(1).is_ok());
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// drop(rx);
/// assert_eq!(tx.try_send(3).unwrap_err().into_inner(), 3);
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum TrySendError<T> {
    /// There is no capacity now; there may be later.
    Full(T),
    /// The receiver is gone or has closed the channel.
    Closed(T),
}

impl<T> TrySendError<T> {
    pub(crate) fn new(refused: Refused, value: T) -> Self {
        match refused {
            Refused::Full => Self::Full(value),
            Refused::Closed => Self::Closed(value),
        }
    }

    pub(super) fn refused(&self) -> Refused {
        match self {
            Self::Full(_) => Refused::Full,
            Self::Closed(_) => Refused::Closed,
        }
    }

    /// What was to be sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With quotes, as tokio's.
        fmt::Debug::fmt(
            match self {
                Self::Full(..) => "Full(..)",
                Self::Closed(..) => "Closed(..)",
            },
            f,
        )
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(..) => "no available capacity",
            Self::Closed(..) => "channel closed",
        })
    }
}

impl<T> Error for TrySendError<T> {}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        Self::Closed(error.0)
    }
}

impl From<NoMessage> for TryRecvError {
    fn from(nothing: NoMessage) -> Self {
        match nothing {
            NoMessage::Empty => Self::Empty,
            NoMessage::Ended => Self::Disconnected,
        }
    }
}

/// Why `try_recv` gave no message.
///
/// ```
/// use levada::mpsc::{self, error::TryRecvError};
///
/// let (tx, mut rx) = mpsc::channel::<u8>(1);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// drop(tx);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum TryRecvError {
    /// There is no message now; there may be later.
    Empty,
    /// All senders are gone, or the channel was closed and no permit is out: none will come.
    Disconnected,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Empty => "receiving on an empty channel",
            Self::Disconnected => "receiving on a closed channel",
        })
    }
}

impl Error for TryRecvError {}

/// Kept for code that names it; nothing returns it.
#[derive(Debug, Clone)]
#[doc(hidden)]
#[deprecated(note = "This type is unused because recv returns an Option.")]
pub struct RecvError(());

#[expect(deprecated, reason = "the type is kept, deprecated, with its traits")]
impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

#[expect(deprecated, reason = "the type is kept, deprecated, with its traits")]
impl Error for RecvError {}

/// Why a send with a time limit (`send_timeout`, `send_until`, `blocking_send_timeout`) did not
/// send the message, which is given back.
///
/// ```
/// use levada::mpsc::{self, error::SendTimeoutError};
/// use std::time::Duration;
///
/// let (tx, _rx) = mpsc::channel(1);
/// assert!(tx.try_send(1).is_ok());
/// let full = tx.blocking_send_timeout(2, Duration::from_millis(1));
/// assert_eq!(full, Err(SendTimeoutError::Timeout(2)));
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum SendTimeoutError<T> {
    /// The time passed before there was capacity.
    Timeout(T),
    /// The receiver is gone or has closed the channel.
    Closed(T),
}

impl<T> SendTimeoutError<T> {
    /// What came of a send that may have been stopped, and that leaves its message in `value`.
    pub(crate) fn check(
        sent: Option<Result<(), SendError<()>>>,
        value: Option<T>,
    ) -> Result<(), Self> {
        match (sent, value) {
            (None, Some(value)) => Err(Self::Timeout(value)),
            (Some(Err(_closed)), Some(value)) => Err(Self::Closed(value)),
            _ => Ok(()),
        }
    }

    /// What came of a send that was stopped, and may have its message back.
    pub(crate) fn unless_sent(back: Option<T>) -> Result<(), Self> {
        back.map_or(Ok(()), |value| Err(Self::Timeout(value)))
    }

    /// What was to be sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(error: SendError<T>) -> Self {
        Self::Closed(error.0)
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With quotes, as tokio's.
        fmt::Debug::fmt(
            match self {
                Self::Timeout(..) => "Timeout(..)",
                Self::Closed(..) => "Closed(..)",
            },
            f,
        )
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(..) => "timed out waiting on send operation",
            Self::Closed(..) => "channel closed",
        })
    }
}

impl<T> Error for SendTimeoutError<T> {}

/// Why a receive with a time limit (`recv_until`, `blocking_recv_timeout`) gave no message.
///
/// ```
/// use levada::mpsc::{self, error::RecvTimeoutError};
/// use std::time::Duration;
///
/// let (tx, mut rx) = mpsc::channel::<u8>(1);
/// let limit = Duration::from_millis(1);
/// assert_eq!(rx.blocking_recv_timeout(limit), Err(RecvTimeoutError::Timeout));
/// drop(tx);
/// assert_eq!(rx.blocking_recv_timeout(limit), Err(RecvTimeoutError::Disconnected));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum RecvTimeoutError {
    /// The time passed before there was a message.
    Timeout,
    /// The channel has ended: no message will come.
    Disconnected,
}

impl RecvTimeoutError {
    /// What came of a receive that may have been stopped.
    pub(crate) fn check<T>(received: Option<Option<T>>) -> Result<T, Self> {
        received.ok_or(Self::Timeout)?.ok_or(Self::Disconnected)
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Timeout => "timed out waiting on receive operation",
            Self::Disconnected => "receiving on a closed channel",
        })
    }
}

impl Error for RecvTimeoutError {}
