//! Where is the value. Nothing here knows a task.
//!
//! - [`ring`]: a FIFO queue, a chain of ring segments as large as the backlog: mpsc and mpmc
//! - [`lap_ring`]: an overwriting ring of the last n messages, each for several readers: broadcast
//! - [`latest`]: the current value, and earlier ones that snapshots still borrow: watch

pub(crate) mod lap_ring;
pub(crate) mod latest;
pub(crate) mod ring;
