//! How many messages a receiver may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// The seats of a receiver: one for each message in its buffer and in the hands of the program.
#[derive(Debug)]
pub(super) struct Seats {
    total: usize,
    taken: AtomicUsize,
    /// Wakes the task that fetches.
    freed: Notify,
}

impl Seats {
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, taken: AtomicUsize::new(0), freed: Notify::new() })
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// How many are free now. Only the task that fetches takes some, so it has at least these.
    pub(super) fn free(&self) -> usize {
        // ORDERING: relaxed, no pair: the number is all there is to see.
        self.total - self.taken.load(Ordering::Relaxed).min(self.total)
    }

    /// Takes one, if one is free.
    pub(super) fn take(self: &Arc<Self>) -> Option<Seat> {
        if self.free() == 0 {
            return None;
        }
        // ORDERING: relaxed, no pair: as in `free`; only one task takes.
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(Seat { seats: self.clone() })
    }

    /// Waits until one was freed since the last call.
    ///
    /// # Cancel safety
    /// A cancelled call leaves the sign for the next one.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

/// A taken seat, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // ORDERING: relaxed, no pair: as in `Seats::free`.
        self.seats.taken.fetch_sub(1, Ordering::Relaxed);
        self.seats.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_when_it_is_dropped() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take().unwrap(), seats.take().unwrap());
        assert!(seats.take().is_none());
        drop(first);
        assert_eq!(seats.free(), 1);
    }
}
