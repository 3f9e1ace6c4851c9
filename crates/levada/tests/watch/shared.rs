//! What the tests of this channel share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Gives the other threads a chance to do what they must not.
pub(crate) fn let_others_run() {
    for _ in 0..100 {
        thread::yield_now();
    }
}

/// A payload that counts how many of its kind there are.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) usize, Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn new(value: usize, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(value, Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}
