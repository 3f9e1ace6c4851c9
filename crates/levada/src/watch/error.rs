//! Errors of the watch channel.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;

/// No receiver exists, so the value was not stored. It is given back.
///
/// # Examples
/// ```
/// use levada::watch::{self, error::SendError};
///
/// let (tx, rx) = watch::channel("first");
/// drop(rx);
/// assert_eq!(tx.send("second"), Err(SendError("second")));
/// assert_eq!(*tx.borrow(), "first");
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

/// All senders are gone: the value will not change any more.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// let (tx, rx) = watch::channel(1);
/// drop(tx);
/// let error = rx.has_changed().unwrap_err();
/// assert_eq!(error.to_string(), "channel closed");
/// ```
#[derive(Debug, Clone)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}
