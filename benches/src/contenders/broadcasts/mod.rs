//! The crates with a broadcast channel. Lossy, so that a slow receiver is told how much it missed:
//! levada and tokio. Lossless, so that a sender waits for the slowest: levada's `lossless`,
//! asyncband, async-broadcast (lossy if it is told to be), postage and fibre's `spmc`, which has one
//! sender. fibre's
//! `spmc::topic` (one sender as well) drops what is new for a receiver whose mailbox is full and
//! tells nobody: it is in the shapes where nothing is full.

mod async_broadcast;
mod asyncband;
mod fibre;
mod levada;
mod levada_lossless;
mod postage;
mod tokio;

pub(crate) use async_broadcast::AsyncBroadcast;
pub(crate) use asyncband::Asyncband;
pub(crate) use fibre::{Fibre, FibreTopic};
pub(crate) use levada::Levada;
pub(crate) use levada_lossless::LevadaLossless;
pub(crate) use postage::Postage;
pub(crate) use tokio::Tokio;
