//! The native lock over loom's atomics, for its model.

#[path = "../native/lock.rs"]
mod lock;

use super::UnsafeCell;

mod atomic {
    pub(super) use loom::sync::atomic::Ordering;

    pub(super) struct AtomicBool(loom::sync::atomic::AtomicBool);

    impl AtomicBool {
        pub(super) fn new(value: bool) -> Self {
            Self(loom::sync::atomic::AtomicBool::new(value))
        }

        pub(super) fn load(&self, order: Ordering) -> bool {
            self.0.load(order)
        }

        pub(super) fn swap(&self, value: bool, order: Ordering) -> bool {
            self.0.swap(value, order)
        }

        /// As an exchange. loom does not know that a store by the lock's holder comes after the
        /// exchanges that found it held, so a waiter could find it held for ever.
        pub(super) fn store(&self, value: bool, order: Ordering) {
            self.0.swap(value, order);
        }
    }
}

/// What a thread of a model waits by.
#[derive(Default)]
struct Backoff;

impl Backoff {
    fn snooze(&mut self) {
        loom::thread::yield_now();
    }
}
