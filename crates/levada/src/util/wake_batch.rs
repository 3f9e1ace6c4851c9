use core::mem::MaybeUninit;
use core::task::Waker;

use super::FirstPanic;

/// Wakers collected under a lock, to be woken outside it. Making an empty one costs nothing: mostly
/// it holds one waker, or none.
///
/// # Invariants
/// - **I1** The first `len` of `wakers` are initialised, and the batch owns them.
///
/// # Unwinding
/// A waker that panics does not keep the others from being woken; the first panic goes on after
/// the last of them.
#[derive(Debug)]
pub(crate) struct WakeBatch {
    wakers: [MaybeUninit<Waker>; Self::CAPACITY],
    len: usize,
}

impl WakeBatch {
    /// Wakers per batch: as many wakes for one more taking of the lock.
    pub(crate) const CAPACITY: usize = 16;

    fn new() -> Self {
        Self { wakers: [const { MaybeUninit::uninit() }; Self::CAPACITY], len: 0 }
    }

    /// Whether one more waker fits.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.len < Self::CAPACITY
    }

    /// Adds a waker. The caller has checked [`has_room`](Self::has_room).
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        self.wakers[self.len].write(waker);
        self.len += 1;
    }

    /// Wakes all, the oldest first, and empties the batch.
    fn wake_all(&mut self, panics: &mut FirstPanic) {
        let len = core::mem::take(&mut self.len);
        for waker in &self.wakers[..len] {
            // SAFETY: it is initialised, and ours (I1). With `len` set to zero it is not read
            // again.
            let waker = unsafe { waker.assume_init_read() };
            panics.catch(|| waker.wake());
        }
    }
}

/// Calls `fill`, which takes its lock and fills the batch, and wakes the batch; again for as long
/// as `fill` answers that it has more.
pub(crate) fn wake_in_batches(mut fill: impl FnMut(&mut WakeBatch) -> bool) {
    let mut batch = WakeBatch::new();
    let mut panics = FirstPanic::default();
    while fill(&mut batch) {
        batch.wake_all(&mut panics);
    }
    batch.wake_all(&mut panics);
    panics.resume();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Flaky(Arc<AtomicUsize>, bool);

    impl Wake for Flaky {
        fn wake(self: Arc<Self>) {
            // ORDERING: Relaxed, no pair: one thread.
            self.0.fetch_add(1, Ordering::Relaxed);
            assert!(!self.1, "this waker panics");
        }
    }

    #[test]
    fn a_panicking_waker_strands_nobody() {
        let woken = Arc::new(AtomicUsize::new(0));
        let mut left = 100;
        let result = catch_unwind(AssertUnwindSafe(|| {
            wake_in_batches(|batch| {
                while batch.has_room() && left > 0 {
                    left -= 1;
                    let flaky = Flaky(Arc::clone(&woken), left % 40 == 7);
                    batch.push(Waker::from(Arc::new(flaky)));
                }
                left > 0
            });
        }));
        assert!(result.is_err(), "the first panic is passed on");
        // ORDERING: Relaxed, no pair: one thread.
        assert_eq!(woken.load(Ordering::Relaxed), 100);
    }
}
