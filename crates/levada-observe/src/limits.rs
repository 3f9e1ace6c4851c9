//! When something counts as a trouble, and how long lists are.

use std::time::Duration;

/// When something counts as a trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A deadlock is suspected if its waits are so old, and its channels have not moved for so
    /// long.
    pub(crate) deadlock: Duration,
    /// Senders have waited for so long for capacity.
    pub(crate) full: Duration,
    /// A task has waited for so long for a oneshot.
    pub(crate) oneshot: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadlock: Duration::from_secs(10),
            full: Duration::from_secs(5),
            oneshot: Duration::from_secs(30),
        }
    }
}

/// At most so many tasks of a group of waiters are listed.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_TASKS, 8);
/// ```
pub const MAX_TASKS: usize = 8;

/// At most so many receivers of a broadcast or watch are listed.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_SUBSCRIBERS, 16);
/// ```
pub const MAX_SUBSCRIBERS: usize = 16;

/// At most so many waits are listed in the graph.
///
/// # Examples
/// ```
/// assert_eq!(levada_observe::MAX_EDGES, 1_000);
/// ```
pub const MAX_EDGES: usize = 1_000;
