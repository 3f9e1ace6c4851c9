//! A future that is polled by hand, and what its waker saw.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts its wakes. The strong count of its `Arc` counts its wakers.
#[derive(Debug, Default)]
pub struct Tally(AtomicUsize);

impl Tally {
    /// One that was not woken.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A waker that it counts.
    #[must_use]
    pub fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// How often it was woken.
    #[must_use]
    pub fn woken(&self) -> usize {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Tally {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future polled by hand.
#[derive(Debug)]
pub struct Task<F> {
    future: Pin<Box<F>>,
    tally: Arc<Tally>,
    seen: usize,
}

impl<F: Future> Task<F> {
    /// A future that has not been polled.
    pub fn new(future: F) -> Self {
        Self { future: Box::pin(future), tally: Arc::default(), seen: 0 }
    }

    /// A future that has been polled once and waits.
    ///
    /// # Panics
    /// If it was ready at once.
    #[track_caller]
    pub fn waiting(future: F) -> Self {
        let mut task = Self::new(future);
        assert!(task.poll().is_pending(), "nothing to wait for");
        task
    }

    /// Polls it once.
    pub fn poll(&mut self) -> Poll<F::Output> {
        self.seen = self.tally.woken();
        let waker = Waker::from(Arc::clone(&self.tally));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls with a waker that is new each time, as a combinator's may be.
    pub fn poll_elsewhere(&mut self) -> Poll<F::Output> {
        self.tally = Arc::default();
        self.poll()
    }

    /// Whether it was woken since the last poll.
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.tally.woken() > self.seen
    }

    /// Polls for as long as it is woken and not ready; gives the number of polls, too.
    ///
    /// # Panics
    /// If it is woken at each of 10 000 polls.
    pub fn run(&mut self) -> (usize, Poll<F::Output>) {
        let mut polls = 0;
        while self.is_woken() {
            polls += 1;
            assert!(polls < 10_000, "wakes itself for ever");
            if let Poll::Ready(output) = self.poll() {
                return (polls, Poll::Ready(output));
            }
        }
        (polls, Poll::Pending)
    }

    /// How many hold on to the waker, this task not counted.
    #[must_use]
    pub fn wakers_kept(&self) -> usize {
        Arc::strong_count(&self.tally) - 1
    }

    /// What its wakers are made of, to be counted when the task is gone.
    #[must_use]
    pub fn wakers(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The future stays where it is for ever and is never polled or dropped.
    pub fn forget(self) {
        crate::forget(self);
    }
}

/// Polls a future once.
pub fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Polls a future once, for the result only.
pub fn poll_now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future gives that does not have to wait.
///
/// # Panics
/// If it waits.
#[track_caller]
pub fn now<F: Future>(future: F) -> F::Output {
    match poll_now(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("there is something to wait for"),
    }
}
