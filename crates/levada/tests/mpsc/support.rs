//! A future that is polled by hand, and what its waker saw.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// As `levada::wait::permits::GRACE`: the polls a promise outlives.
pub(crate) const GRACE: usize = 8;

/// Counts its wakes.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicUsize);

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
pub(crate) struct Task<F> {
    future: Pin<Box<F>>,
    tally: Arc<Tally>,
    seen: usize,
}

impl<F: Future> Task<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), tally: Arc::default(), seen: 0 }
    }

    /// A future that has been polled once and waits.
    pub(crate) fn waiting(future: F) -> Self {
        let mut task = Self::new(future);
        assert!(task.poll().is_pending(), "nothing to wait for");
        task
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.seen = self.woken();
        let waker = Waker::from(Arc::clone(&self.tally));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls with a waker that is new each time, as a combinator's may be.
    pub(crate) fn poll_elsewhere(&mut self) -> Poll<F::Output> {
        self.tally = Arc::default();
        self.poll()
    }

    /// Whether it was woken since the last poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken() > self.seen
    }

    /// Polls for as long as it is woken and not ready; gives the number of polls, too.
    pub(crate) fn run(&mut self) -> (usize, Poll<F::Output>) {
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
    pub(crate) fn wakers_kept(&self) -> usize {
        Arc::strong_count(&self.tally) - 1
    }

    /// What its wakers are made of, to be counted when the task is gone.
    pub(crate) fn wakers(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The future stays where it is for ever and is never polled or dropped.
    #[expect(clippy::mem_forget, reason = "that is the question")]
    pub(crate) fn forget(self) {
        std::mem::forget(self);
    }

    fn woken(&self) -> usize {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.tally.0.load(Ordering::SeqCst)
    }
}

/// A message that counts its drops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drops(Arc<()>);

impl Drops {
    /// A message; alive as long as [`alive`](Self::alive) counts it.
    pub(crate) fn message(&self) -> Self {
        self.clone()
    }

    /// How many messages have not been dropped.
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}
