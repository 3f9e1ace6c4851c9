//! Errors of the mpsc channels; the same names, fields and texts as in `tokio::sync::mpsc::error`.
#![forbid(unsafe_code)]

#[doc(hidden)]
#[expect(deprecated, reason = "tokio still has it, deprecated")]
pub use crate::queue::error::RecvError;
pub use crate::queue::error::{
    RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
