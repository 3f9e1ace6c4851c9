//! The native backend.

mod lock;

use core::cell;
use core::hint::spin_loop;
use core::mem::MaybeUninit;
use core::time::Duration;
use std::thread;

pub(crate) use self::lock::{Lock, LockGuard};
pub(crate) use std::sync::Arc;

pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// `core::cell::UnsafeCell` with the closure interface that lets loom see every access.
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(cell::UnsafeCell::new(value))
    }

    /// Gives a pointer to read through.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Gives a pointer to write through.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Cells for messages that are not there yet. Made in place: large ones never cross the stack.
pub(crate) fn uninit_slots<T>(len: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    let slots = Box::<[UnsafeCell<MaybeUninit<T>>]>::new_uninit_slice(len);
    // SAFETY: the cell is a transparent wrapper around `MaybeUninit`, which needs no initialisation.
    unsafe { slots.assume_init() }
}

/// How a thread waits for a lock: spin, then yield, then sleep.
#[derive(Default)]
struct Backoff {
    step: u32,
}

impl Backoff {
    /// Doubling bursts of pause instructions: at most 2^6 - 1 in all, a few hundred nanoseconds.
    const SPINS: u32 = 6;
    /// Then this many yields of the time slice.
    const YIELDS: u32 = 32;
    /// Then naps: a holder of lower priority needs the processor itself.
    const NAP: Duration = Duration::from_micros(50);

    fn snooze(&mut self) {
        if self.step < Self::SPINS {
            for _ in 0..1_u32 << self.step {
                spin_loop();
            }
        } else if self.step < Self::SPINS + Self::YIELDS {
            thread::yield_now();
        } else {
            thread::sleep(Self::NAP);
        }
        self.step = self.step.saturating_add(1);
    }
}
