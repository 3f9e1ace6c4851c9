//! The crates, each behind the traits of `kinds`: a folder for each kind, a file for each crate.

pub(crate) mod broadcasts;
pub(crate) mod oneshots;
pub(crate) mod queues;
pub(crate) mod watches;
