//! The loom backend: the same names, every access visible to the model checker.

pub(crate) use loom::sync::Arc;

use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use loom::sync::{Mutex, MutexGuard};

#[cfg(test)]
mod native_lock;

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

pub(crate) use loom::cell::UnsafeCell;

/// Cells for messages that are not there yet.
pub(crate) fn uninit_slots<T>(len: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    (0..len).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect()
}

/// A loom mutex behind the interface of the native lock, whose own protocol has a model of its own
/// in `native/lock.rs`: everything above relies on nothing but mutual exclusion.
#[derive(Debug)]
pub(crate) struct Lock<T>(Mutex<T>);

#[derive(Debug)]
pub(crate) struct LockGuard<'a, T>(MutexGuard<'a, T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        LockGuard(self.0.lock().expect("loom's mutex is never poisoned: no holder panics"))
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
