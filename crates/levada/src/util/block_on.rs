//! Waiting for a future on a thread of one's own, for the `blocking_*` methods.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// One waker per thread: a blocking call does not allocate.
    static UNPARK: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Runs `future` to its end on this thread.
///
/// # Panics
/// Inside a tokio runtime, with tokio's own message and the caller's location.
#[track_caller]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    assert_may_block();
    let mut future = pin!(future);
    // A thread that is being torn down has no thread-locals any more.
    let waker = UNPARK
        .try_with(Waker::clone)
        .unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        thread::park();
    }
}

/// Panics, with tokio's message, on a thread that drives a tokio runtime.
///
/// tokio has no public question for it, but each of its blocking calls asks first. This one is on
/// a lock that nobody ever writes, so it never waits.
#[cfg(all(feature = "tokio", not(levada_loom)))]
#[track_caller]
fn assert_may_block() {
    static NEVER_WRITTEN: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());
    drop(NEVER_WRITTEN.blocking_read());
}

#[cfg(not(all(feature = "tokio", not(levada_loom))))]
fn assert_may_block() {}
