//! How long levada's channels wait for a task that was woken and does not come.

/// The polls of others that a grant of capacity outlives at first: that of `levada::wait::permits`.
pub const GRACE: usize = 8;

/// The attempts of others that the promise of a message outlives at first: that of
/// `levada::queue::many`.
pub const PATIENCE: usize = 64;
