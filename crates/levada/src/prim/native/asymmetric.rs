//! A pair of fences of which one is nearly free, and the other pays for both.
//!
//! Two sides that each write one thing and then read what the other writes need a sequentially
//! consistent fence in between, on either side, so that not both read the old. Where one side comes
//! with every message and the other seldom, that is unfair. Linux has a system call by which the rare
//! side puts a fence into every thread of the process that is running just now, and with it into the
//! frequent side (`membarrier(2)`). What remains of that side's own fence is that the compiler must not
//! reorder.

use std::thread;

use core::sync::atomic::compiler_fence;

use super::atomic::{AtomicU8, Ordering, fence};

/// Whether the process may use the system call.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const AVAILABLE: u8 = 1;
const UNAVAILABLE: u8 = 2;

/// Whether the pair may be used, by whoever is told that it may. If not, both sides need a fence of their own.
///
/// The first call arranges for it and does not wait: the kernel takes some ten milliseconds.
#[cold]
pub(crate) fn is_available() -> bool {
    // ORDERING: Acquire pairs with the Release store in `register`, which comes after the system call.
    let state = STATE.load(Ordering::Acquire);
    if state == UNKNOWN
        // ORDERING: Relaxed, no pair: decides only who registers.
        && STATE.swap(UNAVAILABLE, Ordering::Relaxed) == UNKNOWN
        && system::IS_KNOWN
    {
        // If no thread is to be had, the fences stay. It ends by itself, so nobody waits for it.
        let _detached = thread::Builder::new().name("levada-register".into()).spawn(register);
    }
    state == AVAILABLE
}

fn register() {
    if system::register() {
        // ORDERING: Release pairs with the Acquire load in `is_available`.
        STATE.store(AVAILABLE, Ordering::Release);
    }
}

/// The frequent side's. Only together with [`heavy_fence`], and after [`is_available`].
#[inline(always)]
pub(crate) fn light_fence() {
    // ORDERING: SeqCst pairs with `asymmetric::heavy_fence`; for the compiler alone.
    compiler_fence(Ordering::SeqCst);
}

/// The rare side's: between what a thread did before it and does after, every other thread has put a fence
/// at some point.
#[cold]
pub(crate) fn heavy_fence() {
    // ORDERING: SeqCst pairs with `asymmetric::light_fence`, by way of the system call, and with a fence
    // that the frequent side still has of its own.
    fence(Ordering::SeqCst);
    system::fence_everywhere();
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::thread;

    use core::time::Duration;

    pub(super) const IS_KNOWN: bool = true;

    fn membarrier(command: libc::c_int) -> bool {
        let (flags, cpu): (libc::c_uint, libc::c_int) = (0, 0);
        // SAFETY: the system call touches none of our memory.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, flags, cpu) };
        result == 0
    }

    pub(super) fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
            && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    pub(super) fn fence_everywhere() {
        // It worked before. If it does not any more, the process was forked, or denied the call.
        if !membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) && !register() {
            // What another processor has written is seen everywhere long before this.
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(super) const IS_KNOWN: bool = false;

    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn fence_everywhere() {}
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};
    use std::time::{Duration, Instant};

    /// Each side writes its own and reads the other's: not both may read the old.
    #[test]
    #[cfg_attr(any(miri, not(target_os = "linux")), ignore = "there is no system call")]
    fn not_both_sides_read_the_old() {
        use super::super::atomic::AtomicUsize;
        const ROUNDS: usize = 20_000;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_available() && Instant::now() < deadline {
            thread::yield_now();
        }
        assert!(is_available(), "this kernel has the system call");
        let words = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let barrier = Arc::new(Barrier::new(2));
        let side = |own: usize, fence: fn()| {
            let (words, barrier) = (Arc::clone(&words), Arc::clone(&barrier));
            move || {
                let round = |round| {
                    barrier.wait();
                    // ORDERING: Relaxed, no pair: what is tested.
                    words[own].store(round, Ordering::Relaxed);
                    fence();
                    // ORDERING: Relaxed, no pair: what is tested.
                    words[1 - own].load(Ordering::Relaxed)
                };
                (1..=ROUNDS).map(round).collect::<Vec<_>>()
            }
        };
        let light = thread::spawn(side(0, light_fence));
        let heavy = side(1, heavy_fence)();
        let light = light.join().unwrap();
        for (round, (light, heavy)) in (1..).zip(light.iter().zip(&heavy)) {
            assert!(*light == round || *heavy == round, "round {round}: both read the old");
        }
    }
}
