//! Waiting for a turn with the current value.
//!
//! What waits and wakes is the keeper's: a turn only says when to go on.
#![forbid(unsafe_code)]

use super::turns::{Ticket, Turns};
use super::{Keeper, Snapshot, Version, Writing};

/// Of a thread that was refused a snapshot and waits for one.
pub(crate) struct LookTurn<'a, K: Keeper>(Turn<'a, K>);

/// Of a thread that was refused the value to itself and waits for it.
pub(crate) struct WriteTurn<'a, K: Keeper>(Turn<'a, K>);

/// A place in a line, given up when this drops.
struct Turn<'a, K: Keeper> {
    keeper: &'a K,
    /// From the first refusal until it is this thread's turn.
    ticket: Option<Ticket>,
    leave: fn(&mut Turns, &Ticket),
}

impl<'a, K: Keeper> LookTurn<'a, K> {
    pub(crate) fn new(keeper: &'a K) -> Self {
        Self(Turn::new(keeper, Turns::leave_readers))
    }

    /// The current value and its version, if it is not written and newcomers are let in, or it is
    /// this thread's turn. If not, the thread is in line from then on.
    pub(crate) fn take(&mut self) -> Option<(Snapshot<'a, K>, Version)> {
        Snapshot::take_in_turn(self.0.keeper, &mut self.0.ticket)
    }

    /// To be called when this thread has waited for too long: readers are let in again, if they
    /// only wait for a writer that itself waits.
    pub(crate) fn lapse(&self) {
        let keeper = self.0.keeper;
        let mut desk = keeper.latest().desk.lock();
        let has_lapsed = desk.turns().is_some_and(|turns| turns.lapse());
        drop(desk);
        if has_lapsed {
            keeper.vacated();
        }
    }
}

impl<'a, K: Keeper> WriteTurn<'a, K> {
    pub(crate) fn new(keeper: &'a K) -> Self {
        Self(Turn::new(keeper, Turns::leave_writers))
    }

    /// Exclusive access to the current value, if it is not in use and it is this thread's turn.
    /// If not, the thread is in line from then on.
    pub(crate) fn take(&mut self) -> Option<Writing<'a, K>> {
        Writing::take_in_turn(self.0.keeper, &mut self.0.ticket)
    }
}

impl<'a, K: Keeper> Turn<'a, K> {
    fn new(keeper: &'a K, leave: fn(&mut Turns, &Ticket)) -> Self {
        keeper.latest().make_extra();
        Self { keeper, ticket: None, leave }
    }
}

impl<K: Keeper> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        desk.turns().into_iter().for_each(|turns| (self.leave)(turns, &ticket));
        latest.settle(&mut desk);
        drop(desk);
        // Other threads may have waited for this one.
        self.keeper.vacated();
    }
}
