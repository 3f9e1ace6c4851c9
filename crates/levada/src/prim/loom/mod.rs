//! The loom backend: the same names, every access visible to the model checker.

pub(crate) use super::checked_lock::{Lock, LockGuard};
pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::future::block_on as park_on;
pub(crate) use loom::sync::Arc;
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(test)]
pub(crate) use loom::thread;

use core::mem::MaybeUninit;
use core::task::Waker;
use core::time::Duration;

#[cfg(test)]
mod native_lock;
#[cfg(test)]
mod native_parker;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// Cells for messages that are not there yet.
pub(crate) fn uninit_slots<T>(len: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    (0..len).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect()
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
    use core::cell::Cell;

    use super::atomic::{Ordering, fence};

    std::thread_local! {
        /// Whether the models of this thread are [refused](refuse) the pair. Not loom's
        /// `thread_local`: it must outlive an execution, and is no part of the model.
        static IS_REFUSED: Cell<bool> = const { Cell::new(false) };
    }

    /// From now on the pair orders nothing and the heavy fence returns `false`, although the pair
    /// was available.
    #[cfg(test)]
    pub(crate) fn refuse() {
        IS_REFUSED.set(true);
    }

    pub(crate) fn is_available() -> bool {
        true
    }

    pub(crate) fn light_fence() {
        if !IS_REFUSED.get() {
            // ORDERING: SeqCst pairs with `try_heavy_fence`.
            fence(Ordering::SeqCst);
        }
    }

    pub(crate) fn try_heavy_fence() -> bool {
        // ORDERING: SeqCst pairs with `light_fence`.
        fence(Ordering::SeqCst);
        !IS_REFUSED.get()
    }

    pub(crate) fn heavy_fence() {
        assert!(try_heavy_fence());
    }
}

/// Variables of a thread, each with a value that is a constant.
macro_rules! thread_locals {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        loom::thread_local! {
            $($(#[$attribute])* static $name: $type = $value;)*
        }
    };
}
pub(super) use thread_locals;

/// A variable of all threads, new in each execution of a model.
macro_rules! shared_static {
    (static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! {
            static ref $name: $type = $value;
        }
    };
}
pub(super) use shared_static;

/// An array of all threads, new in each execution of a model.
#[cfg(feature = "observe")]
macro_rules! shared_array {
    (static $name:ident: [$type:ty; $len:expr] = $value:expr;) => {
        loom::lazy_static! {
            static ref $name: [$type; $len] = core::array::from_fn(|_| $value);
        }
    };
}
#[cfg(feature = "observe")]
pub(crate) use shared_array;
