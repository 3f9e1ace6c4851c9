//! oneshot from outside: what it promises, what others got wrong, and hostile company.

mod bombs;
mod hostile;
mod many;
#[cfg(target_pointer_width = "64")]
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod parity;
mod regressions;
mod rounds;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use levada::oneshot::{Receiver, Sender};

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;

/// A task that counts how often it was woken. The strong count of its `Arc` counts its wakers.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // ORDERING: Relaxed on purpose, no pair: a channel must not rely on a waker to make its
        // own writes visible (C16).
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn times_woken(&self) -> usize {
        // ORDERING: Relaxed, no pair: as above.
        self.0.load(Ordering::Relaxed)
    }
}

fn poll<T>(rx: &mut Receiver<T>, task: &Arc<Task>) -> Poll<Option<T>> {
    poll_with(rx, &Waker::from(Arc::clone(task)))
}

fn poll_with<T>(rx: &mut Receiver<T>, waker: &Waker) -> Poll<Option<T>> {
    Pin::new(rx).poll(&mut Context::from_waker(waker)).map(Result::ok)
}

fn poll_closed<T>(tx: &mut Sender<T>, task: &Arc<Task>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(task));
    tx.poll_closed(&mut Context::from_waker(&waker))
}

/// A value that is counted when it is dropped.
#[derive(Clone, Debug, Default)]
struct Drops(Arc<AtomicUsize>);

#[derive(Debug)]
struct Payload(Drops);

impl Drops {
    fn payload(&self) -> Payload {
        Payload(self.clone())
    }

    fn count(&self) -> usize {
        // ORDERING: Acquire pairs with the Release in `Payload::drop`.
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire in `Drops::count`.
        self.0.0.fetch_add(1, Ordering::Release);
    }
}
