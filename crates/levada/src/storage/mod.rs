//! Where is the value. Nothing here knows a task.
//!
//! - [`ring`]: first in, first out, as large as what is in it: mpsc and mpmc
//! - [`lap_ring`]: the last n, overwritten by a lapping sender: broadcast

pub(crate) mod lap_ring;
pub(crate) mod ring;
