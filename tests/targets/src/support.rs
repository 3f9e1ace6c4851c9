//! Messages, and futures that are polled by hand.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What the channels carry.
pub(crate) trait Message: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The n-th one.
    fn new(n: u8) -> Self;
}

impl Message for () {
    fn new(_: u8) -> Self {}
}

impl Message for u8 {
    fn new(n: u8) -> Self {
        n
    }
}

impl Message for u32 {
    fn new(n: u8) -> Self {
        u32::from_ne_bytes([n, 1, 2, 3])
    }
}

impl Message for u64 {
    fn new(n: u8) -> Self {
        u64::from_ne_bytes([n, 1, 2, 3, 4, 5, 6, 7])
    }
}

impl Message for [u8; 100] {
    fn new(n: u8) -> Self {
        [n; 100]
    }
}

impl Message for String {
    fn new(n: u8) -> Self {
        n.to_string()
    }
}

/// Of a larger alignment than the storage inside a channel has.
#[derive(Clone, Debug, PartialEq)]
#[repr(align(128))]
pub(crate) struct Aligned(u8);

impl Message for Aligned {
    fn new(n: u8) -> Self {
        Self(n)
    }
}

/// The messages `from..from + N`.
pub(crate) fn messages<T: Message, const N: usize>(from: u8) -> [T; N] {
    std::array::from_fn(|index| T::new(from + index as u8))
}

/// Counts its wakes.
#[derive(Default)]
struct Tally(AtomicU32);

impl Wake for Tally {
    fn wake(self: Arc<Self>) {
        // ORDERING: Relaxed, no pair: one thread.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls `future`, which waits; does `event`, which wakes it; and gives what it gives then.
pub(crate) fn wait_for<F: Future>(future: F, event: impl FnOnce()) -> F::Output {
    let mut future = pin!(future);
    let tally = Arc::<Tally>::default();
    let waker = Waker::from(Arc::clone(&tally));
    let mut cx = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut cx).is_pending(), "there is nothing yet");
    event();
    // ORDERING: Relaxed, no pair: one thread.
    assert_eq!(tally.0.load(Ordering::Relaxed), 1, "woken once");
    match future.poll(&mut cx) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("woken for nothing"),
    }
}

/// Polls `future` once, which is ready.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut cx) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Polls `future` once, which waits, and drops it.
pub(crate) fn cancel<F: Future>(future: F) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(future).poll(&mut cx).is_pending(), "there is nothing yet");
}
