//! Shared access to the value that was current at some moment.

use core::ops::Deref;
use core::ptr::NonNull;

use super::node::Node;
use super::phase_fair::Ticket;
use super::version::Version;
use super::{Exchanged, Inner, Latest, Owner, READS_BEFORE_EXPOSING};
use crate::prim::LockGuard;
use crate::prim::atomic::Ordering;
use crate::prim::hazard::{self, HazardPointer};
use crate::prim::held;

/// The value that was current at some moment, kept for as long as this lives.
pub(crate) struct Snapshot<'a, O: Owner> {
    owner: &'a O,
    node: NonNull<Node<O::Value>>,
    protection: Protection,
}

/// A node in which a reader was counted.
type Counted<O> = NonNull<Node<<O as Owner>::Value>>;

type Guard<'a, O> = LockGuard<'a, Inner<<O as Owner>::Value, <O as Owner>::Aux>>;

/// What keeps the value: the count of the node, or a hazard pointer; and a bit for the user of the
/// snapshot, as there is room. In one word, because a load that spans several smaller stores waits
/// for them.
struct Protection(usize);

impl Protection {
    const USER_BIT: usize = 1;
    const COUNTED: Self = Self(0);

    #[inline(always)]
    fn hazard(pointer: HazardPointer) -> Self {
        Self((pointer.index() + 1) * 2)
    }

    #[inline(always)]
    fn hazard_pointer(&self) -> Option<HazardPointer> {
        (self.0 / 2).checked_sub(1).map(HazardPointer::from_index)
    }
}

// SAFETY: the pointer and the hazard pointer keep it from being automatic. A shared snapshot gives
// nothing but `&T`, and T is Sync; only its drop uses the owner and the hazard pointer.
unsafe impl<O: Owner> Sync for Snapshot<'_, O> where O::Value: Sync {}

impl<'a, O: Owner> Snapshot<'a, O> {
    /// The current value and its version. `None` if the value is being changed in place, or new
    /// readers wait for a writer.
    #[inline(always)]
    pub(crate) fn take(owner: &'a O) -> Option<(Self, Version)> {
        let latest = owner.latest();
        // ORDERING: Relaxed, no pair: a hint, which is validated below.
        let exposed = latest.exposed.load(Ordering::Relaxed);
        if let Some(node) = NonNull::new(exposed)
            && let Some(pointer) = hazard::protect(latest.address())
        {
            // ORDERING: Acquire pairs with the Release store in `Latest::expose`: the value and its
            // version are there. And by the protocol of `hazard` a thread that retracts the node
            // later finds the address protected.
            if latest.exposed.load(Ordering::Acquire) == exposed {
                // SAFETY: the node is exposed, so it is alive (I4, I7).
                let full = unsafe { node.as_ref() };
                // SAFETY: it is full, and we are one of its readers (I3, I7).
                let version = unsafe { full.version() };
                let protection = Protection::hazard(pointer);
                return Some((Self { owner, node, protection }, version));
            }
            // Ends like any other snapshot with a hazard pointer. It is not made before: the
            // compiler would keep a value with a destructor in memory.
            drop(Self { owner, node, protection: Protection::hazard(pointer) });
        }
        let (node, count) = match latest.entry.enter() {
            Some(entry) => (latest.node_at(entry.index()), entry.count()),
            None => (Self::admit(latest, latest.inner.lock(), &mut None).ok()?, 0),
        };
        let counted = Self::counted(owner, node);
        if count >= READS_BEFORE_EXPOSING {
            latest.expose();
        }
        Some(counted)
    }

    /// The snapshot of a reader that was counted in this node.
    #[inline(always)]
    fn counted(owner: &'a O, node: Counted<O>) -> (Self, Version) {
        held::hold(node.addr().get());
        // SAFETY: we are one of its readers, so it is alive (I4).
        let full = unsafe { node.as_ref() };
        // SAFETY: it is full and not written (I8), and we are one of its readers (I3).
        let version = unsafe { full.version() };
        owner.latest().complete_publication(version);
        (Self { owner, node, protection: Protection::COUNTED }, version)
    }

    /// Sets the bit that the user of the snapshot may keep in it.
    #[inline(always)]
    pub(crate) fn set_user_bit(&mut self, bit: bool) {
        self.protection.0 = self.protection.0 & !Protection::USER_BIT | usize::from(bit);
    }

    /// The bit that was set last, or `false`.
    pub(crate) fn user_bit(&self) -> bool {
        self.protection.0 & Protection::USER_BIT != 0
    }

    /// Makes `value` the current one if the current one is that of this snapshot, and gives it back
    /// if not. Runs `action` on the owner's data in the same critical section, and returns its
    /// result.
    ///
    /// As long as the snapshot lives its value is not changed in place, and its node is not free,
    /// so that no other value comes into it. So what the caller read of it is still true.
    ///
    /// Also returns whether rejected threads may try again; the caller notifies them.
    pub(crate) fn replace<R>(
        &self,
        value: O::Value,
        action: impl FnOnce(&mut O::Aux) -> R,
    ) -> Result<(bool, R), O::Value> {
        let latest = self.owner.latest();
        let locked = latest.lock_with_free_node(|inner| latest.current(inner) == self.node);
        let Some((inner, new)) = locked else { return Err(value) };
        let Exchanged { had_waiters, result, .. } =
            latest.exchange_locked(inner, new, value, false, action);
        Ok((had_waiters, result))
    }

    /// Counts a reader under the lock, if it is admitted: the entry was closed, since the value is
    /// written, or a thread waits, or the current node has no number.
    #[cold]
    fn admit(
        latest: &'a Latest<O::Value, O::Aux>,
        mut inner: Guard<'a, O>,
        ticket: &mut Option<Ticket>,
    ) -> Result<Counted<O>, Guard<'a, O>> {
        let node = latest.current(&inner);
        let users = &latest.current_node(&inner).users;
        let is_retracted = inner.retracted().is_some_and(|retracted| *retracted == Some(node));
        let is_holder = held::is_held(node.addr().get())
            || is_retracted && hazard::is_protected_by_this_thread(latest.address());
        let (is_written, is_read) = (inner.is_written, users.is_in_use());
        let phases = inner.phases();
        if is_written || phases.is_some_and(|it| !it.admit_reader(ticket, is_holder, is_read)) {
            inner.has_waiters = true;
            return Err(inner);
        }
        users.enter();
        if !inner.is_contended() {
            inner.locked_reads = inner.locked_reads.saturating_add(1);
            if usize::from(inner.locked_reads) >= READS_BEFORE_EXPOSING {
                drop(inner);
                latest.expose();
            }
        }
        Ok(node)
    }

    /// As [`take`](Self::take), for a thread that was rejected and waits.
    #[cold]
    pub(super) fn take_waiting(
        owner: &'a O,
        ticket: &mut Option<Ticket>,
    ) -> Option<(Self, Version)> {
        let latest = owner.latest();
        match Self::admit(latest, latest.inner.lock(), ticket) {
            Ok(node) => Some(Self::counted(owner, node)),
            Err(mut inner) => {
                inner.phases()?.reject_reader(ticket);
                None
            }
        }
    }

    /// Ends a counted snapshot.
    #[inline(always)]
    fn drop_counted(&self) {
        held::release(self.node.addr().get());
        // SAFETY: we are one of its readers, so it is alive (I4).
        let left = unsafe { self.node.as_ref() }.users.leave();
        super::finish(self.owner, self.node, left);
    }

    /// Ends a snapshot with a hazard pointer, of a node that is not exposed any more.
    #[cold]
    fn drop_retracted(&self) {
        self.owner.latest().release_retracted(self.owner);
    }
}

impl<O: Owner> Deref for Snapshot<'_, O> {
    type Target = O::Value;

    #[inline]
    fn deref(&self) -> &O::Value {
        // SAFETY: we are one of its readers, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and only read while it has a reader (I3).
        unsafe { node.get() }
    }
}

impl<O: Owner> Drop for Snapshot<'_, O> {
    #[inline]
    fn drop(&mut self) {
        let Some(pointer) = self.protection.hazard_pointer() else {
            return self.drop_counted();
        };
        pointer.clear();
        // ORDERING: Relaxed, no pair: by the protocol of `hazard` either the thread that retracted
        // the node has not found the address, or we find the node retracted.
        if self.owner.latest().exposed.load(Ordering::Relaxed) != self.node.as_ptr() {
            self.drop_retracted();
        }
    }
}
