//! What is remembered of a channel that is alive.

use std::time::Instant;

use levada::observe::{Channel, QueueTime};

use super::Change;
use crate::key::Key;

/// One channel.
#[derive(Debug)]
pub(super) struct Live {
    key: Key,
    last: Marks,
    /// When it was seen last, and since when it has been as it was then.
    seen: Instant,
    changed: Instant,
    /// What its queue times were, at the two moments of rotation before.
    queue_times: [Option<Box<QueueTime>>; 2],
}

/// What differs after any progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    sent: u64,
    received: u64,
    evicted: u64,
    depth: Option<usize>,
    reserved: Option<usize>,
    handles: [usize; 3],
    /// Of all receivers that have a position.
    behind: u64,
    missed: u64,
}

impl Marks {
    fn of(channel: &Channel) -> Self {
        let positions = || channel.handles.iter().filter_map(|handle| handle.position);
        Self {
            sent: channel.sent,
            received: channel.received.unwrap_or(0),
            evicted: channel.evicted.unwrap_or(0),
            depth: channel.depth,
            reserved: channel.reserved,
            handles: [channel.senders, channel.weak_senders, channel.receivers],
            behind: positions().map(|position| position.behind).sum(),
            missed: positions().map(|position| position.missed).sum(),
        }
    }
}

impl Live {
    /// A channel that is new, and has done nothing yet.
    pub(super) fn new(key: Key, now: Instant) -> Self {
        Self { key, last: Marks::default(), seen: now, changed: now, queue_times: [None, None] }
    }

    /// What has changed.
    pub(super) fn update(&mut self, channel: &Channel, now: Instant) -> Change {
        let marks = Marks::of(channel);
        let change = Change {
            sent: marks.sent.wrapping_sub(self.last.sent).cast_signed(),
            received: marks.received.wrapping_sub(self.last.received).cast_signed(),
            evicted: marks.evicted.wrapping_sub(self.last.evicted).cast_signed(),
            missed: marks.missed.saturating_sub(self.last.missed),
        };
        if marks != self.last {
            (self.last, self.changed) = (marks, now);
        }
        self.seen = now;
        change
    }

    pub(super) fn was_seen_at(&self, now: Instant) -> bool {
        self.seen == now
    }

    pub(super) fn quiet_since(&self) -> Option<Instant> {
        (self.changed < self.seen).then_some(self.changed)
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn sent(&self) -> u64 {
        self.last.sent
    }

    pub(super) fn evicted(&self) -> u64 {
        self.last.evicted
    }

    pub(super) fn earlier_queue_time(&self) -> Option<&QueueTime> {
        self.queue_times[0].as_deref()
    }

    pub(super) fn rotate(&mut self, now: Option<&QueueTime>) {
        self.queue_times.swap(0, 1);
        self.queue_times[1] = now.cloned().map(Box::new);
    }
}
