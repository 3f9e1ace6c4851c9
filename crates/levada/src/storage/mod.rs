//! Where is the value. Nothing here knows a task.
//!
//! - [`ring`]: first in, first out, as large as what is in it: mpsc and mpmc
//! - [`lap_ring`]: the last n, overwritten by a lapping sender: broadcast
//! - [`latest`]: one value, and the earlier ones somebody still looks at: watch

pub(crate) mod lap_ring;
pub(crate) mod latest;
pub(crate) mod ring;
