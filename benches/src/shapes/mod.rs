//! The work, generic over what a contender can do. A file is a group of cells.

pub(crate) mod adapters;
pub(crate) mod batches;
pub(crate) mod blocking;
pub(crate) mod broadcast;
pub(crate) mod creation;
pub(crate) mod fairness;
pub(crate) mod lanes;
pub(crate) mod latency;
pub(crate) mod loaded;
pub(crate) mod memory;
pub(crate) mod mpmc;
pub(crate) mod mpsc;
pub(crate) mod oneshot;
pub(crate) mod overflow;
mod payloads;
pub(crate) mod rendezvous;
pub(crate) mod replies;
pub(crate) mod request_reply;
mod rounds;
pub(crate) mod unbounded;
pub(crate) mod watch;
pub(crate) mod weighted;
