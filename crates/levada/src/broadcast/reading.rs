//! What a broadcast channel says of itself, to its handles and to a snapshot.
#![forbid(unsafe_code)]

use super::protocol::Shared;
use super::tail::Tail;
use crate::observe::{ChannelRecord, Observed};
use crate::storage::lap_ring::Writer;
#[cfg(feature = "observe")]
use crate::{observe::Reading, refs::Hub};

impl<T, G> Observed for Shared<T, G> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        &self.record
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> Reading {
        Reading {
            capacity: usize::try_from(self.capacity()).ok(),
            sent: self.record.position(),
            senders: self.counts().senders(),
            weak_senders: self.counts().weak_senders(),
            receivers: self.counts().receivers(),
            closed: self.counts().senders() == 0,
            ..Default::default()
        }
    }
}

impl<T, G> Shared<T, G> {
    /// Locks the tail.
    pub(super) fn lock(&self) -> Writer<'_, T, Tail<G>> {
        self.ring.lock()
    }

    /// Locks the tail, if nothing else does at this moment.
    #[cfg(feature = "observe")]
    pub(super) fn try_lock(&self) -> Option<Writer<'_, T, Tail<G>>> {
        self.ring.try_lock()
    }

    #[cfg(feature = "observe")]
    pub(super) fn capacity(&self) -> u64 {
        self.ring.capacity()
    }

    pub(super) fn receivers(&self) -> usize {
        self.ring.lock().receivers as usize
    }

    /// Messages that a receiver has yet to read.
    pub(super) fn len(&self) -> usize {
        let tail = self.ring.lock();
        // A message that is read by all comes after messages that are read by all (I2).
        let mut unread = tail.next.saturating_sub(self.ring.capacity());
        let mut end = tail.next;
        while unread < end {
            let middle = unread + (end - unread) / 2;
            if self.ring.is_read(middle) {
                unread = middle + 1;
            } else {
                end = middle;
            }
        }
        usize::try_from(tail.next - unread).unwrap_or(usize::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        let tail = self.ring.lock();
        tail.next == 0 || self.ring.is_read(tail.next - 1)
    }

    /// Messages sent since `next`, overwritten ones included.
    pub(super) fn sent_since(&self, next: u64) -> usize {
        usize::try_from(self.ring.lock().next - next).unwrap_or(usize::MAX)
    }
}
