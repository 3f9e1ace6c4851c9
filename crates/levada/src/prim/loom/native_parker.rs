//! The native parker over loom's atomics and threads, for its model.

#[path = "../native/parker.rs"]
mod parker;

mod thread {
    #[cfg(test)]
    pub(super) use loom::thread::spawn;
    pub(super) use loom::thread::{Thread, current, park, yield_now};

    /// A model knows no time: others may have their turn.
    pub(super) fn park_timeout(_: core::time::Duration) {
        yield_now();
    }
}

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU8, Ordering};
}

/// A model's thread goes to sleep at once: those who wake it come at any step all the same.
#[derive(Default)]
struct Patience;

impl Patience {
    fn is_left(&mut self) -> bool {
        false
    }

    fn was_worth_it(&self) {}

    fn asleep<T>(&self, sleep: impl FnOnce() -> T) -> T {
        sleep()
    }
}
