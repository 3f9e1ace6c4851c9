//! The smallest executor: one future, on this thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Far longer than any wait takes, under valgrind too; only a hang gets there.
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker that unparks this thread.
#[must_use]
pub fn thread_waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Runs a future to its end on this thread, with nothing but what every thread has.
///
/// # Panics
/// If nothing wakes it for five minutes.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = thread_waker();
    let start = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        // The check comes before the next poll: the future may be ready without a wake-up.
        thread::park_timeout(LIMIT);
        assert!(start.elapsed() < LIMIT, "nothing wakes it");
    }
}
