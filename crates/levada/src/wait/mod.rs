//! Who sleeps. Nothing here knows a value.
//!
//! - [`list`]: the intrusive list of waiters, the only pinned raw pointers in the crate
//! - [`queue`]: waiters that are all told of an event
//! - [`waker_words`]: one waker, for a side that wins it and leaves in one operation

pub(crate) mod list;
pub(crate) mod queue;
pub(crate) mod waker_words;
