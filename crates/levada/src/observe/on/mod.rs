//! The feature `observe`: what is recorded, and how a snapshot reads it.
//!
//! - `record`: what is in each channel
//! - `registry`: all channels that are alive; the only unsafe code
//! - `waits`: which tasks wait now, and how long others have waited
//! - `handles`: which tasks use which handles, and where receivers are
//! - `queue_time`: how long messages are in a queue
//! - `snapshot`: what all of that is at one moment
//! - `slab`, `sums`, `task`: tables under a lock; the task that runs now

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
compile_error!("the feature `observe` of levada needs a clock, which wasm32-unknown-unknown lacks");

mod handles;
mod queue_time;
mod record;
mod registry;
mod slab;
mod snapshot;
mod sums;
mod task;
mod waits;

#[cfg(test)]
mod model;

pub(crate) use self::handles::{HandleRecord, PositionRecord, PositionRef};
pub use self::queue_time::QueueTime;
pub(crate) use self::record::{ChannelRecord, Done, Name, Observed, Reading, Weight};
pub use self::snapshot::{
    Blocked, Channel, Ended, Handle, Oneshots, Origin, Position, Snapshot, Waiter, snapshot,
};
pub use self::task::Task;
pub(crate) use self::waits::{CreatedAt, WaitRecord};
