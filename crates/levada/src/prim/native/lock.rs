//! The native lock. Written over its parent's atomics, so that it can be modelled, too: the loom
//! backend compiles this file a second time, for `model`.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::atomic::{AtomicBool, Ordering};
use super::{Backoff, UnsafeCell};

/// A mutual exclusion lock for critical sections of a few nanoseconds.
///
/// Taking it costs one read-modify-write and releasing it a plain store, half of what a lock that
/// can park its waiters costs. That is affordable because nothing in this crate runs foreign code,
/// allocates or waits while it holds one, so a holder can only be late when its thread was
/// preempted. (A lock that is only tried may be held for longer: no thread waits for it.) A waiting
/// thread spins for some 10 to 20 microseconds, and then naps between further tries, so a preempted
/// holder always gets to run, whatever the priorities.
///
/// # Progress
/// Not lock-free: operations that take the lock wait for its holder.
///
/// # Unwinding
/// Not poisoned: no code that can panic runs inside.
pub(crate) struct Lock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the cell keeps it from being automatic. Threads that share the lock reach the value only
// through a guard, of which there is one at a time: the value moves from thread to thread, which
// `T: Send` allows, and is never shared.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Exclusive access to what a [`Lock`] guards; released on drop.
pub(crate) struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    /// It is as good as this, and may be sent and shared where this may: `&Lock` alone could be
    /// shared without `T: Sync`, and with it the `&T` that the guard gives.
    _value: PhantomData<&'a mut T>,
}

impl<T> Lock<T> {
    #[cfg(not(all(loom, feature = "loom")))]
    pub(crate) const fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// loom's atomics are no constants.
    #[cfg(all(loom, feature = "loom"))]
    pub(crate) fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Takes the lock, if it is free.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        // ORDERING: Relaxed, no pair: a look, so that a lock which is held costs no exchange.
        let looks_free = !self.locked.load(Ordering::Relaxed);
        // ORDERING: Acquire pairs with the Release store in `LockGuard::drop`.
        let is_free = looks_free && !self.locked.swap(true, Ordering::Acquire);
        is_free.then(|| LockGuard { lock: self, _value: PhantomData })
    }

    #[inline]
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        // ORDERING: Acquire pairs with the Release store in `LockGuard::drop`, so that what the
        // previous holder wrote is visible here.
        if self.locked.swap(true, Ordering::Acquire) {
            self.lock_contended();
        }
        LockGuard { lock: self, _value: PhantomData }
    }

    #[cold]
    fn lock_contended(&self) {
        let mut wait = Backoff::default();
        loop {
            wait.snooze();
            // No look before: a thread that takes and releases the lock all the time has taken it
            // again by the time that a second access reaches the line. The waits between keep the
            // line with the threads that use it.
            //
            // ORDERING: Acquire pairs with the Release store in `LockGuard::drop`.
            if !self.locked.swap(true, Ordering::Acquire) {
                return;
            }
        }
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `lock` makes a guard only after its swap found the lock free, and no other
        // swap does until this guard drops. So all references to the value come from this guard,
        // and `&self` leaves only shared ones.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: there is one guard (see `deref`), and `&mut self` excludes every other reference
        // that was borrowed from it.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for LockGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire swaps in `lock` and `lock_contended`.
        self.lock.locked.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use core::time::Duration;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn a_contended_lock_excludes() {
        const ROUNDS: u64 = if cfg!(miri) { 100 } else { 20_000 };
        let lock = Arc::new(Lock::new(0_u64));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let lock = Arc::clone(&lock);
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        *lock.lock() += 1;
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.lock(), 8 * ROUNDS);
    }

    #[test]
    fn a_holder_that_sleeps_does_not_wedge_the_others() {
        let lock = Lock::new(());
        thread::scope(|scope| {
            let held = lock.lock();
            let waiter = scope.spawn(|| drop(lock.lock()));
            // Long enough that the waiter reaches its naps; nothing depends on it.
            thread::sleep(Duration::from_millis(20));
            drop(held);
            waiter.join().unwrap();
        });
    }
}

#[cfg(test)]
mod model {
    use super::*;
    use crate::prim::{Arc, model, thread};

    /// One thread at a time holds the lock, and sees what the holders before it did: otherwise loom
    /// reports a race on the value.
    #[test]
    fn one_at_a_time() {
        model(|| {
            let shared = Arc::new((Lock::new(0), AtomicBool::new(false)));
            let add = |shared: &(Lock<u32>, AtomicBool)| {
                let mut value = shared.0.lock();
                // ORDERING: Relaxed, no pair: a step at which others may come, and are kept out.
                let before = shared.1.swap(true, Ordering::Relaxed);
                assert!(!before, "two at a time");
                *value += 1;
                // ORDERING: Relaxed, no pair: as above.
                shared.1.store(false, Ordering::Relaxed);
            };
            let other = Arc::clone(&shared);
            let thread = thread::spawn(move || add(&other));
            // Twice, so that a thread that has waited for the first holder finds the second.
            add(&shared);
            add(&shared);
            thread.join().unwrap();
            assert_eq!(*shared.0.lock(), 3);
        });
    }

    /// A thread that only tries is kept out while another one holds the lock, and sees what that
    /// one did.
    #[test]
    fn one_that_tries() {
        model(|| {
            let shared = Arc::new(Lock::new(0));
            let other = Arc::clone(&shared);
            let thread = thread::spawn(move || {
                let value = other.try_lock();
                value.map(|mut value| *value += 1).is_some()
            });
            let tried = shared.try_lock().map(|mut value| *value += 1).is_some();
            let other_tried = thread.join().unwrap();
            assert!(tried || other_tried, "the lock was free for one of them");
            assert_eq!(*shared.lock(), i32::from(tried) + i32::from(other_tried));
        });
    }
}
