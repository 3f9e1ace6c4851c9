//! What refused the last sender: a hint for the next one, so that it need not take the lock to be
//! refused for the same reason.
#![forbid(unsafe_code)]

use crate::prim::atomic::{AtomicU8, Ordering};

/// What became of the last sender, as far as the next one cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last(u8);

impl Last {
    /// Nothing refused it.
    pub(super) const SENT: Self = Self(0);
    /// It waits, and a new sender does not overtake it.
    pub(super) const WAITS: Self = Self(1);
    /// It did not wait, and found as many messages as fit.
    pub(super) const FOUND_FULL: Self = Self(2);
}

/// The hint, written under the lock of the senders.
#[derive(Debug)]
pub(super) struct Refusals(AtomicU8);

impl Refusals {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(Last::SENT.0))
    }

    #[inline]
    pub(super) fn last(&self) -> Last {
        // ORDERING: Relaxed, no pair: a hint, to be confirmed by the lock or the positions.
        Last(self.0.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn set(&self, last: Last) {
        // ORDERING: Relaxed, no pair: a hint.
        self.0.store(last.0, Ordering::Relaxed);
    }

    /// Senders wait from now on, or none does and there may be capacity.
    #[inline]
    pub(super) fn note(&self, senders_wait: bool) {
        self.set(if senders_wait { Last::WAITS } else { Last::SENT });
    }
}
