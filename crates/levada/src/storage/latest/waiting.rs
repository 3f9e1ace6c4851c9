//! A thread that was rejected and waits for the current value.
//!
//! Sleeping and waking are the owner's. These types hold the thread's place in [`PhaseFair`], and
//! say when the thread may go on.
#![forbid(unsafe_code)]

use super::phase_fair::{PhaseFair, Ticket};
use super::{Owner, Snapshot, Version, WriteGuard};

/// A thread that waits to read the current value.
pub(crate) struct WaitingReader<'a, O: Owner>(Waiting<'a, O>);

/// A thread that waits to change the current value in place.
pub(crate) struct WaitingWriter<'a, O: Owner>(Waiting<'a, O>);

/// A place among the waiting threads, given up on drop.
struct Waiting<'a, O: Owner> {
    owner: &'a O,
    /// From the first rejection until the thread is admitted.
    ticket: Option<Ticket>,
    remove: fn(&mut PhaseFair, &Ticket),
}

impl<'a, O: Owner> WaitingReader<'a, O> {
    pub(crate) fn new(owner: &'a O) -> Self {
        Self(Waiting::new(owner, PhaseFair::remove_reader))
    }

    /// The current value and its version, if it is not written, and the thread is of the current
    /// batch or new readers are admitted. If not, the thread is enqueued.
    pub(crate) fn take(&mut self) -> Option<(Snapshot<'a, O>, Version)> {
        Snapshot::take_waiting(self.0.owner, &mut self.0.ticket)
    }

    /// Called when this thread has waited for too long. If it waits only for the sake of a writer
    /// that itself waits, readers are admitted again.
    pub(crate) fn extend_budget(&self) {
        let owner = self.0.owner;
        let mut inner = owner.latest().inner.lock();
        let is_extended = inner.phases().is_some_and(|phases| phases.extend_budget());
        drop(inner);
        if is_extended {
            owner.on_released();
        }
    }
}

impl<'a, O: Owner> WaitingWriter<'a, O> {
    pub(crate) fn new(owner: &'a O) -> Self {
        Self(Waiting::new(owner, PhaseFair::remove_writer))
    }

    /// Exclusive access to the current value, if it is not in use and the thread is of the current
    /// batch. If not, the thread is enqueued.
    pub(crate) fn take(&mut self) -> Option<WriteGuard<'a, O>> {
        WriteGuard::take_waiting(self.0.owner, &mut self.0.ticket)
    }
}

impl<'a, O: Owner> Waiting<'a, O> {
    fn new(owner: &'a O, remove: fn(&mut PhaseFair, &Ticket)) -> Self {
        owner.latest().make_extra();
        Self { owner, ticket: None, remove }
    }
}

impl<O: Owner> Drop for Waiting<'_, O> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let latest = self.owner.latest();
        let mut inner = latest.inner.lock();
        inner.phases().into_iter().for_each(|phases| (self.remove)(phases, &ticket));
        inner.has_waiters = false;
        latest.update_entry(&inner);
        drop(inner);
        // Other threads may have waited for this one.
        self.owner.on_released();
    }
}
