//! Messages whose fate is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A message that counts its drops.
#[derive(Clone, Debug, Default)]
pub struct Drops(Arc<()>);

impl Drops {
    /// A message; alive as long as [`alive`](Self::alive) counts it.
    #[must_use]
    pub fn message(&self) -> Self {
        self.clone()
    }

    /// How many messages have not been dropped.
    #[must_use]
    pub fn alive(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// Numbers its messages and notes how often each was dropped.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Notes>);

#[derive(Debug)]
struct Notes {
    drops: Box<[AtomicU32]>,
    next: AtomicUsize,
}

impl Ledger {
    /// A ledger for at most `messages` messages.
    #[must_use]
    pub fn new(messages: usize) -> Self {
        let drops = (0..messages).map(|_| AtomicU32::new(0)).collect();
        Self(Arc::new(Notes { drops, next: AtomicUsize::new(0) }))
    }

    /// The next message.
    ///
    /// # Panics
    /// If the ledger is full.
    #[must_use]
    pub fn message(&self) -> Message {
        // ORDERING: SeqCst, no pair: a test's own count.
        let id = self.0.next.fetch_add(1, Ordering::SeqCst);
        assert!(id < self.0.drops.len(), "a ledger for {} messages is full", self.0.drops.len());
        Message { id, ledger: self.clone() }
    }

    /// How many messages were made.
    #[must_use]
    pub fn made(&self) -> usize {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.0.next.load(Ordering::SeqCst)
    }

    /// How many messages have not been dropped.
    #[must_use]
    pub fn alive(&self) -> usize {
        // ORDERING: SeqCst, no pair: a test's own count.
        let is_alive = |drops: &&AtomicU32| drops.load(Ordering::SeqCst) == 0;
        self.0.drops[..self.made()].iter().filter(is_alive).count()
    }

    /// The messages that were made and not dropped exactly once, and how often each was.
    #[must_use]
    pub fn unsettled(&self) -> Vec<(usize, u32)> {
        // ORDERING: SeqCst, no pair: a test's own count.
        let drops = |id: usize| self.0.drops[id].load(Ordering::SeqCst);
        (0..self.made()).map(|id| (id, drops(id))).filter(|(_, drops)| *drops != 1).collect()
    }

    /// Checks that every message that was made was dropped exactly once.
    ///
    /// # Panics
    /// If one was not; the message names it.
    #[track_caller]
    pub fn settle(&self) {
        let unsettled = self.unsettled();
        assert!(unsettled.is_empty(), "(message, drops) of {}: {unsettled:?}", self.made());
    }
}

/// A message of a [`Ledger`]. It is not `Clone`: its owner is the only one.
#[derive(Debug)]
pub struct Message {
    id: usize,
    ledger: Ledger,
}

impl Message {
    /// Its number: they count up from zero.
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // ORDERING: SeqCst, no pair: a test's own count.
        self.ledger.0.drops[self.id].fetch_add(1, Ordering::SeqCst);
    }
}
