//! Overflow policies: each message is received or goes, once, while receivers take, look and drain.

mod mpmc;
mod mpsc;

use crate::shared::{Message, rounds};
use levada::mpsc::Overflow;
use std::sync::{Arc, Mutex, PoisonError};

const SENDERS: u64 = 3;
const POLICIES: [Overflow; 3] =
    [Overflow::EvictOldest, Overflow::EvictNewest, Overflow::DiscardIncoming];

/// The messages that were evicted, discarded or given back.
#[derive(Clone, Default)]
struct Gone(Arc<Mutex<Vec<Message>>>);

impl Gone {
    fn extend(&self, messages: impl IntoIterator<Item = Message>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(messages);
    }

    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one run is.
#[derive(Clone, Copy)]
struct Run {
    overflow: Overflow,
    capacity: usize,
    count: u64,
    /// After so many messages a receiver closes the channel.
    enough: usize,
}

#[test]
fn of_mpsc() {
    let count = rounds(3_000);
    for overflow in POLICIES {
        for capacity in [1, 2, 16] {
            mpsc::run::hammer(Run { overflow, capacity, count, enough: usize::MAX });
        }
    }
}

#[test]
fn of_mpmc() {
    let count = rounds(3_000);
    for overflow in POLICIES {
        for capacity in [1, 2, 16] {
            mpmc::run::hammer(Run { overflow, capacity, count, enough: usize::MAX });
        }
    }
}

#[test]
fn closed_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 100 };
    for round in 0..rounds(300).max(3) {
        let (overflow, capacity) = (POLICIES[round as usize % 3], 1 + round as usize % 4);
        let run = Run { overflow, capacity, count, enough: (round % count) as usize };
        mpsc::run::hammer(run);
        mpmc::run::hammer(run);
    }
}
