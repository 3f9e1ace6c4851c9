//! Waiting for a future on a thread of one's own, for the `blocking_*` methods.
#![forbid(unsafe_code)]

use crate::prim::{Patience, park_on, park_on_for};
use core::time::Duration;
use std::time::Instant;

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

/// The same for no longer than `limit`: `None` if the future has not ended by then.
///
/// # Panics
/// As [`block_on`].
#[track_caller]
pub(crate) fn block_on_for<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    assert_may_block();
    park_on_for(future, limit)
}

/// The same until `deadline`.
///
/// # Panics
/// As [`block_on`].
#[track_caller]
pub(crate) fn block_on_until<F: Future>(future: F, deadline: Instant) -> Option<F::Output> {
    block_on_for(future, deadline.saturating_duration_since(Instant::now()))
}

/// Spins briefly until `is_ready`, before the caller [`park_on`]s a future that registers a waker:
/// while no waker is registered, the other side pays for no wake-up. Returns whether it is ready.
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
/// A thread that drives a runtime is in the runtime's context. Outside of all contexts a thread may
/// block; inside one it depends. Looking up the context touches a count that all threads of the
/// runtime share, so each thread does it once.
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
/// a lock of its own, so it never waits, is not contended, and need not be released.
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
