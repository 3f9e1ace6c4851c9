//! Small tools with no knowledge of channels.

pub(crate) mod block_on;
pub(crate) mod budget;
mod cache_padded;
mod first_panic;
mod gap;
mod wake_batch;

pub(crate) use self::cache_padded::CachePadded;
pub(crate) use self::first_panic::{DropLast, FirstPanic, contain, run_last};
pub(crate) use self::gap::{Gap, LINE};
pub(crate) use self::wake_batch::{WakeBatch, wake_in_batches};
