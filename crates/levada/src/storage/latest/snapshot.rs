//! Looking at the value that was current.

use core::ops::Deref;
use core::ptr::NonNull;

use super::node::Node;
use super::version::Version;
use super::Keeper;

/// The value that was current at some moment, kept for as long as this lives.
pub(crate) struct Snapshot<'a, K: Keeper> {
    keeper: &'a K,
    node: NonNull<Node<K::Value>>,
}

// SAFETY: the pointer keeps it from being automatic. A shared snapshot gives nothing but a look at the
// value, which is Sync; the keeper is used only by its drop.
unsafe impl<K: Keeper> Sync for Snapshot<'_, K> where K::Value: Sync {}

impl<'a, K: Keeper> Snapshot<'a, K> {
    /// The current value and its version, unless it is being changed in place.
    #[inline]
    pub(crate) fn take(keeper: &'a K) -> Option<(Self, Version)> {
        let latest = keeper.latest();
        let mut desk = latest.desk.lock();
        let node = latest.current(&desk);
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let hold = unsafe { desk.hold(node) };
        if hold.writing {
            desk.wanted = true;
            return None;
        }
        hold.add_reader();
        // SAFETY: the current node is not free (States), so it is alive (I4).
        let place = unsafe { node.as_ref() };
        // SAFETY: it is full, and we are one of its readers (I3).
        let version = unsafe { place.version() };
        Some((Self { keeper, node }, version))
    }
}

impl<K: Keeper> Deref for Snapshot<'_, K> {
    type Target = K::Value;

    #[inline]
    fn deref(&self) -> &K::Value {
        // SAFETY: we are one of its readers, so it is alive (I4).
        let node = unsafe { self.node.as_ref() };
        // SAFETY: it is full, and only looked at while it has a reader (I3).
        unsafe { node.get() }
    }
}

impl<K: Keeper> Drop for Snapshot<'_, K> {
    #[inline]
    fn drop(&mut self) {
        let latest = self.keeper.latest();
        let mut desk = latest.desk.lock();
        // SAFETY: we are one of its readers, so it is alive (I4).
        unsafe { desk.hold(self.node) }.readers -= 1;
        let (_leftover, vacated) = latest.let_go(desk, self.node);
        if vacated {
            self.keeper.vacated();
        }
    }
}
