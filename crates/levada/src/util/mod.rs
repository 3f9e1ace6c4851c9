//! Small tools with no knowledge of channels.

pub(crate) mod block_on;
pub(crate) mod budget;
mod first_panic;
mod pad;
mod wake_batch;

pub(crate) use self::first_panic::{DropLast, FirstPanic, contain, run_last};
pub(crate) use self::pad::{LINE, Pad};
pub(crate) use self::wake_batch::{WakeBatch, wake_in_batches};
