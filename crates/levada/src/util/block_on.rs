//! Waiting for a future on a thread of one's own, for the `blocking_*` methods.
#![forbid(unsafe_code)]

use crate::prim::{Patience, park_on};

#[cfg(feature = "tokio")]
use core::cell::Cell;
#[cfg(feature = "tokio")]
use core::mem::ManuallyDrop;
#[cfg(feature = "tokio")]
use tokio::runtime::Handle;
#[cfg(feature = "tokio")]
use tokio::sync::RwLock;

/// Runs `future` to its end on this thread.
///
/// # Panics
/// Inside a tokio runtime, with tokio's own message and the caller's location.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    assert_may_block();
    park_on(future)
}

/// Gives `is_ready` a little time, before the caller [`park_on`]s a future by which others are
/// asked to wake this thread: who has not been asked has nothing to pay for it. Answers whether it
/// is ready.
///
/// # Panics
/// As [`block_on`].
#[inline]
#[track_caller]
pub(crate) fn stay_awake_until(is_ready: impl Fn() -> bool) -> bool {
    assert_may_block();
    let mut patience = Patience::default();
    while !is_ready() {
        if !patience.is_left() {
            return false;
        }
    }
    patience.was_worth_it();
    true
}

#[cfg(feature = "tokio")]
thread_local! {
    /// Whether this thread has been seen in the context of a runtime.
    static KNOWS_A_RUNTIME: Cell<bool> = const { Cell::new(false) };
}

/// Panics, with tokio's message, on a thread that drives a tokio runtime.
///
/// Who drives a runtime is in its context, so outside of all contexts there is nothing to ask. In
/// one, it may still be that the thread may block. To learn of a context costs a count that all its
/// threads share, so that is done once for a thread.
#[cfg(feature = "tokio")]
#[inline]
#[track_caller]
fn assert_may_block() {
    // Where it is gone, with the thread, it is tokio that has to know.
    if KNOWS_A_RUNTIME.try_with(Cell::get).unwrap_or(true) || Handle::try_current().is_ok() {
        assert_may_block_in_context();
    }
}

/// The same in the context of a runtime.
///
/// tokio has no public question for it, but each of its blocking calls asks first. This one is on
/// a lock that nobody else knows, so it never waits, threads do not meet in it, and it need not be
/// released.
#[cfg(feature = "tokio")]
#[cold]
#[track_caller]
fn assert_may_block_in_context() {
    let _ = KNOWS_A_RUNTIME.try_with(|known| known.set(true));
    let lock = RwLock::const_new(());
    let _held_to_its_end = ManuallyDrop::new(lock.blocking_read());
}

#[cfg(not(feature = "tokio"))]
fn assert_may_block() {}
