//! Whether senders wait for room.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long after its message a sender is taken to wait. It sends one a second.
const WANTED: Duration = Duration::from_secs(2);

/// When a sender last said that it waits for room.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    since: Mutex<Option<Instant>>,
}

impl Wanted {
    /// Whether one does now.
    pub(super) fn is_wanted(&self) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|at| at.elapsed() < WANTED)
    }

    /// One has said so now.
    pub(super) fn note(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}
