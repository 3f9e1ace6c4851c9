//! The loom backend: the same names, every access visible to the model checker.

pub(crate) use loom::sync::Arc;

use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use loom::sync::{Mutex, MutexGuard};

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

pub(crate) use loom::cell::UnsafeCell;

/// Cells for messages that are not there yet.
pub(crate) fn uninit_slots<T>(len: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    (0..len)
        .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
        .collect()
}

/// A loom mutex behind the interface of the native lock. Its own protocol is not modelled here;
/// what is modelled is that everything above relies on nothing but mutual exclusion.
#[derive(Debug)]
pub(crate) struct Lock<T>(Mutex<T>);

#[derive(Debug)]
pub(crate) struct LockGuard<'a, T>(MutexGuard<'a, T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        LockGuard(
            self.0
                .lock()
                .expect("loom's mutex is never poisoned: no holder panics"),
        )
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// `std::sync::OnceLock`, whose value is published by accesses that the model sees.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    ready: atomic::AtomicBool,
    init: Mutex<()>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: std::sync::OnceLock::new(),
            ready: atomic::AtomicBool::new(false),
            init: Mutex::new(()),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // ORDERING: Acquire pairs with the Release store in `get_or_init`.
        let ready = self.ready.load(atomic::Ordering::Acquire);
        ready.then(|| self.value.get()).flatten()
    }

    pub(crate) fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        let _init = self.init.lock();
        let value = self.value.get_or_init(f);
        // ORDERING: Release pairs with the Acquire load in `get`.
        self.ready.store(true, atomic::Ordering::Release);
        value
    }
}
