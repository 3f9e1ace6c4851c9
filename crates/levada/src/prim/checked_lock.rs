//! A model checker's mutex behind the interface of the native lock, whose own protocol has a model
//! of its own in `native/lock.rs`: everything above relies on nothing but mutual exclusion.

use super::backend::{Mutex, MutexGuard};
use core::ops::{Deref, DerefMut};
use std::sync::PoisonError;

#[derive(Debug)]
pub(crate) struct Lock<T>(Mutex<T>);

#[derive(Debug)]
pub(crate) struct LockGuard<'a, T>(MutexGuard<'a, T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.0.try_lock().ok().map(LockGuard)
    }

    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        // A holder panics only when the checker ends a model that has failed already.
        LockGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
