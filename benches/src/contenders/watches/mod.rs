//! The crates with a watch. asyncband and postage hand out a clone of what has changed, eyeball a
//! clone or a guard (its `next` is the cheaper way to a small value); asyncband also reads by a
//! clone. arc-swap is no channel: it is in the shapes that only read and write. async-watch is left
//! out, as an old copy of tokio's; see 0.1.2 too, as `changed` can miss a value that is sent
//! between its look at the version and its `listen`: with two workers the wake-ups hang.

mod arc_swap;
mod asyncband;
mod eyeball;
mod levada;
mod postage;
mod tokio;

pub(crate) use arc_swap::ArcSwap;
pub(crate) use asyncband::Asyncband;
pub(crate) use eyeball::Eyeball;
pub(crate) use levada::Levada;
pub(crate) use postage::Postage;
pub(crate) use tokio::Tokio;
