//! What can go wrong.
#![forbid(unsafe_code)]

use core::error::Error;
use core::fmt;

/// The sender was dropped without sending, or the receiver was closed before it sent.
///
/// What awaiting a [`Receiver`](super::Receiver), and
/// [`blocking_recv`](super::Receiver::blocking_recv), give instead of the value.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = levada::oneshot::channel::<u32>();
/// drop(tx);
/// let error = rx.await.unwrap_err();
/// assert_eq!(error.to_string(), "channel closed");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}

/// Why [`try_recv`](super::Receiver::try_recv) gave no value.
///
/// # Examples
/// ```
/// use levada::oneshot::{self, error::TryRecvError};
///
/// let (tx, mut rx) = oneshot::channel::<u32>();
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// drop(tx);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing was sent yet.
    Empty,
    /// Nothing will come any more: the sender was dropped without sending, the receiver was closed
    /// before, or the value was received already.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "channel empty",
            Self::Closed => "channel closed",
        })
    }
}

impl Error for TryRecvError {}

/// Why a round of a [`Reusable`](super::Reusable) gave no value.
///
/// # Examples
/// ```
/// use levada::oneshot::{Reusable, error::ReplyError};
///
/// let mut reply = Reusable::<u32>::new();
/// drop(reply.sender());
/// let error = reply.blocking_recv().unwrap_err();
/// assert_eq!(error, ReplyError::Dropped);
/// assert_eq!(error.to_string(), "the sender was dropped without sending");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// The sender was dropped without sending.
    Dropped,
    /// The sender was dropped without sending while its thread panicked: by a panic in the task or
    /// thread that had it.
    Panicked,
    /// No sender was made since the last result.
    NoSender,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "the sender was dropped without sending",
            Self::Panicked => "the sender was dropped by a panic",
            Self::NoSender => "no sender was made since the last result",
        })
    }
}

impl Error for ReplyError {}
