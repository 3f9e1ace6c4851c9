//! The senders that wait, in order, each with its message.
//!
//! Kept under a lock, under which nothing is allocated: a caller brings larger memory if there is
//! no room. Slots are linked by their indices, so that a sender that gives up leaves at once.
//!
//! # States of a slot
//! | state   | message | linked | left by                                                     |
//! |---------|---------|--------|-------------------------------------------------------------|
//! | free    | no      | no     | [`enter`](Line::enter)                                      |
//! | waits   | yes     | yes    | [`take_first`](Line::take_first), [`withdraw`](Line::withdraw), [`close_first`](Line::close_first) |
//! | closed  | yes     | no     | [`withdraw`](Line::withdraw)                                |
//!
//! # Invariants
//! - **I1** A slot that is not free belongs to one sender, which has its [`Place`]; it is free
//!   again when the message has left it. A place whose ticket is not that of its slot has been
//!   served.
//! - **I2** `first` and `last` are the ends of the linked slots, in the order in which they
//!   entered; `used` counts the slots that are not free.
#![forbid(unsafe_code)]

use core::task::Waker;

/// No slot.
const NONE: usize = usize::MAX;

/// Memory for more slots than this is given up when the line is empty.
const KEPT: usize = 16;

/// A message, and what wakes its sender.
#[derive(Debug)]
pub(super) struct Offer<T> {
    pub(super) message: T,
    pub(super) waker: Option<Waker>,
}

#[derive(Debug)]
pub(super) struct Slot<T> {
    offer: Option<Offer<T>>,
    ticket: u64,
    is_linked: bool,
    prev: usize,
    next: usize,
}

/// Where a sender waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    index: usize,
    ticket: u64,
}

/// The line.
#[derive(Debug)]
pub(super) struct Line<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot; the others by `next`.
    free: usize,
    first: usize,
    last: usize,
    used: usize,
    tickets: u64,
}

impl<T> Line<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: NONE, first: NONE, last: NONE, used: 0, tickets: 0 }
    }

    /// How many slots are not free.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// How much memory is needed when there is no room.
    pub(super) fn next_size(&self) -> usize {
        (2 * self.slots.len()).max(4)
    }

    /// Puts an offer at the end. If there is no room without an allocation, uses `larger`, and
    /// leaves the old memory there, to be freed outside the lock; or gives the offer back.
    pub(super) fn enter(
        &mut self,
        offer: Offer<T>,
        larger: &mut Vec<Slot<T>>,
    ) -> Result<Place, Offer<T>> {
        if self.free == NONE && self.slots.len() == self.slots.capacity() {
            if larger.capacity() <= self.slots.len() {
                return Err(offer);
            }
            larger.append(&mut self.slots);
            core::mem::swap(&mut self.slots, larger);
        }
        self.tickets += 1;
        let ticket = self.tickets;
        let (prev, next) = (self.last, NONE);
        let slot = Slot { offer: Some(offer), ticket, is_linked: true, prev, next };
        let index = if self.free == NONE {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let index = self.free;
            self.free = self.slots[index].next;
            self.slots[index] = slot;
            index
        };
        match prev {
            NONE => self.first = index,
            _ => self.slots[prev].next = index,
        }
        self.last = index;
        self.used += 1;
        Ok(Place { index, ticket })
    }

    /// Takes the offer that has waited longest.
    pub(super) fn take_first(&mut self) -> Option<Offer<T>> {
        (self.first != NONE).then(|| self.release(self.first)).flatten()
    }

    /// Whether the offer has not been taken.
    pub(super) fn is_waiting(&self, place: Place) -> bool {
        let slot = self.slots.get(place.index);
        slot.is_some_and(|slot| slot.ticket == place.ticket && slot.offer.is_some())
    }

    /// The waker of an offer that has not been taken.
    pub(super) fn waker(&mut self, place: Place) -> Option<&mut Option<Waker>> {
        let is_waiting = self.is_waiting(place);
        let offer = self.slots.get_mut(place.index).filter(|_| is_waiting)?.offer.as_mut();
        offer.map(|offer| &mut offer.waker)
    }

    /// Takes an offer out, unless it was taken.
    pub(super) fn withdraw(&mut self, place: Place) -> Option<Offer<T>> {
        self.is_waiting(place).then(|| self.release(place.index)).flatten()
    }

    /// Takes the first waker, and its slot out of the order: the offer can only be withdrawn from
    /// now on. `None` if no slot is linked.
    pub(super) fn close_first(&mut self) -> Option<Option<Waker>> {
        let first = self.first;
        if first == NONE {
            return None;
        }
        self.unlink(first);
        Some(self.slots[first].offer.as_mut().and_then(|offer| offer.waker.take()))
    }

    /// Memory that is not needed any more, to be freed outside the lock.
    pub(super) fn spare(&mut self) -> Vec<Slot<T>> {
        if self.used > 0 || self.slots.capacity() <= KEPT {
            return Vec::new();
        }
        (self.free, self.first, self.last) = (NONE, NONE, NONE);
        core::mem::take(&mut self.slots)
    }

    /// Makes a slot free.
    fn release(&mut self, index: usize) -> Option<Offer<T>> {
        if self.slots[index].is_linked {
            self.unlink(index);
        }
        let slot = &mut self.slots[index];
        slot.next = self.free;
        self.free = index;
        self.used -= 1;
        slot.offer.take()
    }

    fn unlink(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.is_linked = false;
        let (prev, next) = (slot.prev, slot.next);
        match prev {
            NONE => self.first = next,
            _ => self.slots[prev].next = next,
        }
        match next {
            NONE => self.last = prev,
            _ => self.slots[next].prev = prev,
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn enter(line: &mut Line<u32>, message: u32) -> Place {
        let mut larger = Vec::new();
        let mut offer = Offer { message, waker: None };
        loop {
            match line.enter(offer, &mut larger) {
                Ok(place) => return place,
                Err(back) => {
                    offer = back;
                    larger = Vec::with_capacity(line.next_size());
                }
            }
        }
    }

    fn messages(line: &mut Line<u32>) -> Vec<u32> {
        std::iter::from_fn(|| line.take_first()).map(|offer| offer.message).collect()
    }

    #[test]
    fn first_in_first_out_and_out_of_the_middle() {
        let mut line = Line::new();
        let places: Vec<_> = (0..50).map(|n| enter(&mut line, n)).collect();
        for n in [0, 7, 8, 49] {
            assert_eq!(line.withdraw(places[n]).map(|offer| offer.message), Some(n as u32));
            assert!(line.withdraw(places[n]).is_none());
        }
        let again = enter(&mut line, 50);
        assert!(!line.is_waiting(places[49]) && line.is_waiting(again), "in the slot of the last");
        let expected: Vec<_> = (0..=50).filter(|n| ![0, 7, 8, 49].contains(n)).collect();
        assert_eq!(messages(&mut line), expected);
        assert_eq!(line.len(), 0);
        assert!(line.withdraw(again).is_none());
        assert!(line.spare().capacity() > KEPT);
        let place = enter(&mut line, 1);
        assert!(line.is_waiting(place) && line.spare().capacity() == 0);
    }

    #[test]
    fn closed_slots_are_left_one_by_one() {
        let mut line = Line::new();
        let places: Vec<_> = (0..3).map(|n| enter(&mut line, n)).collect();
        assert_eq!(std::iter::from_fn(|| line.close_first()).count(), 3);
        assert!(line.take_first().is_none());
        for (n, place) in (0..).zip(places) {
            assert_eq!(line.withdraw(place).map(|offer| offer.message), Some(n));
        }
        assert_eq!(line.len(), 0);
    }
}
