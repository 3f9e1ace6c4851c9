//! The crates with a oneshot. kanal and flume have none: they are in the requests and replies,
//! where a queue of capacity 1 is what their users take. loole, async-channel, tachyonix and
//! thingbuf would do the same as flume, and are left out. fibre is here with its `exclusive`
//! oneshot, the one its docs advise for a single sender; its pools of oneshots are in `replies`.

mod asyncband;
mod crossfire;
mod fibre;
mod flume;
mod futures_channel;
mod kanal;
mod levada;
mod oneshot;
mod postage;
mod tokio;

pub(crate) use asyncband::Asyncband;
pub(crate) use crossfire::Crossfire;
pub(crate) use fibre::Fibre;
pub(crate) use flume::Flume;
pub(crate) use futures_channel::FuturesChannel;
pub(crate) use kanal::Kanal;
pub(crate) use levada::Levada;
pub(crate) use oneshot::Oneshot;
pub(crate) use postage::Postage;
pub(crate) use tokio::Tokio;
