//! Having a value to oneself: to change it, or to take it out.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::node::Node;
use super::turns::Ticket;
use super::version::Stamp;
use super::{Desk, Exchanged, Keeper};

/// Exclusive access to the value that was current when it was taken.
pub(crate) struct Writing<'a, K: Keeper> {
    keeper: &'a K,
    node: NonNull<Node<K::Value>>,
    changed: bool,
}

impl<'a, K: Keeper> Writing<'a, K> {
    /// Exclusive access to the current value, unless it is in use, or it is not a newcomer's turn.
    pub(crate) fn take(keeper: &'a K) -> Option<Self> {
        Self::ask(keeper, &mut keeper.latest().lock_shut(), &mut None)
    }

    /// The same for a thread that was refused and waits.
    #[cold]
    pub(super) fn take_in_turn(keeper: &'a K, ticket: &mut Option<Ticket>) -> Option<Self> {
        let latest = keeper.latest();
        let mut desk = latest.lock_shut();
        let writing = Self::ask(keeper, &mut desk, ticket);
        if writing.is_none() {
            desk.turns()?.refuse_writer(ticket);
            latest.settle(&mut desk);
        }
        writing
    }

    fn ask(
        keeper: &'a K,
        desk: &mut Desk<K::Value, K::Side>,
        ticket: &mut Option<Ticket>,
    ) -> Option<Self> {
        let latest = keeper.latest();
        let node = latest.current(desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let is_in_use = unsafe { desk.hold(node) }.is_in_use();
        let turns = desk.turns();
        if is_in_use || turns.is_some_and(|turns| !turns.admit_writer(ticket)) {
            desk.wanted = true;
            return None;
        }
        // SAFETY: the current node is not free (States), so it is alive (I4).
        unsafe { desk.hold(node) }.writing = true;
        latest.settle(desk);
        Some(Self { keeper, node, changed: false })
    }

    /// When this ends, the value has a new version: unless it is not the current one any more, and
    /// then the change counts as made just before the one that superseded it.
    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
    }
}

impl<K: Keeper> Deref for Writing<'_, K> {
    type Target = K::Value;

    fn deref(&self) -> &K::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get() }
    }
}

impl<K: Keeper> DerefMut for Writing<'_, K> {
    fn deref_mut(&mut self) -> &mut K::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get_mut() }
    }
}

impl<K: Keeper> Drop for Writing<'_, K> {
    fn drop(&mut self) {
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        if self.changed && self.node == latest.current(&desk) {
            let version = latest.set_stamp(&desk, Stamp::next);
            // SAFETY: it is being written, so it is alive (I4).
            let node = unsafe { self.node.as_ref() };
            // SAFETY: it is full, and we are still its writer (I3).
            unsafe { node.set_version(version) };
        }
        // SAFETY: it is being written, so it is alive (I4).
        unsafe { desk.hold(self.node) }.writing = false;
        desk.turns().into_iter().for_each(|turns| turns.end_write());
        latest.settle(&mut desk);
        super::finish(self.keeper, latest.let_go(desk, self.node));
    }
}

/// The right to an earlier value that was in use when it was superseded.
#[must_use = "the value is the claimer's"]
pub(crate) struct Claim<'a, K: Keeper> {
    keeper: &'a K,
    /// Until the value was taken.
    node: Option<NonNull<Node<K::Value>>>,
}

impl<'a, K: Keeper> Claim<'a, K> {
    /// Makes `value` the current one, and gives the one before it, or a claim to it if it is in
    /// use; and does what is to be done [`beside`](super::Latest::beside) it.
    ///
    /// Also tells whether those who were refused may try again; the caller tells them.
    pub(crate) fn replace<R>(
        keeper: &'a K,
        value: K::Value,
        action: impl FnOnce(&mut K::Side) -> R,
    ) -> (Result<K::Value, Self>, bool, R) {
        let Exchanged { old, vacated, beside } = keeper.latest().exchange(value, true, action);
        let claim = |node| Self { keeper, node: Some(node) };
        (old.map_err(claim), vacated, beside)
    }

    /// The value, once nobody uses it any more.
    pub(crate) fn take(&mut self) -> Option<K::Value> {
        let node = self.node?;
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: nobody but the claimer frees a claimed node, so it is alive (I4).
        if unsafe { desk.hold(node) }.is_in_use() {
            desk.wanted = true;
            return None;
        }
        self.node = None;
        let (value, leftover) = latest.retire(&mut desk, node);
        drop(desk);
        drop(leftover);
        Some(value)
    }
}

impl<K: Keeper> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        let Some(node) = self.node else { return };
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: nobody but the claimer frees a claimed node, so it is alive (I4).
        unsafe { desk.hold(node) }.claimed = false;
        super::finish(self.keeper, latest.let_go(desk, node));
    }
}
