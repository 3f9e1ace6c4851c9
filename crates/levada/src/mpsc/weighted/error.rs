//! Why a message was not sent or not received.
#![forbid(unsafe_code)]

use core::error::Error;
use core::fmt;

pub use crate::mpsc::error::TryRecvError;

/// A message was heavier than the channel, or the permit, allows. It is given back.
///
/// # Examples
/// ```
/// use levada::mpsc::weighted::{self, Oversize, error::{SendError, TooHeavy}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, _rx) = weighted::builder(3, |text: &&str| text.len())
///     .oversize(Oversize::Reject)
///     .build();
/// let Err(SendError::TooHeavy(heavy)) = tx.send("four").await else { panic!() };
/// assert_eq!(heavy, TooHeavy { message: "four", weight: 4, max: 3 });
/// # }
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub struct TooHeavy<T> {
    /// What was to be sent.
    pub message: T,
    /// What it weighs.
    pub weight: usize,
    /// The most that it may weigh.
    pub max: usize,
}

impl<T> TooHeavy<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> TooHeavy<U> {
        TooHeavy { message: f(self.message), weight: self.weight, max: self.max }
    }
}

impl<T> fmt::Debug for TooHeavy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TooHeavy")
            .field("weight", &self.weight)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for TooHeavy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message of weight {} where at most {} is allowed", self.weight, self.max)
    }
}

impl<T> Error for TooHeavy<T> {}

/// Why a message was not sent, or no room reserved. What was to be sent is given back.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, weighted::error::SendError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = mpsc::weighted(10, |text: &&str| text.len());
/// drop(rx);
/// assert_eq!(tx.send("late").await, Err(SendError::Closed("late")));
/// # }
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum SendError<T> {
    /// The receiver is gone or has closed the channel.
    Closed(T),
    /// It is heavier than the maximum, and the channel rejects that; or heavier than the permit.
    TooHeavy(TooHeavy<T>),
}

impl<T> SendError<T> {
    /// What was to be sent.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = levada::mpsc::weighted(10, |text: &&str| text.len());
    /// drop(rx);
    /// assert_eq!(tx.blocking_send("late").unwrap_err().into_inner(), "late");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Closed(message) | Self::TooHeavy(TooHeavy { message, .. }) => message,
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::TooHeavy(heavy) => heavy.fmt(f),
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("channel closed"),
            Self::TooHeavy(heavy) => heavy.fmt(f),
        }
    }
}

impl<T> Error for SendError<T> {}

/// Why `try_send` or `try_reserve_weight` did not succeed. What was to be sent is given back.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, weighted::error::TrySendError};
///
/// let (tx, _rx) = mpsc::weighted(10, |text: &&str| text.len());
/// assert!(tx.try_send("six of ten").is_ok());
/// assert_eq!(tx.try_send("more"), Err(TrySendError::Full("more")));
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum TrySendError<T> {
    /// There is not enough room now, or senders wait for it; there may be later.
    Full(T),
    /// The receiver is gone or has closed the channel.
    Closed(T),
    /// It is heavier than the maximum, and the channel rejects that.
    TooHeavy(TooHeavy<T>),
}

impl<T> TrySendError<T> {
    /// What was to be sent.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = levada::mpsc::weighted(4, |text: &&str| text.len());
    /// assert!(tx.try_send("four").is_ok());
    /// assert_eq!(tx.try_send("five").unwrap_err().into_inner(), "five");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(message)
            | Self::Closed(message)
            | Self::TooHeavy(TooHeavy { message, .. }) => message,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::TooHeavy(heavy) => heavy.fmt(f),
        }
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("no available capacity"),
            Self::Closed(_) => f.write_str("channel closed"),
            Self::TooHeavy(heavy) => heavy.fmt(f),
        }
    }
}

impl<T> Error for TrySendError<T> {}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        match error {
            SendError::Closed(message) => Self::Closed(message),
            SendError::TooHeavy(heavy) => Self::TooHeavy(heavy),
        }
    }
}
