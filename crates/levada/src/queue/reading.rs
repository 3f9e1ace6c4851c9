//! What a snapshot reads of a queue.
#![forbid(unsafe_code)]

use super::chan::{Chan, RecvWaiters};
#[cfg(feature = "observe")]
use super::chan::{UNBOUNDED, count};
use crate::observe::{ChannelRecord, Observed};
#[cfg(feature = "observe")]
use crate::{observe::Reading, refs::Hub};

/// How often a snapshot tries to get the lock, which is held for nanoseconds.
#[cfg(feature = "observe")]
const LOCK_TRIES: usize = 64;

impl<T, P: RecvWaiters> Observed for Chan<T, P> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        &self.record
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> Reading {
        let capacity = self.max_capacity();
        let (sent, received) = self.sent_and_received();
        // With a policy, what the receiver has in hand may be beyond the capacity (I1).
        let most = if self.policy().is_some() { capacity } else { usize::MAX };
        let depth = sent.wrapping_sub(received).min(most);
        let sent = received.wrapping_add(depth);
        Reading {
            capacity: (capacity != UNBOUNDED).then_some(capacity),
            depth: Some(depth),
            sent: count(sent) as u64,
            received: Some(count(received) as u64),
            evicted: self.evicted(),
            reserved: self.reserved(),
            senders: self.counts().senders(),
            weak_senders: self.counts().weak_senders(),
            receivers: self.counts().receivers(),
            closed: self.is_closed() || self.counts().senders() == 0,
            ..Reading::default()
        }
    }
}

#[cfg(feature = "observe")]
impl<T, P: RecvWaiters> Chan<T, P> {
    /// How many messages were sent and received, without those that were evicted.
    fn sent_and_received(&self) -> (usize, usize) {
        if self.policy().is_none() {
            return self.positions();
        }
        // No message is evicted while the lock is held. A holder that is preempted keeps it, and
        // evicts nothing meanwhile, either; its last eviction may be half counted.
        let _tx = (0..LOCK_TRIES).find_map(|_| self.try_lock());
        let (sent, received) = self.positions();
        let ahead = self.record.ahead();
        (sent.wrapping_sub(ahead), received.wrapping_sub(ahead))
    }

    /// The positions, of one moment unless receivers are too fast.
    fn positions(&self) -> (usize, usize) {
        for _ in 0..8 {
            let received = self.head();
            let sent = self.sent();
            if self.head() == received {
                return (sent, received);
            }
        }
        // When `sent` was published there was room for it, so that the head, which is read later,
        // is at most one capacity behind. If it has passed, the channel was empty in between.
        let sent = self.sent();
        let received = self.head();
        let passed = received.wrapping_sub(sent) < usize::MAX / 2;
        (if passed { received } else { sent }, received)
    }

    /// Places that are reserved or granted, if the lock is free: without those of the messages in a
    /// backlog, which are in the depth.
    fn reserved(&self) -> Option<usize> {
        let mut tx = self.try_lock()?;
        let messages = self.backlog(&mut tx).map_or(0, |backlog| backlog.len());
        Some(tx.permits().taken() - messages)
    }
}
