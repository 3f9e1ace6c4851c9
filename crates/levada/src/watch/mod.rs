//! Stands in until the channel's own implementation lands.
pub use tokio::sync::watch::*;
