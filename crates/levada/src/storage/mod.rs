//! Where is the value. Nothing here knows a task.
//!
//! - [`lap_ring`]: the newest messages, each for several readers: broadcast

pub(crate) mod lap_ring;
