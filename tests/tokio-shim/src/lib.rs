//! The real tokio under its own name, with `sync::{broadcast, mpsc, oneshot, watch}` replaced by
//! levada's.
//!
//! Tests written for tokio compile against this crate unchanged, macros included: `#[tokio::test]`
//! expands to paths below `tokio::`, which this crate forwards, and `select!` and `join!` to paths
//! below the real tokio's `$crate`. An item named here shadows the one of the glob import.

pub use tokio_real::*;

/// tokio's `sync`, with levada's channels.
pub mod sync {
    pub use levada::{broadcast, mpsc, oneshot, watch};
    pub use tokio_real::sync::*;
}
