//! Small tools with no knowledge of channels.
#![forbid(unsafe_code)]

pub(crate) mod block_on;
pub(crate) mod budget;
mod cache_padded;
mod first_panic;
#[cfg(not(levada_loom))]
mod park;
mod wake_batch;

pub(crate) use self::cache_padded::CachePadded;
pub(crate) use self::first_panic::FirstPanic;
#[cfg(not(levada_loom))]
pub(crate) use self::park::park_on;
pub(crate) use self::wake_batch::{WakeBatch, wake_in_batches};
#[cfg(levada_loom)]
pub(crate) use crate::prim::block_on as park_on;
