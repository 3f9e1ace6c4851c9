//! The newest messages of a channel, each for several readers, in a ring that its writer laps.
//!
//! # Layout
//! Messages are numbered: the n-th one sent has position n. The message at `pos` is in slot
//! `(pos - origin) % capacity`, and the slot is stamped with the position it holds, so that a reader
//! who finds another stamp than its own knows that its message is not there yet, or not any more.
//!
//! Slots are in chunks of 16, 32, 64 ... that are allocated when the writer first gets there. Each
//! time it would need a new one it looks whether everything sent so far has been read; if so it
//! makes the position it is at the origin and starts again at the first slot. So the ring is as
//! large as the backlog it had to hold, rounded up, however large the capacity.
//!
//! # States
//! | slot                        | `remaining` | `value` | whose is the value             |
//! |-----------------------------|-------------|---------|--------------------------------|
//! | vacant, or read by everyone | 0           | None    |                                |
//! | held                        | > 0         | Some    | the slot's                     |
//! | lent                        | > 0         | None    | a reader's, who will return it |
//!
//! # Transitions
//! | from      | to              | operation                                                     |
//! |-----------|-----------------|---------------------------------------------------------------|
//! | any       | held, new stamp | [`put`](Slot::put); what was held is displaced                |
//! | held, > 1 | lent            | [`take`](Slot::take)                                          |
//! | held, 1   | read            | [`take`](Slot::take), [`skip`](Slot::skip)                    |
//! | held, > 1 | held, one less  | [`skip`](Slot::skip)                                          |
//! | lent, > 1 | held, one less  | [`give_back`](Slot::give_back)                                |
//! | lent, 1   | read            | [`give_back`](Slot::give_back); the value stays with its reader |
//! | lent, > 1 | lent, one less  | [`skip`](Slot::skip), by a reader who leaves                  |
//!
//! # Invariants
//! - **I1** `remaining` is the number of readers who have a claim on the message under the stamp:
//!   each ends its claim once, by `take` of the last, `give_back` or `skip`.
//! - **I2** While a value is lent its reader keeps its claim, so `remaining` is above zero and
//!   nobody else gets the value: there is never more than one clone of it being made.
//! - **I3** A value leaves a slot only by being returned from one of these functions: nothing is
//!   dropped here, so nothing foreign runs under the slot's lock.
//! - **I4** `origin` changes only while the writer's lock is held, and only when no reader has a
//!   claim that it may still want to read. A reader that uses an old origin finds a slot without
//!   its stamp, never a wrong message.
//!
//! # Progress
//! Each slot has a lock, held for the moving of one value at most. Chunks are allocated outside
//! all locks.
//!
//! # Checked by
//! `tests` below, and the models of broadcast.
#![forbid(unsafe_code)]

use core::mem;

use crate::prim::atomic::{AtomicU64, Ordering};
use crate::prim::{Lock, OnceLock};

/// Slots in the first chunk. Two in models, so that they come to the second.
const FIRST: usize = if cfg!(levada_loom) { 2 } else { 16 };

/// The stamp of a slot that was never used: no channel lives to send that many messages.
const VACANT: u64 = u64::MAX;

/// A ring of the newest messages.
#[derive(Debug)]
pub(crate) struct LapRing<T> {
    capacity: u64,
    /// The position that is in the first slot. Written by the writer, under its lock.
    origin: AtomicU64,
    chunks: Box<[OnceLock<Chunk<T>>]>,
}

type Chunk<T> = Box<[Lock<Slot<T>>]>;

/// Where the slot of an index is: in which chunk, and where there.
#[inline(always)]
fn locate(index: usize) -> (usize, usize) {
    let shifted = index + FIRST;
    let chunk = shifted.ilog2() - FIRST.ilog2();
    (chunk as usize, shifted - (FIRST << chunk))
}

impl<T> LapRing<T> {
    /// A ring of `capacity` slots, a power of two. None of them is allocated yet.
    pub(crate) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two());
        let (last, _) = locate(capacity - 1);
        Self {
            capacity: capacity as u64,
            origin: AtomicU64::new(0),
            chunks: (0..=last).map(|_| OnceLock::new()).collect(),
        }
    }

    /// How many of the newest messages are kept.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The position that is in the first slot.
    #[inline]
    pub(crate) fn origin(&self) -> u64 {
        // ORDERING: Relaxed; an old value does no harm (I4). Who took the writer's lock since the
        // change sees the new one, because the lock orders it.
        self.origin.load(Ordering::Relaxed)
    }

    /// The slot of `pos`, if it is allocated.
    #[inline]
    pub(crate) fn slot(&self, pos: u64) -> Option<&Lock<Slot<T>>> {
        self.slot_from(self.origin(), pos)
    }

    /// The slot that `pos` had while the origin was `origin`.
    #[inline]
    pub(crate) fn slot_from(&self, origin: u64, pos: u64) -> Option<&Lock<Slot<T>>> {
        let (chunk, offset) = locate(self.index(origin, pos));
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    /// Whether the message at `pos`, which has been sent, was read by all its readers.
    pub(crate) fn is_read(&self, pos: u64) -> bool {
        self.slot(pos).is_none_or(|slot| slot.lock().is_read(pos))
    }

    /// Makes `pos`, the next to be written, the first slot's, if everything before it has been read.
    /// Called under the writer's lock when `pos` has no slot yet; gives whether it has one now.
    pub(crate) fn restart(&self, pos: u64) -> bool {
        if self.index(self.origin(), pos) == 0 || !self.is_read(pos - 1) {
            return false;
        }
        // ORDERING: Relaxed, as in `origin`.
        self.origin.store(pos, Ordering::Relaxed);
        true
    }

    /// Allocates the chunk that the slot of `pos` is in. Called without any lock.
    #[cold]
    pub(crate) fn grow(&self, pos: u64) {
        let (chunk, _) = locate(self.index(self.origin(), pos));
        self.chunks[chunk].get_or_init(|| {
            let before = (FIRST << chunk) - FIRST;
            let left = usize::try_from(self.capacity).map_or(usize::MAX, |all| all - before);
            (0..left.min(FIRST << chunk))
                .map(|_| Lock::new(Slot::new()))
                .collect()
        });
    }

    #[inline]
    fn index(&self, origin: u64, pos: u64) -> usize {
        // Below the capacity, which is a usize. An origin that is newer than `pos` gives a slot with
        // another stamp.
        (pos.wrapping_sub(origin) & (self.capacity - 1)) as usize
    }
}

/// What a reader finds in a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// It was the last reader: the value is its own.
    Last(T),
    /// It is to clone the value and to [`give_back`](Slot::give_back) the original.
    Lent(T),
    /// Another reader has it at the moment.
    Out,
    /// The slot does not hold this message.
    Absent,
}

/// What is left to do outside the lock after a slot changed.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Aftermath<T> {
    /// A value nobody will read any more, to be dropped.
    pub(crate) dead: Option<T>,
    /// Somebody asked to be told that a value is not lent any more.
    pub(crate) awaited: bool,
}

/// One message and its readers. To be kept under a lock.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    /// The position of the message.
    stamp: u64,
    value: Option<T>,
    /// Readers that have a claim on it.
    remaining: u32,
    /// Whether to tell somebody when the value is not lent any more.
    awaited: bool,
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self {
            stamp: VACANT,
            value: None,
            remaining: 0,
            awaited: false,
        }
    }

    /// Writes a message for `readers` readers over whatever was there.
    #[inline]
    pub(crate) fn put(&mut self, pos: u64, readers: u32, value: T) -> Aftermath<T> {
        self.stamp = pos;
        self.remaining = readers;
        Aftermath {
            dead: self.value.replace(value),
            awaited: mem::take(&mut self.awaited),
        }
    }

    /// Reads the message at `pos`.
    #[inline]
    pub(crate) fn take(&mut self, pos: u64) -> Taken<T> {
        if self.stamp != pos || self.remaining == 0 {
            return Taken::Absent;
        }
        match self.value.take() {
            Some(value) if self.remaining == 1 => {
                self.remaining = 0;
                Taken::Last(value)
            }
            Some(value) => Taken::Lent(value),
            None => Taken::Out,
        }
    }

    /// Returns the value that [`take`](Self::take) lent, and ends the claim of its reader.
    #[inline]
    pub(crate) fn give_back(&mut self, pos: u64, value: T) -> Aftermath<T> {
        let awaited = mem::take(&mut self.awaited);
        let mut dead = Some(value);
        if self.stamp == pos {
            self.remaining -= 1;
            if self.remaining > 0 {
                self.value = dead.take();
            }
        }
        Aftermath { dead, awaited }
    }

    /// Ends the claim of a reader who will not read the message; gives the value if it was the last.
    pub(crate) fn skip(&mut self, pos: u64) -> Option<T> {
        if self.stamp != pos || self.remaining == 0 {
            return None;
        }
        self.remaining -= 1;
        if self.remaining == 0 {
            self.value.take()
        } else {
            None
        }
    }

    /// Whether the message at `pos` is lent; if so, whoever ends that will be told to tell.
    pub(crate) fn await_return(&mut self, pos: u64) -> bool {
        let lent = self.stamp == pos && self.remaining > 0 && self.value.is_none();
        self.awaited |= lent;
        lent
    }

    fn is_read(&self, pos: u64) -> bool {
        self.stamp != pos || self.remaining == 0
    }
}

#[cfg(test)]
#[cfg(not(levada_loom))]
mod tests {
    use super::*;

    fn nothing<T>() -> Aftermath<T> {
        Aftermath {
            dead: None,
            awaited: false,
        }
    }

    #[test]
    fn every_index_has_a_slot_of_its_own() {
        for capacity in [1, 2, 8, 16, 32, 64, 128, 1024] {
            let ring = LapRing::<u8>::new(capacity);
            let mut seen = std::collections::HashSet::new();
            for pos in 0..capacity as u64 {
                if ring.slot(pos).is_none() {
                    ring.grow(pos);
                }
                let slot: *const _ = ring.slot(pos).unwrap();
                assert!(seen.insert(slot), "position {pos} of {capacity}");
                let lap: *const _ = ring.slot(pos + capacity as u64).unwrap();
                assert_eq!(slot, lap);
            }
            let slots: usize = ring
                .chunks
                .iter()
                .map(|chunk| chunk.get().unwrap().len())
                .sum();
            assert_eq!(slots, capacity);
        }
    }

    #[test]
    fn the_largest_ring_costs_no_more_than_its_directory() {
        let ring = LapRing::<u8>::new(1 << 63);
        assert!(ring.chunks.len() <= 64);
        assert_eq!(locate((1 << 63) - 1).0, ring.chunks.len() - 1);
        assert!(ring.slot(0).is_none());
    }

    #[test]
    fn starts_again_when_all_is_read() {
        let first = FIRST as u64;
        let ring = LapRing::<u8>::new(1024);
        assert!(!ring.restart(0), "there is no first slot yet");
        ring.grow(0);
        for pos in 0..first {
            assert_eq!(ring.slot(pos).unwrap().lock().put(pos, 1, 7), nothing());
        }
        assert!(ring.slot(first).is_none());
        assert!(!ring.restart(first), "the last message is unread");
        let old = ring.origin();
        assert_eq!(
            ring.slot(first - 1).unwrap().lock().take(first - 1),
            Taken::Last(7)
        );
        assert!(ring.restart(first), "the last message is read, so all are");
        assert!(ring.slot(first).is_some());
        assert!(
            ring.is_read(first - 1),
            "an old position never finds a newer message"
        );
        let left = ring.slot_from(old, 3).unwrap().lock().skip(3);
        assert_eq!(
            left,
            Some(7),
            "who is leaving still finds what it has a claim on"
        );
    }

    #[test]
    fn the_table_of_transitions() {
        let mut slot = Slot::new();
        assert_eq!(slot.take(0), Taken::Absent, "vacant");
        assert_eq!(slot.put(0, 3, 'a'), nothing());
        assert_eq!(slot.take(1), Taken::Absent, "another stamp");
        // held, > 1 -> lent
        assert_eq!(slot.take(0), Taken::Lent('a'));
        assert_eq!(slot.take(0), Taken::Out);
        assert!(!slot.is_read(0));
        // lent, > 1 -> lent, one less
        assert_eq!(slot.skip(0), None);
        // lent, > 1 -> held, one less
        assert!(slot.await_return(0));
        assert_eq!(
            slot.give_back(0, 'a'),
            Aftermath {
                dead: None,
                awaited: true
            }
        );
        assert!(!slot.await_return(0), "it is back");
        // held, 1 -> read
        assert_eq!(slot.take(0), Taken::Last('a'));
        assert!(slot.is_read(0));
        assert_eq!((slot.take(0), slot.skip(0)), (Taken::Absent, None));
        // any -> held; held, > 1 -> held, one less; held, 1 -> read
        assert_eq!(slot.put(8, 2, 'b'), nothing());
        assert_eq!((slot.skip(8), slot.skip(8)), (None, Some('b')));
        // lent, 1 -> read
        assert_eq!(slot.put(16, 2, 'c'), nothing());
        assert_eq!(slot.take(16), Taken::Lent('c'));
        assert_eq!(slot.skip(16), None);
        assert_eq!(
            slot.give_back(16, 'c'),
            Aftermath {
                dead: Some('c'),
                awaited: false
            }
        );
        assert!(slot.is_read(16));
    }

    #[test]
    fn the_writer_laps() {
        let mut slot = Slot::new();
        assert_eq!(slot.put(0, 2, 'a'), nothing());
        assert_eq!(
            slot.put(8, 2, 'b'),
            Aftermath {
                dead: Some('a'),
                awaited: false
            }
        );
        // Lent, and lapped meanwhile: the old value does not come back.
        assert_eq!(slot.take(8), Taken::Lent('b'));
        assert!(slot.await_return(8));
        assert_eq!(
            slot.put(16, 2, 'c'),
            Aftermath {
                dead: None,
                awaited: true
            }
        );
        assert!(!slot.await_return(8));
        assert_eq!(
            slot.give_back(8, 'b'),
            Aftermath {
                dead: Some('b'),
                awaited: false
            }
        );
        assert_eq!(slot.take(16), Taken::Lent('c'), "with both its readers");
    }
}
