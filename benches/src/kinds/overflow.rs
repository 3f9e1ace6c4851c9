//! A queue whose senders never wait: when it is full, a message is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The two ends of one, and how its senders send.
pub(crate) struct Overflowing<S, R, P> {
    pub(crate) sender: S,
    pub(crate) receiver: R,
    pub(crate) put: P,
    pub(crate) given_up: Counter,
}

impl<S, R, P: Put<S>> Overflowing<S, R, P> {
    pub(crate) fn new((sender, receiver): (S, R), put: P) -> Self {
        Self { sender, receiver, put, given_up: Counter::default() }
    }
}

/// Sends without waiting, and returns the message that was given up, if it comes back.
pub(crate) trait Put<S>: Fn(&mut S, usize) -> Option<usize> + Copy + Send + 'static {}

impl<S, P: Fn(&mut S, usize) -> Option<usize> + Copy + Send + 'static> Put<S> for P {}

/// How many messages were given up and did not come back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, messages: u64) {
        // Relaxed: it is read after the tasks that count have ended.
        self.0.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
