//! What holds the senders of a lossless channel back: where each subscriber is, and who waits.
//!
//! Kept under the lock of the tail, but for the [`Seat`] of each subscriber, whose position the
//! subscriber itself writes.
//!
//! # How a sender learns of room
//! The slowest member decides, as a gating sequence does in the Disruptor (Thompson and others,
//! 2011). [`Gate::slowest`] is a lower bound of all members' positions. Only when the channel looks
//! full with it are the positions read again, from the *witness* on, the member that was the
//! slowest the last time; the search ends at the first one that is still there. So it costs one
//! look for each receive of a member, on average, however many members there are.
//!
//! While a sender waits, the witness has the flag WANTED in the word of its position, set by an
//! exchange that fails if it has moved. The witness moves by a swap of the same word, which takes
//! the flag along: then it takes the lock, and grants what is free. The other members, which hold
//! no sender back, do nothing but the swap.
//!
//! # Invariants
//! - **I1** `slowest` is at most the position of each member; `next - slowest + granted` is at most
//!   the capacity while there is a member.
//! - **I2** If a sender waits that was granted nothing, and there is a member, the witness is at
//!   `slowest` with WANTED, or a thread is about to [`grant`](Gate::grant).
//! - **I3** Without members no sender is granted anything: the last one that goes lets all that
//!   wait begin again.
//! - **I4** `Seat::index` is the index of its entry in its list.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc as StdArc;
use std::time::Instant;

use super::subscriber::{Subscriber, SubscriberId};
use crate::prim::Arc;
use crate::prim::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::util::WakeBatch;
use crate::wait::list::Node;
use crate::wait::permits::{Permits, PollAcquire};

/// A flag of a position: the member at it holds waiting senders back, and reports that it moves.
const WANTED: u64 = 1;

/// Where a subscriber is.
#[derive(Debug)]
pub(super) struct Seat {
    id: SubscriberId,
    is_member: bool,
    /// Twice the position of the message that it receives next, and [`WANTED`].
    word: AtomicU64,
    /// Set under the lock of the tail, once.
    is_evicted: AtomicBool,
    /// How many messages it has missed, as was reported to it.
    missed: AtomicU64,
    /// Where its entry is (I4). Accessed under the lock.
    index: AtomicUsize,
}

impl Seat {
    pub(super) fn new(id: SubscriberId, is_member: bool) -> Self {
        Self {
            id,
            is_member,
            word: AtomicU64::new(0),
            is_evicted: AtomicBool::new(false),
            missed: AtomicU64::new(0),
            index: AtomicUsize::new(0),
        }
    }

    pub(super) fn id(&self) -> SubscriberId {
        self.id
    }

    pub(super) fn is_member(&self) -> bool {
        self.is_member
    }

    fn position(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release swap in `advance`: what the subscriber did to
        // the messages before its position happened before.
        self.word.load(Ordering::Acquire) >> 1
    }

    /// The subscriber has moved to `next`. Whether senders wait for that.
    #[inline(always)]
    pub(super) fn advance(&self, next: u64) -> bool {
        // ORDERING: Release pairs with the Acquire load in `position`. For the flag the order of
        // the exchanges of this one word is enough: see `report_move_from`.
        self.word.swap(next << 1, Ordering::Release) & WANTED != 0
    }

    /// The next move reports itself, unless the subscriber has moved from `position` already.
    fn report_move_from(&self, position: u64) -> bool {
        let (still, wanted) = (position << 1, position << 1 | WANTED);
        // ORDERING: Relaxed, pairs with the swap in `advance`: the two are ordered as exchanges of
        // one word, and either that one finds the flag, or this one the move; then the position is
        // loaded again, with Acquire.
        match self.word.compare_exchange(still, wanted, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(other) => other == wanted,
        }
    }

    #[inline(always)]
    pub(super) fn is_evicted(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `evict`: what was done before it is
        // done before the subscriber leaves.
        self.is_evicted.load(Ordering::Acquire)
    }

    fn evict(&self) {
        // ORDERING: Release pairs with the Acquire load in `is_evicted`.
        self.is_evicted.store(true, Ordering::Release);
    }

    #[cold]
    pub(super) fn note_missed(&self, missed: u64) {
        // ORDERING: Relaxed, no pair: a statistic, and only the subscriber writes it.
        let before = self.missed.load(Ordering::Relaxed);
        // ORDERING: Relaxed, no pair: as above.
        self.missed.store(before + missed, Ordering::Relaxed);
    }
}

/// What the channel knows of a subscriber.
#[derive(Debug)]
pub(super) struct Entry {
    seat: Arc<Seat>,
    name: Option<StdArc<str>>,
    /// Where a call first found it at the position where it is.
    seen: Option<(u64, Instant)>,
}

impl Entry {
    fn describe(&mut self, next: u64, now: Instant) -> Subscriber {
        let position = self.seat.position();
        let since = match self.seen {
            Some((seen, since)) if seen == position => since,
            _ => now,
        };
        let lag = next - position;
        // One that has received everything waits for the senders.
        self.seen = (lag > 0).then_some((position, since));
        Subscriber {
            id: self.seat.id,
            name: self.name.clone(),
            is_member: self.seat.is_member,
            lag,
            // ORDERING: Relaxed, no pair: a statistic.
            missed: self.seat.missed.load(Ordering::Relaxed),
            idle: self
                .seen
                .map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since)),
        }
    }
}

/// Members or observers.
#[derive(Debug, Default)]
struct List(Vec<Entry>);

impl List {
    /// Adds an entry if there is room without an allocation. Otherwise puts all entries into
    /// `larger`, if that has more room, and leaves the old memory there, to be freed outside the
    /// lock. Gives the entry back if there is no room at all.
    fn add(&mut self, entry: Entry, larger: &mut Vec<Entry>) -> Result<(), Entry> {
        if self.0.len() == self.0.capacity() {
            if larger.capacity() <= self.0.len() {
                return Err(entry);
            }
            larger.append(&mut self.0);
            core::mem::swap(&mut self.0, larger);
        }
        // ORDERING: Relaxed, no pair: under the lock.
        entry.seat.index.store(self.0.len(), Ordering::Relaxed);
        self.0.push(entry);
        Ok(())
    }

    fn remove(&mut self, index: usize) -> Entry {
        let entry = self.0.swap_remove(index);
        if let Some(moved) = self.0.get(index) {
            // ORDERING: Relaxed, no pair: under the lock.
            moved.seat.index.store(index, Ordering::Relaxed);
        }
        entry
    }
}

/// What holds the senders back.
#[derive(Debug)]
pub(super) struct Gate {
    members: List,
    observers: List,
    /// At most the position of each member (I1).
    slowest: u64,
    /// Which member was the slowest when that was last searched for.
    witness: usize,
    permits: Permits,
    last_id: u64,
}

impl Gate {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            members: List::default(),
            observers: List::default(),
            slowest: 0,
            witness: 0,
            permits: Permits::new(capacity),
            last_id: 0,
        }
    }

    pub(super) fn permits(&mut self) -> &mut Permits {
        &mut self.permits
    }

    pub(super) fn has_members(&self) -> bool {
        !self.members.0.is_empty()
    }

    // Senders

    /// Whether a sender that does not wait in line may send the message at `next`.
    #[inline(always)]
    pub(super) fn has_room(&mut self, next: u64) -> bool {
        self.permits.available(distance(self.slowest, next)) > 0 || self.has_room_after_all(next)
    }

    #[cold]
    fn has_room_after_all(&mut self, next: u64) -> bool {
        let queued = self.queued(next);
        self.permits.available(queued) > 0 || !self.has_members()
    }

    /// Whether a sender that waits in line, or has, may send the message at `next`.
    pub(super) fn admits(&mut self, node: Pin<&Node>, next: u64) -> bool {
        let queued = self.queued(next);
        self.permits.poll_acquire(node, 1, queued) == PollAcquire::Acquired || !self.has_members()
    }

    /// How many messages the slowest member has yet to receive: exact.
    pub(super) fn queued(&mut self, next: u64) -> usize {
        let (mut slowest, mut witness) = (next, 0);
        for index in (self.witness..self.members.0.len()).chain(0..self.witness) {
            let position = self.members.0[index].seat.position();
            if position < slowest || index == self.witness {
                (slowest, witness) = (position, index);
            }
            if position == self.slowest {
                break;
            }
        }
        (self.slowest, self.witness) = (slowest, witness);
        distance(slowest, next)
    }

    /// How many messages the slowest member has yet to receive, for a snapshot. `None` without
    /// members.
    #[cfg(feature = "observe")]
    pub(super) fn depth(&self, next: u64) -> Option<usize> {
        let slowest = self.members.0.iter().map(|entry| entry.seat.position()).min();
        slowest.map(|slowest| distance(slowest, next))
    }

    /// Whether a sender that waits will be granted what becomes free: the witness reports its next
    /// move, or there is no member, or no such sender.
    pub(super) fn is_watched(&mut self) -> bool {
        !self.permits.has_waiting()
            || self
                .members
                .0
                .get(self.witness)
                .is_none_or(|entry| entry.seat.report_move_from(self.slowest))
    }

    /// Grants what is free to senders that wait, in order; without members, lets at most `left` of
    /// them begin again. Answers whether the batch had no room for all.
    pub(super) fn grant(&mut self, next: u64, left: &mut usize, batch: &mut WakeBatch) -> bool {
        if !self.has_members() {
            return self.permits.expel(left, batch);
        }
        loop {
            let queued = self.queued(next);
            if self.permits.grant_waiters(queued, batch) {
                return true;
            }
            if self.is_watched() {
                return false;
            }
        }
    }

    // Subscribers

    pub(super) fn next_id(&mut self) -> SubscriberId {
        self.last_id += 1;
        SubscriberId(self.last_id)
    }

    /// Adds a subscriber whose first message is that at `next`. As [`List::add`].
    pub(super) fn add(
        &mut self,
        seat: &Arc<Seat>,
        next: u64,
        larger: &mut Vec<Entry>,
    ) -> Result<(), usize> {
        if seat.is_member && !self.has_members() {
            self.slowest = next;
        }
        seat.advance(next);
        let list = if seat.is_member { &mut self.members } else { &mut self.observers };
        let entry = Entry { seat: Arc::clone(seat), name: None, seen: None };
        list.add(entry, larger).map_err(|_refused| list.0.len())
    }

    /// Takes a subscriber out, unless it was evicted. The caller grants. The entry is to be dropped
    /// outside the lock.
    pub(super) fn remove(&mut self, seat: &Seat) -> Option<Entry> {
        // ORDERING: Relaxed, no pair: under the lock.
        let index = seat.index.load(Ordering::Relaxed);
        (!seat.is_evicted())
            .then(|| self.list_of(seat).remove(index))
            .inspect(|_| self.find_witness())
    }

    /// The witness may be another one.
    fn find_witness(&mut self) {
        if self.witness >= self.members.0.len() {
            self.witness = 0;
        }
    }

    fn list_of(&mut self, seat: &Seat) -> &mut List {
        if seat.is_member { &mut self.members } else { &mut self.observers }
    }

    /// Names a subscriber. The old name is to be dropped outside the lock.
    pub(super) fn name(&mut self, seat: &Seat, name: StdArc<str>) -> Option<StdArc<str>> {
        // ORDERING: Relaxed, no pair: under the lock.
        let index = seat.index.load(Ordering::Relaxed);
        if seat.is_evicted() {
            return Some(name);
        }
        self.list_of(seat).0[index].name.replace(name)
    }

    /// Describes all subscribers, in no order, and evicts those that `is_out` names. If `found` has
    /// too little room, gives the room that it needs.
    pub(super) fn survey(
        &mut self,
        next: u64,
        now: Instant,
        is_out: &dyn Fn(&Subscriber) -> bool,
        found: &mut Vec<(Subscriber, Option<Entry>)>,
    ) -> Result<(), usize> {
        let needed = self.members.0.len() + self.observers.0.len();
        if found.capacity() < needed {
            return Err(needed);
        }
        for list in [&mut self.members, &mut self.observers] {
            let mut index = 0;
            while let Some(entry) = list.0.get_mut(index) {
                let subscriber = entry.describe(next, now);
                let is_out = is_out(&subscriber);
                if is_out {
                    entry.seat.evict();
                } else {
                    index += 1;
                }
                found.push((subscriber, is_out.then(|| list.remove(index))));
            }
        }
        self.find_witness();
        Ok(())
    }
}

#[inline(always)]
fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to - from).unwrap_or(usize::MAX)
}
