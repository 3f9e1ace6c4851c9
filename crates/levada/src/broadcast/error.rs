//! Why a message was not sent or not received.
#![forbid(unsafe_code)]

use core::error::Error;
use core::fmt;

/// The message was not sent, because there is no [`Receiver`](super::Receiver) at the moment. It is
/// given back.
///
/// This is not final: a [`subscribe`](super::Sender::subscribe) makes sending possible again.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, rx) = broadcast::channel(4);
/// drop(rx);
///
/// let error = tx.send("hello").unwrap_err();
/// assert_eq!(error.to_string(), "channel closed");
/// assert_eq!(error.0, "hello");
/// ```
#[derive(Debug)]
pub struct SendError<T>(pub T);

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T: fmt::Debug> Error for SendError<T> {}

/// What [`Receiver::recv`](super::Receiver::recv) gives instead of a message.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, error::RecvError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = broadcast::channel(1);
/// tx.send("lost").unwrap();
/// tx.send("kept").unwrap();
/// drop(tx);
///
/// assert_eq!(rx.recv().await, Err(RecvError::Lagged(1)));
/// assert_eq!(rx.recv().await, Ok("kept"));
/// assert_eq!(rx.recv().await, Err(RecvError::Closed));
/// # }
/// ```
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum RecvError {
    /// Every message has been received, and all senders are gone.
    Closed,
    /// The receiver was too slow: this many messages were overwritten before it read them. It goes
    /// on with the oldest one that is still there.
    Lagged(u64),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("channel closed"),
            Self::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for RecvError {}

/// What [`Receiver::try_recv`](super::Receiver::try_recv) gives instead of a message.
///
/// # Examples
/// ```
/// use levada::broadcast::{self, error::TryRecvError};
///
/// let (tx, mut rx) = broadcast::channel::<u8>(1);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// drop(tx);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum TryRecvError {
    /// There is no message at the moment.
    Empty,
    /// Every message has been received, and all senders are gone.
    Closed,
    /// The receiver was too slow: this many messages were overwritten before it read them. It goes
    /// on with the oldest one that is still there.
    Lagged(u64),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("channel empty"),
            Self::Closed => f.write_str("channel closed"),
            Self::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for TryRecvError {}

/// What a [`RecvStream`](super::stream::RecvStream) gives in place of messages it missed.
///
/// The end of the channel is the end of the stream, so this is the only thing that can go wrong.
///
/// # Examples
/// ```
/// use levada::broadcast::error::Lagged;
///
/// assert_eq!(Lagged(3).to_string(), "channel lagged by 3");
/// ```
#[cfg(feature = "stream")]
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Lagged(pub u64);

#[cfg(feature = "stream")]
impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel lagged by {}", self.0)
    }
}

#[cfg(feature = "stream")]
impl Error for Lagged {}
