//! A lock that makes "a job leaves the queue" and "it counts as running" one step.
//!
//! A worker holds it while it polls the queue, which may wake a sender that waits for room. The
//! waker of that sender is foreign code and may look at the pool: so a thread that holds the lock
//! already enters without waiting. Such a look may miss the one job that is being taken; a look
//! from any other thread does not.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

#[derive(Default)]
pub(super) struct Turn {
    lock: Mutex<()>,
    holder: Mutex<Option<ThreadId>>,
}

pub(super) struct Entered<'a> {
    turn: &'a Turn,
    /// `None` if this thread held it already.
    guard: Option<MutexGuard<'a, ()>>,
}

impl Turn {
    pub(super) fn enter(&self) -> Entered<'_> {
        let this_thread = Some(thread::current().id());
        if *self.holder() == this_thread {
            return Entered { turn: self, guard: None };
        }
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        *self.holder() = this_thread;
        Entered { turn: self, guard: Some(guard) }
    }

    fn holder(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if self.guard.is_some() {
            *self.turn.holder() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_enters_again_and_another_one_waits() {
        let turn = Turn::default();
        let first = turn.enter();
        drop(turn.enter());
        assert!(turn.lock.try_lock().is_err(), "the inner one does not release it");
        drop(first);
        assert!(turn.lock.try_lock().is_ok());
        assert_eq!(*turn.holder(), None);
    }
}
