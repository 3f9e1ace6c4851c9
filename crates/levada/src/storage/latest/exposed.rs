//! Reads that write no shared memory: the node of a value that is read often is *exposed* to
//! readers that protect it with a hazard pointer.
//!
//! After [`READS_BEFORE_EXPOSING`](super::READS_BEFORE_EXPOSING) reads of one value, `exposed`
//! points to its node. A reader then protects the address of the `Latest` with a hazard pointer
//! ([`hazard`]) and validates that `exposed` is unchanged. Such a reader is a *hazard reader*; the
//! others are counted.
//!
//! A writer first *retracts* the node: it sets `exposed` to null, issues a heavy fence (a system
//! call), and scans the hazard records. If the address is protected, the hazard readers are one
//! more user of the node, which is `retracted`. A reader that clears its hazard pointer and finds
//! its node retracted scans as well; the last one ends that use.
//!
//! The hazard pointer protects the address of the channel, not of the node. If it protected the
//! node, a node that was freed and allocated again by another channel would be taken for one that
//! is read, and no reader would end that. The price: while an earlier node has hazard readers, no
//! other node is exposed. The readers of BRAVO publish the address of their lock in the same way,
//! in a table that a writer scans after it has revoked their bias (D. Dice and A. Kogan, "BRAVO:
//! Biased Locking for Reader-Writer Locks", USENIX ATC 2019); here a writer does not wait for the
//! readers that it finds.

use core::ptr;

use super::{Inner, Latest, Owner, finish};
use crate::prim::atomic::Ordering;
use crate::prim::{LockGuard, asymmetric, hazard};

impl<T, A> Latest<T, A> {
    /// What a hazard pointer to an exposed value protects.
    #[inline(always)]
    pub(super) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Called after many reads of one value: exposes its node, where that is possible now, and
    /// counts from 0 again.
    #[cold]
    pub(super) fn expose(&self) {
        let can_expose = asymmetric::is_available();
        if can_expose {
            self.make_extra();
        }
        let mut inner = self.inner.lock();
        inner.locked_reads = 0;
        self.restart_entry(&inner);
        let has_retracted = inner.retracted().is_some_and(|retracted| retracted.is_some());
        let is_last = inner.exposures >= u32::MAX - 1;
        if !can_expose || is_last || inner.is_exposed() || inner.is_contended() || has_retracted {
            return;
        }
        inner.exposures += 1;
        // ORDERING: Release pairs with the Acquire load in `Snapshot::take`: the value is there.
        self.exposed.store(self.current(&inner).as_ptr(), Ordering::Release);
    }

    /// Takes the lock, with no node exposed: for threads that may need the current value
    /// exclusively.
    #[inline]
    pub(super) fn lock_retracted(&self) -> LockGuard<'_, Inner<T, A>> {
        let inner = self.inner.lock();
        if inner.is_exposed() { self.retract(inner) } else { inner }
    }

    #[cold]
    fn retract<'a>(&'a self, mut inner: LockGuard<'a, Inner<T, A>>) -> LockGuard<'a, Inner<T, A>> {
        while inner.is_exposed() {
            let exposures = inner.exposures;
            // ORDERING: Relaxed, pairs with the loads in `Snapshot::take` and `Snapshot::drop` by
            // way of the fence; see `hazard`.
            self.exposed.store(ptr::null_mut(), Ordering::Relaxed);
            drop(inner);
            // A system call, so not under the lock. A thread that comes meanwhile makes one, too.
            asymmetric::heavy_fence();
            inner = self.inner.lock();
            if inner.exposures == exposures {
                inner.exposures += 1;
                if hazard::is_protected(self.address()) {
                    let current = self.current(&inner);
                    self.current_node(&inner).users.enter();
                    inner.retracted().into_iter().for_each(|node| *node = Some(current));
                }
            }
        }
        inner
    }

    /// Called by a reader that has cleared its hazard pointer and found its node retracted: if no
    /// thread protects the address any more, the hazard readers leave the node.
    pub(super) fn release_retracted<O>(&self, owner: &O)
    where
        O: Owner<Value = T, Aux = A>,
    {
        let mut inner = self.inner.lock();
        // While a node is exposed, or about to be retracted, the thread that retracts it scans.
        let Some(retracted) = inner.retracted() else { return };
        let Some(node) = *retracted else { return };
        if hazard::is_protected(self.address()) {
            return;
        }
        *retracted = None;
        // SAFETY: the hazard readers use it, so it is alive (I4).
        let left = unsafe { node.as_ref() }.users.leave();
        drop(inner);
        finish(owner, node, left);
    }
}
