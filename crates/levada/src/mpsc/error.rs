//! Errors of the mpsc channels; the same names, fields and texts as in `tokio::sync::mpsc::error`.
#![forbid(unsafe_code)]

#[doc(hidden)]
#[expect(deprecated, reason = "tokio still has it, deprecated")]
pub use crate::queue::error::RecvError;
#[cfg(feature = "tokio")]
pub use crate::queue::error::SendTimeoutError;
pub use crate::queue::error::{SendError, TryRecvError, TrySendError};
