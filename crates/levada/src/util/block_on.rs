//! Waiting for a future on a thread of one's own, for the `blocking_*` methods.
#![forbid(unsafe_code)]

use crate::prim::park_on;

/// Runs `future` to its end on this thread.
///
/// # Panics
/// Inside a tokio runtime, with tokio's own message and the caller's location.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    assert_may_block();
    park_on(future)
}

/// Panics, with tokio's message, on a thread that drives a tokio runtime.
///
/// tokio has no public question for it, but each of its blocking calls asks first. This one is on
/// a lock that nobody else knows, so it never waits, and threads do not meet in it.
#[cfg(feature = "tokio")]
#[track_caller]
fn assert_may_block() {
    drop(tokio::sync::RwLock::const_new(()).blocking_read());
}

#[cfg(not(feature = "tokio"))]
fn assert_may_block() {}
