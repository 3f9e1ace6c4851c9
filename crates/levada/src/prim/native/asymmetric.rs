//! A pair of fences of which one is nearly free, and the other pays for both (P1202; folly's
//! `asymmetric_thread_fence_light` and `_heavy`).
//!
//! Two sides that each write one thing and then read what the other writes need a sequentially
//! consistent fence in between, on either side, so that not both read the old. Where one side comes
//! with every message and the other seldom, that is unfair. Linux has a system call by which the
//! rare side puts a fence into every thread of the process that is running just now, and with it
//! into the frequent side (`membarrier(2)`). What remains of that side's own fence is that the
//! compiler must not reorder.
//!
//! # Registration
//! A process registers for the call, and does so here before `main`: with one thread that takes
//! some three microseconds. With several the kernel waits until each processor has switched tasks,
//! 10 to 20 milliseconds. No poll may take that long, and a thread that only waits for it would be
//! one that the program did not start: with it, `unshare(CLONE_NEWUSER)` fails. liburcu registers
//! in a constructor, too. A shared library that is loaded later registers then. A forked process
//! inherits the registration.
//!
//! # Refusal
//! A filter may refuse the call from the start, or later on. [`is_available`] makes it once, so
//! that a channel begins to rely on it only while it works. If it is refused after that,
//! [`try_heavy_fence`] says so, and the caller has to look until the other side has come; where
//! that does not help, [`heavy_fence`] ends the process. Neither waits for some time to pass and
//! hopes: no length of time is an argument. To change the protection of a page, which interrupts
//! the other processors of some machines, is none either: x86 processors with INVLPGB, and all
//! AArch64 ones, tell each other of it without an interrupt.
//!
//! What a filter kills for cannot be tried: `LEVADA_MEMBARRIER=0` in the environment, and
//! `--cfg levada_no_membarrier` for the compiler, do without the call. See `guide::platforms`.

use std::io::{self, Write};
use std::process;

use core::sync::atomic::compiler_fence;

use super::atomic::{AtomicBool, Ordering, fence};

/// Whether the process has registered, and the system call has not been refused since.
static IS_REGISTERED: AtomicBool = AtomicBool::new(cfg!(miri));

/// Whether the pair may be used from now on. If not, both sides need a fence of their own.
///
/// Makes the system call, if it was not refused before.
#[cold]
pub(crate) fn is_available() -> bool {
    // ORDERING: Relaxed, no pair: says only whether to try.
    IS_REGISTERED.load(Ordering::Relaxed) && system::fence_everywhere()
}

/// The frequent side's. Only together with the heavy one, and after [`is_available`].
#[inline(always)]
pub(crate) fn light_fence() {
    if cfg!(miri) {
        // ORDERING: SeqCst pairs with `asymmetric::try_heavy_fence`: Miri does not know the system
        // call.
        fence(Ordering::SeqCst);
    } else {
        // ORDERING: SeqCst pairs with `asymmetric::try_heavy_fence`; for the compiler alone.
        compiler_fence(Ordering::SeqCst);
    }
}

/// The rare side's: between what a thread did before it and does after, every other thread has put
/// a fence at some point. If not, because the system call is refused, answers `false`.
#[cold]
#[must_use = "without it, the other side may not have seen anything"]
pub(crate) fn try_heavy_fence() -> bool {
    // ORDERING: SeqCst pairs with `asymmetric::light_fence`, by way of the system call, and with a
    // fence that the frequent side still has of its own.
    fence(Ordering::SeqCst);
    // It worked before. A process that was stopped and restored may have to register again.
    let is_done = system::fence_everywhere() || system::register() && system::fence_everywhere();
    if !is_done {
        // ORDERING: Relaxed, no pair: from now on nothing more relies on the system call.
        IS_REGISTERED.store(false, Ordering::Relaxed);
    }
    is_done
}

/// The same where nothing else helps: it is done when this returns.
#[cold]
pub(crate) fn heavy_fence() {
    if !try_heavy_fence() {
        let _unwritten = writeln!(
            io::stderr(),
            "levada: the system call membarrier is refused since a value was opened to readers that take no \
             lock, and nothing else can keep them out. Allow it in the filter that refuses it, or start the \
             program with LEVADA_MEMBARRIER=0: see levada::guide::platforms."
        );
        process::abort();
    }
}

#[cfg(all(target_os = "linux", not(miri), not(levada_no_membarrier)))]
mod system {
    use super::{IS_REGISTERED, Ordering};

    fn membarrier(command: libc::c_int) -> bool {
        let (flags, cpu): (libc::c_uint, libc::c_int) = (0, 0);
        // SAFETY: the system call touches none of our memory.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, flags, cpu) };
        result == 0
    }

    pub(super) fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn fence_everywhere() -> bool {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    /// Called by the C library before `main`, or when a shared library is loaded that levada is
    /// part of.
    // This is sound: the section has pointers to functions of this type, or that take arguments
    // which this one does not look at. It uses nothing of `std`, which may not be ready yet.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static BEFORE_MAIN: extern "C" fn() = before_main;

    extern "C" fn before_main() {
        if is_wanted() && register() && fence_everywhere() {
            // ORDERING: Relaxed, no pair: as in `is_available`.
            IS_REGISTERED.store(true, Ordering::Relaxed);
        }
    }

    /// Whether `LEVADA_MEMBARRIER` is not `0`.
    fn is_wanted() -> bool {
        // SAFETY: the name ends with a zero, and no thread changes the environment before `main`,
        // or beside a loader.
        let value = unsafe { libc::getenv(c"LEVADA_MEMBARRIER".as_ptr()) };
        if value.is_null() {
            return true;
        }
        // SAFETY: not null, so it is a string of the environment, which ends with a zero.
        let value = unsafe { core::ffi::CStr::from_ptr(value) };
        value != c"0"
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(levada_no_membarrier))))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    /// Miri has no system call, and both sides the fences that it stands for.
    pub(super) fn fence_everywhere() -> bool {
        cfg!(miri)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};
    use std::thread;

    /// Each side writes its own and reads the other's: not both may read the old.
    #[test]
    #[cfg_attr(not(any(miri, target_os = "linux")), ignore = "there is no system call")]
    fn not_both_sides_read_the_old() {
        use super::super::atomic::AtomicUsize;
        const ROUNDS: usize = if cfg!(miri) { 100 } else { 20_000 };
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
