//! Errors of the mpmc channels: those of [`mpsc`](crate::mpsc::error), since the vocabulary is the
//! same.
#![forbid(unsafe_code)]

pub use crate::queue::error::{
    RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
