//! Who sleeps. Nothing here knows a value.
//!
//! - [`list`]: the intrusive list of waiters, the only pinned raw pointers in the crate
//! - [`queue`]: waiters that are all told of an event
//! - [`until`]: a future that waits in such a queue, for threads that sleep

pub(crate) mod list;
pub(crate) mod queue;
pub(crate) mod until;
