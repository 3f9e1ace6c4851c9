//! Asymmetric fences: a light one that is nearly free, and a heavy one that pays for both.
//!
//! Two threads that each store one word and then load the other's need a sequentially consistent
//! fence in between, on both sides, or both may read the old value (Dekker's pattern). If one side
//! runs for every message and the other seldom, symmetric fences put the cost in the wrong place.
//! Linux lets the rare side execute a fence on behalf of every running thread of the process:
//! `membarrier(2)`, command `MEMBARRIER_CMD_PRIVATE_EXPEDITED`. The frequent side then only has to
//! keep the compiler from reordering.
//!
//! # Sources
//! D. Goldblatt, "Asymmetric Fences", P1202 (C++, `std::asymmetric_thread_fence_light` and
//! `_heavy`); folly's `asymmetric_thread_fence_light` and `_heavy`; the page `membarrier(2)`.
//!
//! # Users
//! | light side | heavy side |
//! |---|---|
//! | a reader protects and clears an address ([`hazard`](crate::prim::hazard)) | a writer of a watch value |
//! | a receiver of an mpsc channel takes a message (`queue::single`) | a sender that is about to wait |
//! | a receiver of a broadcast channel ends a clone (`storage::lap_ring`) | a receiver that waits for the value or leaves, a sender that overwrites it |
//!
//! # Registration
//! A process has to register for the command. It does so here before `main`: with one thread that
//! takes some three microseconds. With several threads the kernel waits until each processor has
//! switched tasks, 10 to 20 milliseconds. No poll may take that long; and a thread started only to
//! wait for it would surprise the program: with a second thread, `unshare(CLONE_NEWUSER)` fails.
//! liburcu registers in a constructor, too. A shared library that is loaded later registers when it
//! is loaded. A forked process inherits the registration.
//!
//! # Refusal
//! A seccomp filter may refuse the call from the start, or later. [`is_available`] makes the call
//! once, so that a channel begins to rely on it only while it works. If the call is refused after
//! that, [`try_heavy_fence`] returns `false`, and the caller polls until the other side has made
//! progress. Where polling does not help, [`heavy_fence`] ends the process. Neither sleeps and
//! hopes: no length of time proves anything. Changing the protection of a page, which on some
//! machines interrupts the other processors, proves nothing either: x86 processors with INVLPGB,
//! and all AArch64 processors, invalidate each other's entries without an interrupt.
//!
//! A filter that kills the process cannot be probed. `LEVADA_MEMBARRIER=0` in the environment, and
//! `--cfg levada_no_membarrier` for the compiler, disable the call. See `guide::platforms`.

use std::io::{self, Write};
use std::process;

use core::sync::atomic::compiler_fence;

use super::atomic::{AtomicBool, Ordering, fence};

/// Whether the process has registered, and no heavy fence has been refused since.
static IS_REGISTERED: AtomicBool = AtomicBool::new(cfg!(miri));

/// Whether the pair may be used from now on. If not, both sides need a sequentially consistent
/// fence of their own.
///
/// Makes the system call, unless it was refused before.
#[cold]
pub(crate) fn is_available() -> bool {
    // ORDERING: Relaxed, no pair: only says whether to try.
    IS_REGISTERED.load(Ordering::Relaxed) && system::fence_everywhere()
}

/// The fence of the frequent side. Orders only against a heavy fence, and only after
/// [`is_available`] returned `true`.
#[inline(always)]
pub(crate) fn light_fence() {
    if cfg!(miri) {
        // ORDERING: SeqCst pairs with `asymmetric::try_heavy_fence`: Miri does not support the
        // system call.
        fence(Ordering::SeqCst);
    } else {
        // ORDERING: SeqCst pairs with `asymmetric::try_heavy_fence`; for the compiler alone.
        compiler_fence(Ordering::SeqCst);
    }
}

/// The fence of the rare side. When it returns `true`, every other thread has executed a full fence
/// at some point during the call. It returns `false` if the system call is refused; then only this
/// thread has.
#[cold]
#[must_use = "if the call is refused, nothing is ordered for the other side"]
pub(crate) fn try_heavy_fence() -> bool {
    // ORDERING: SeqCst pairs with `asymmetric::light_fence`, by way of the system call, and with a
    // full fence that the frequent side still executes itself.
    fence(Ordering::SeqCst);
    // The call worked before. A process that was checkpointed and restored may have to register
    // again.
    let is_done = system::fence_everywhere() || system::register() && system::fence_everywhere();
    if !is_done {
        // ORDERING: Relaxed, no pair: from now on no channel begins to rely on the system call.
        IS_REGISTERED.store(false, Ordering::Relaxed);
    }
    is_done
}

/// The fence of the rare side, where polling does not help: when it returns, every other thread has
/// executed a fence. Ends the process if the system call is refused.
#[cold]
pub(crate) fn heavy_fence() {
    if !try_heavy_fence() {
        let _unwritten = writeln!(
            io::stderr(),
            "levada: the system call membarrier worked at first and is refused now, so a watch value that is read \
             without a lock cannot be changed safely. Allow it in the filter that refuses it, or start the \
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

    /// Called by the C library before `main`, or when a shared library that contains levada is
    /// loaded.
    // This is sound: the section holds pointers to functions of this type, or to functions with
    // arguments, which this one ignores. It uses nothing of `std`, which may not be ready yet.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static BEFORE_MAIN: extern "C" fn() = before_main;

    extern "C" fn before_main() {
        if is_enabled() && register() && fence_everywhere() {
            // ORDERING: Relaxed, no pair: as in `is_available`.
            IS_REGISTERED.store(true, Ordering::Relaxed);
        }
    }

    /// Whether `LEVADA_MEMBARRIER` is not `0`.
    fn is_enabled() -> bool {
        // SAFETY: the name ends with a zero, and no thread changes the environment before `main`,
        // or while a library is loaded.
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

    /// Miri has no system call; both sides execute a full fence in its place.
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

    /// Dekker's pattern: at least one side reads what the other has stored.
    #[test]
    #[cfg_attr(not(any(miri, target_os = "linux")), ignore = "there is no system call")]
    fn one_side_reads_the_new_value() {
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
            assert!(
                *light == round || *heavy == round,
                "round {round}: both sides read the old value"
            );
        }
    }
}
