//! The crates, each behind the traits of `kinds`: a folder for each kind, a file for each crate.

pub(crate) mod batches;
pub(crate) mod broadcasts;
pub(crate) mod lanes;
pub(crate) mod oneshots;
pub(crate) mod overflows;
pub(crate) mod queues;
pub(crate) mod rendezvous;
pub(crate) mod replies;
pub(crate) mod watches;
pub(crate) mod weights;

/// What a crate recommends to do once in a process.
pub(crate) fn set_up() {
    ::crossfire::detect_backoff_cfg();
}
