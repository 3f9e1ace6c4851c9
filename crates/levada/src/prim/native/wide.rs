//! An atomic word of 64 bits where the processor has none: 32-bit PowerPC and MIPS, and ARM before
//! version 6.
//!
//! Half as many bits are not enough. The word of a oneshot channel is unique to each change
//! (`oneshot::state`), and the stamp of a broadcast slot to each message (`storage::lap_ring`);
//! with 32 bits both would come round within seconds, and an exchange would take an old value for
//! the one it expects.
//!
//! So each word has a lock, which is held for the access alone. All accesses of one word are in a
//! total order in which each happens before the next, and that is at least what every [`Ordering`]
//! asks for. It holds beside fences, too. Two sides that each write one word and then read the
//! other's do not both miss the write if at least one word is of this kind: the side that reads it
//! too early released its lock before the other side acquired it to write, and so that other side
//! sees all that the first did before.
#![forbid(unsafe_code)]

use core::panic::RefUnwindSafe;

use super::Lock;
use super::atomic::Ordering;

/// As `core::sync::atomic::AtomicU64`, as far as levada uses it.
pub(crate) struct AtomicU64(Lock<u64>);

impl core::fmt::Debug for AtomicU64 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.lock().fmt(f)
    }
}

// No access can panic.
impl RefUnwindSafe for AtomicU64 {}

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn load(&self, _: Ordering) -> u64 {
        *self.0.lock()
    }

    pub(crate) fn store(&self, value: u64, _: Ordering) {
        *self.0.lock() = value;
    }

    pub(crate) fn swap(&self, value: u64, _: Ordering) -> u64 {
        core::mem::replace(&mut *self.0.lock(), value)
    }

    pub(crate) fn fetch_add(&self, more: u64, _: Ordering) -> u64 {
        let mut value = self.0.lock();
        let sum = value.wrapping_add(more);
        core::mem::replace(&mut *value, sum)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        _: Ordering,
        _: Ordering,
    ) -> Result<u64, u64> {
        let mut value = self.0.lock();
        if *value != current {
            return Err(*value);
        }
        *value = new;
        Ok(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// No exchange of several threads is lost, and no half of a word is seen without the other.
    #[test]
    fn exchanges_are_whole() {
        const ROUNDS: u64 = if cfg!(miri) { 50 } else { 10_000 };
        /// Adds one to both halves.
        const STEP: u64 = 1 << 32 | 1;
        let word = AtomicU64::new(0);
        let add = || {
            for _ in 0..ROUNDS {
                // ORDERING: Relaxed, no pair: what is tested.
                let mut value = word.load(Ordering::Relaxed);
                // ORDERING: Relaxed, no pair: what is tested.
                while let Err(newer) =
                    word.compare_exchange(value, value + STEP, Ordering::Relaxed, Ordering::Relaxed)
                {
                    assert_eq!(newer >> 32, newer & u64::from(u32::MAX));
                    value = newer;
                }
            }
        };
        thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(add))));
        // ORDERING: Relaxed, no pair: what is tested.
        assert_eq!(word.swap(7, Ordering::Relaxed), 3 * ROUNDS * STEP);
        // ORDERING: Relaxed, no pair: what is tested.
        word.store(8, Ordering::Relaxed);
        // ORDERING: Relaxed, no pair: what is tested.
        assert_eq!(word.fetch_add(1, Ordering::Relaxed), 8);
        // ORDERING: Relaxed, no pair: what is tested.
        assert_eq!(word.load(Ordering::Relaxed), 9);
    }
}
