//! Channels you can build a service on, and see into.

pub use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub mod guide;
