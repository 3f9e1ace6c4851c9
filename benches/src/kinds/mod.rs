//! What a contender can do: one file of traits for each kind of channel.

pub(crate) mod batches;
pub(crate) mod broadcast;
pub(crate) mod mpmc;
pub(crate) mod mpsc;
pub(crate) mod oneshot;
pub(crate) mod overflow;
pub(crate) mod replies;
pub(crate) mod watch;
