//! The native backend.

pub(crate) mod asymmetric;
mod lock;
mod parker;

use core::hint::spin_loop;
use core::time::Duration;
use std::thread;

pub(crate) use self::lock::{Lock, LockGuard};
pub(super) use self::parker::Parker;
pub(crate) use super::cell::{UnsafeCell, uninit_slots};
pub(crate) use super::park::{park_on, park_on_for};
pub(crate) use std::sync::Arc;

pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// How a thread waits for a lock: spin, then yield, then sleep.
#[derive(Default)]
struct Backoff {
    step: u32,
}

impl Backoff {
    /// Bursts of this many pause instructions, of 10 to 50 nanoseconds each. Long, so that the others get much
    /// done meanwhile with a lock that is in their cache: one that goes to and fro costs more than
    /// what is done under it.
    const BURST: u32 = 64;
    /// This many of them.
    const SPINS: u32 = 3;
    /// Then this many yields of the time slice.
    const YIELDS: u32 = 32;
    /// Then naps: a holder of lower priority needs the processor itself.
    const NAP: Duration = Duration::from_micros(50);

    fn snooze(&mut self) {
        if self.step < Self::SPINS {
            for _ in 0..Self::BURST {
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

/// How long a thread that has nothing to do stays awake before it sleeps, which costs it and who wakes it
/// some microseconds each. Bounded by about five of them, where nobody else has use for the processor.
#[derive(Default)]
pub(crate) struct Patience {
    step: u32,
}

impl Patience {
    /// Bursts of 1, 2, 4, … pause instructions.
    const SPINS: u32 = 6;
    /// Then yields of the time slice: with more threads than processors, the others are what is waited for.
    const YIELDS: u32 = 8;

    /// Lets some time pass, if there is any left.
    #[cold]
    pub(crate) fn is_left(&mut self) -> bool {
        if self.step >= Self::SPINS + Self::YIELDS {
            return false;
        }
        if self.step < Self::SPINS {
            for _ in 0..1_u32 << self.step {
                spin_loop();
            }
        } else {
            thread::yield_now();
        }
        self.step += 1;
        true
    }
}
