//! Errors of the channels that deliver each message once, with the names, fields and texts of
//! `tokio::sync::mpsc::error`. mpsc and mpmc re-export them.
#![forbid(unsafe_code)]

use core::fmt;
use std::error::Error;

use super::send::Refused;
use super::single::NoMessage;

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

/// Why `send_timeout` did not send the message, which is given back.
#[cfg(feature = "tokio")]
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum SendTimeoutError<T> {
    /// The time passed before there was capacity.
    Timeout(T),
    /// The receiver is gone or has closed the channel.
    Closed(T),
}

#[cfg(feature = "tokio")]
impl<T> SendTimeoutError<T> {
    /// What was to be sent.
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Closed(value) => value,
        }
    }
}

#[cfg(feature = "tokio")]
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

#[cfg(feature = "tokio")]
impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(..) => "timed out waiting on send operation",
            Self::Closed(..) => "channel closed",
        })
    }
}

#[cfg(feature = "tokio")]
impl<T> Error for SendTimeoutError<T> {}
