//! Waiters and their queues. Nothing here depends on the type of the messages.
//!
//! - [`list`]: the intrusive list of waiters, the only pinned raw pointers in the crate
//! - [`lazy`]: a node on the heap, for streams and sinks, which are not pinned
//! - [`nodes`]: a node for each of several lines, on the heap
//! - [`queue`]: waiters that are all notified of an event
//! - [`until`]: waiting in such a queue, as a future
//! - [`permits`]: waiters for counted capacity, served in order
//! - [`waker_words`]: one waker, for a side that takes it and leaves in one operation

pub(crate) mod lazy;
pub(crate) mod list;
pub(crate) mod nodes;
pub(crate) mod permits;
pub(crate) mod queue;
pub(crate) mod until;
pub(crate) mod waker_words;
