//! Who sleeps. Nothing here knows a value.
//!
//! - [`list`]: the intrusive list of waiters, the only pinned raw pointers in the crate
//! - [`queue`]: waiters that are all told of an event
//! - [`permits`]: waiters for counted capacity, served in order
//! - [`waker_words`]: one waiter, as two words of memory

pub(crate) mod list;
pub(crate) mod permits;
pub(crate) mod queue;
pub(crate) mod waker_words;
