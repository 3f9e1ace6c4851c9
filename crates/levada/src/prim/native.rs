//! The native backend.

pub(crate) mod asymmetric;
mod lock;

use core::hint::spin_loop;
use core::time::Duration;
use std::thread;

pub(crate) use self::lock::{Lock, LockGuard};
pub(crate) use super::cell::{UnsafeCell, uninit_slots};
pub(crate) use super::park::park_on;
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
