//! Errors of the mpmc channels: those of [`mpsc`](crate::mpsc::error), since the vocabulary is the
//! same.
#![forbid(unsafe_code)]

#[cfg(feature = "tokio")]
pub use crate::queue::error::SendTimeoutError;
pub use crate::queue::error::{SendError, TryRecvError, TrySendError};
