//! Exclusive access: to change the current value in place, or to take an earlier one out.

use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::node::Node;
use super::phase_fair::Ticket;
use super::split_count::Left;
use super::{Exchanged, Inner, Owner, finish};
use crate::util::DropLast;

/// Exclusive access to the value that was current when the guard was taken.
pub(crate) struct WriteGuard<'a, O: Owner> {
    owner: &'a O,
    node: NonNull<Node<O::Value>>,
    changed: bool,
}

impl<'a, O: Owner> WriteGuard<'a, O> {
    /// Exclusive access to the current value. `None` if the value is in use, or a new writer has to
    /// wait for other threads.
    pub(crate) fn take(owner: &'a O) -> Option<Self> {
        Self::admit(owner, &mut owner.latest().lock_retracted(), &mut None)
    }

    /// As [`take`](Self::take), for a thread that was rejected and waits.
    #[cold]
    pub(super) fn take_waiting(owner: &'a O, ticket: &mut Option<Ticket>) -> Option<Self> {
        let latest = owner.latest();
        let mut inner = latest.lock_retracted();
        let guard = Self::admit(owner, &mut inner, ticket);
        if guard.is_none() {
            inner.phases()?.reject_writer(ticket);
        }
        guard
    }

    fn admit(
        owner: &'a O,
        inner: &mut Inner<O::Value, O::Aux>,
        ticket: &mut Option<Ticket>,
    ) -> Option<Self> {
        let latest = owner.latest();
        latest.close_entry(inner);
        let users = &latest.current_node(inner).users;
        let is_in_use = users.is_in_use();
        let phases = inner.phases();
        if is_in_use || phases.is_some_and(|phases| !phases.admit_writer(ticket)) {
            // The entry stays closed until the flag is cleared (I8).
            inner.has_waiters = true;
            return None;
        }
        users.enter_alone();
        inner.is_written = true;
        Some(Self { owner, node: latest.current(inner), changed: false })
    }

    /// When the guard drops, the value gets a new version: unless another value is current by then.
    /// In that case the change counts as made just before that value was published.
    pub(crate) fn mark_changed(&mut self) {
        self.changed = true;
    }
}

impl<O: Owner> Deref for WriteGuard<'_, O> {
    type Target = O::Value;

    fn deref(&self) -> &O::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get() }
    }
}

impl<O: Owner> DerefMut for WriteGuard<'_, O> {
    fn deref_mut(&mut self) -> &mut O::Value {
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and we are its writer (I3).
        unsafe { node.get_mut() }
    }
}

impl<O: Owner> Drop for WriteGuard<'_, O> {
    fn drop(&mut self) {
        let latest = self.owner.latest();
        let mut inner = latest.inner.lock();
        // SAFETY: it is being written, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        if self.node == latest.current(&inner) {
            inner.is_written = false;
            if self.changed {
                let state = latest.locked_version_state(&inner).next();
                // SAFETY: it is full, and we are still its writer (I3).
                unsafe { node.set_version(state.version()) };
                latest.set_version_state(&inner, state);
            }
        }
        inner.phases().into_iter().for_each(|phases| phases.end_write());
        let had_waiters = mem::take(&mut inner.has_waiters);
        let left = node.users.leave();
        latest.update_entry(&inner);
        drop(inner);
        // SAFETY: we were its last user, so the value is ours (I3).
        let value = (left == Left::Value).then(|| unsafe { latest.take_out(self.node) });
        let _value = DropLast(value);
        if had_waiters || left == Left::Claimed {
            self.owner.on_released();
        }
    }
}

/// The right to take out a value that was in use when another one was published.
#[must_use = "no other thread takes the value out"]
pub(crate) struct Claim<'a, O: Owner> {
    owner: &'a O,
    /// `None` after the value was taken out.
    node: Option<NonNull<Node<O::Value>>>,
}

impl<'a, O: Owner> Claim<'a, O> {
    /// Makes `value` the current one, and returns the previous value, or a claim to it if it is in
    /// use. Runs `action` on the owner's data in the same critical section, and returns its result.
    ///
    /// Also returns whether rejected threads may try again; the caller notifies them.
    pub(crate) fn replace<R>(
        owner: &'a O,
        value: O::Value,
        action: impl FnOnce(&mut O::Aux) -> R,
    ) -> (Result<O::Value, Self>, bool, R) {
        let Exchanged { old, had_waiters, result } = owner.latest().exchange(value, true, action);
        let claim = |node| Self { owner, node: Some(node) };
        (old.map_err(claim), had_waiters, result)
    }

    /// Takes the value out, if it is not in use any more.
    pub(crate) fn take(&mut self) -> Option<O::Value> {
        let node = self.node?;
        // SAFETY: only the claimer frees a claimed node, so it is alive (I4).
        if !unsafe { node.as_ref() }.users.is_released() {
            return None;
        }
        self.node = None;
        // SAFETY: it has no users, and the value of a claimed node is the claimer's (I3).
        Some(unsafe { self.owner.latest().take_out(node) })
    }
}

impl<O: Owner> Drop for Claim<'_, O> {
    fn drop(&mut self) {
        let Some(node) = self.node else { return };
        // SAFETY: only the claimer frees a claimed node, so it is alive (I4).
        if unsafe { node.as_ref() }.users.give_up_claim() {
            finish(self.owner, node, Left::Value);
        }
    }
}
