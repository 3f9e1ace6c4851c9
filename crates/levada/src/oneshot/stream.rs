//! Support for the traits of `futures-core`.
#![forbid(unsafe_code)]

use futures_core::future::FusedFuture;

use super::Receiver;

impl<T> FusedFuture for Receiver<T> {
    fn is_terminated(&self) -> bool {
        Self::is_terminated(self)
    }
}
