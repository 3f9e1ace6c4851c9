//! The shuttle backend: the scheduler picks a thread at every atomic operation and every lock.
//! Memory is the machine's own and every ordering counts as `SeqCst`; weaker ones are loom's
//! matter.

pub(crate) use super::cell::{UnsafeCell, uninit_slots};
pub(crate) use super::checked_lock::{Lock, LockGuard};
pub(crate) use shuttle::future::block_on as park_on;
pub(crate) use shuttle::sync::Arc;
pub(super) use shuttle::sync::{Mutex, MutexGuard};

use core::task::Waker;
use core::time::Duration;

pub(crate) mod atomic {
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// A model knows no time: it ends when the future does.
pub(crate) fn park_on_for<F: Future>(future: F, _: Duration) -> Option<F::Output> {
    Some(park_on(future))
}

/// A model's thread waits at once.
#[derive(Default)]
pub(crate) struct Patience;

impl Patience {
    pub(crate) fn is_left(&mut self) -> bool {
        false
    }

    pub(crate) fn was_worth_it(&self) {}
}

/// A model's threads are tasks to the channels: they wait as tasks do.
pub(crate) fn is_parked_by(_: &Waker) -> bool {
    false
}

/// Two full fences in place of the asymmetric pair: a model knows no system calls.
pub(crate) mod asymmetric {
    use super::atomic::{Ordering, fence};

    pub(crate) fn is_available() -> bool {
        true
    }

    pub(crate) fn light_fence() {
        // ORDERING: SeqCst pairs with `try_heavy_fence`.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn try_heavy_fence() -> bool {
        // ORDERING: SeqCst pairs with `light_fence`.
        fence(Ordering::SeqCst);
        true
    }

    pub(crate) fn heavy_fence() {
        assert!(try_heavy_fence());
    }
}

/// No thread protects anything, so readers take the lock: memory ordering, which the hazard
/// pointers are about, is loom's matter.
pub(crate) mod hazard {
    #[derive(Debug)]
    pub(crate) struct HazardPointer;

    pub(crate) fn protect(_: usize) -> Option<HazardPointer> {
        None
    }

    impl HazardPointer {
        pub(crate) fn index(self) -> usize {
            0
        }

        pub(crate) fn from_index(_: usize) -> Self {
            Self
        }

        pub(crate) fn clear(self) {}
    }

    pub(crate) fn is_protected(_: usize) -> bool {
        false
    }

    pub(crate) fn is_protected_by_this_thread(_: usize) -> bool {
        false
    }

    pub(crate) fn clear_forgotten(_: usize) {}
}

/// Variables of a thread, each with a value that is a constant.
macro_rules! thread_locals {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        shuttle::thread_local! {
            $($(#[$attribute])* static $name: $type = $value;)*
        }
    };
}
pub(super) use thread_locals;

/// An array of all threads, new in each execution of a model.
#[cfg(feature = "observe")]
macro_rules! shared_array {
    (static $name:ident: [$type:ty; $len:expr] = $value:expr;) => {
        shuttle::lazy_static! {
            static ref $name: [$type; $len] = core::array::from_fn(|_| $value);
        }
    };
}
#[cfg(feature = "observe")]
pub(crate) use shared_array;
