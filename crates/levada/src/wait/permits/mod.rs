//! A counted semaphore with a FIFO queue of waiters. The caller keeps it under a lock.
//!
//! # Layout
//! ```text
//! capacity = queued + reserved + free        queued: messages in storage, passed by the caller
//! free     = granted + available             granted: set aside for waiters that were woken
//!
//! waiters:  G G G W W W W                    G granted, W waiting
//!                 ^ first_waiting
//! ```
//! As in tokio's semaphore, capacity that becomes free is *granted* to the first waiters: it is set
//! aside for them, and they are woken. A granted waiter acquires its permits when it is polled. A
//! new caller acquires only what is available, and nothing while a waiter waits, so the order is
//! FIFO.
//!
//! What differs from a textbook semaphore: a grant that its waiter does not claim can *expire*, so
//! that a task which is never polled again does not block the channel. [`expiry`] has the rules.
//!
//! # States of a waiter
//! | state                    | in the queue | holds a grant | what its next poll does               |
//! |--------------------------|--------------|---------------|---------------------------------------|
//! | `Idle`                   | no           | no            | acquires what is available, or waits  |
//! | `Waiting`                | yes          | no            | waits on                              |
//! | `Granted`                | yes          | yes           | acquires                              |
//! | `Expired`                | no           | no, it expired | acquires what is free, or waits at the front |
//! | `Closed`                 | no           | no            | learns that the channel is closed     |
//! | `ClosedWithGrant`        | no           | delays the end | learns that the channel is closed    |
//! | `ClosedWithPartialGrant` | no           | delays the end | learns that the channel is closed    |
//!
//! # Invariants
//! - **I1** `queued + reserved + granted <= capacity`.
//! - **I2** The queue is granted waiters followed by waiting ones; `first_waiting` is the boundary.
//! - **I3** `granted` is the sum of the needs of the granted waiters.
//! - **I4** After [`grant_waiters`](Permits::grant_waiters) the first waiting one needs more than
//!   is free and not granted. So a caller that frees capacity grants.
//! - **I5** Expiry changes no count but `granted`: an expired waiter holds nothing.
//! - **I6** `expiring` is the number of granted waiters whose grant may expire: those that do not
//!   block a thread.
//!
//! # Checked by
//! `tests` below (a random walk against a plain model), `model`, and the models of mpsc and mpmc.
#![forbid(unsafe_code)]

pub(crate) mod expiry;
mod weights;

use core::pin::Pin;
use core::task::Waker;

use self::expiry::Expiry;
use super::list::{List, Node, Place, State};
use crate::util::WakeBatch;

/// The result of trying to acquire permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollAcquire {
    /// The caller [dequeues](Permits::dequeue) the waiter and takes the permits, now.
    Acquired,
    /// The caller counts a [refusal](Permits::count_refusal), and
    /// [enqueues](Permits::enqueue) the waiter if it is not in the queue.
    Wait,
    /// The channel is closed: the caller dequeues the waiter.
    Closed,
}

/// A bit of `Permits::flags`: the semaphore is closed.
const CLOSED: u8 = 1;
/// A bit of `Permits::flags`: some reserved places may belong to messages of a backlog.
const HAS_BACKLOG: u8 = 2;
/// A bit of `Permits::flags`: there are such messages, so that a receive frees a place.
const IN_BACKLOG: u8 = 4;

/// Counted capacity, and the queue of waiters for it.
#[derive(Debug)]
pub(crate) struct Permits {
    capacity: usize,
    reserved: usize,
    granted: usize,
    first_waiting: Option<Place>,
    waiters: List,
    /// [`CLOSED`], [`HAS_BACKLOG`], [`IN_BACKLOG`].
    flags: u8,
    /// Waiters that were granted permits when the channel closed, and have not been polled since.
    unclaimed: u32,
    /// Whether one more waiter was granted a part of what it needs.
    unclaimed_part: bool,
    /// How many grants may expire (I6).
    expiring: u32,
    expiry: Expiry,
}

impl Permits {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            reserved: 0,
            granted: 0,
            first_waiting: None,
            waiters: List::new(),
            flags: 0,
            unclaimed: 0,
            unclaimed_part: false,
            expiring: 0,
            expiry: Expiry::new(),
        }
    }

    /// Capacity that is reserved, or granted to waiters.
    #[cfg(feature = "observe")]
    pub(crate) fn taken(&self) -> usize {
        self.reserved + self.granted
    }

    /// Whether a waiter waits that was not granted anything.
    pub(crate) fn has_waiting(&self) -> bool {
        self.first_waiting.is_some()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.flags & CLOSED != 0
    }

    /// From now on, messages are stored in a backlog, each with a place that is reserved.
    pub(crate) fn set_backlog(&mut self) {
        self.flags |= HAS_BACKLOG;
    }

    /// A message was stored in the backlog: its place is reserved.
    pub(crate) fn enter_backlog(&mut self) {
        self.reserve(1);
        self.flags |= IN_BACKLOG;
    }

    /// So many messages have left the backlog; `was_last` if none is left.
    pub(crate) fn leave_backlog(&mut self, messages: usize, was_last: bool) {
        self.release(messages);
        if was_last {
            self.flags &= !IN_BACKLOG;
        }
    }

    /// Whether the semaphore may be [exhausted](Self::is_exhausted), or there may be a backlog: one
    /// question for a receiver that finds nothing, which mostly has neither.
    #[inline]
    pub(crate) fn may_be_exhausted(&self) -> bool {
        self.flags != 0 && (self.flags & HAS_BACKLOG != 0 || self.is_exhausted())
    }

    /// Whether the semaphore is closed and no permit is out or granted.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_closed() && self.reserved == 0 && self.unclaimed == 0 && !self.unclaimed_part
    }

    /// How many permits a new caller can acquire. `queued` may be too high, never too low.
    #[inline]
    pub(crate) fn available(&self, queued: usize) -> usize {
        if self.has_waiting() { 0 } else { self.ungranted(queued) }
    }

    /// How many permits are free and not granted.
    #[inline]
    fn ungranted(&self, queued: usize) -> usize {
        self.capacity.saturating_sub(queued + self.reserved + self.granted)
    }

    /// Counts the refusal of a caller that does not wait. Answers whether grants expired by it.
    pub(crate) fn count_refused_try(&mut self, queued: usize) -> bool {
        let expires = self.waits_for_grants(queued) && self.expiry.count_try();
        if expires {
            self.expire_grants();
        }
        expires
    }

    /// Marks permits as out.
    pub(crate) fn reserve(&mut self, permits: usize) {
        self.reserved += permits;
    }

    /// Takes permits back, unused or turned into messages. If they were unused, the caller grants.
    pub(crate) fn release(&mut self, permits: usize) {
        debug_assert!(permits <= self.reserved, "permits come back once");
        self.reserved -= permits;
    }

    /// Whether the waiter can acquire `need` permits now. `queued` is exact.
    pub(crate) fn poll_acquire(
        &mut self,
        node: Pin<&Node>,
        need: usize,
        queued: usize,
    ) -> PollAcquire {
        if self.is_closed() {
            return PollAcquire::Closed;
        }
        let state = self.waiters.entry(node).state;
        let acquired = match state {
            State::Granted => true,
            State::Idle
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => need <= self.available(queued),
            // It was in the queue before all that wait now.
            State::Expired => need <= self.ungranted(queued),
            State::Waiting => false,
        };
        if !acquired {
            return PollAcquire::Wait;
        }
        self.expiry.forget_tries();
        if state == State::Expired {
            self.expiry.learn();
        }
        PollAcquire::Acquired
    }

    /// Counts that the waiter was polled in vain, once for each poll. Answers whether it must be
    /// polled again soon, since a grant may expire.
    pub(crate) fn count_refusal(&mut self, node: Pin<&Node>, queued: usize) -> bool {
        let counts = self.waits_for_grants(queued);
        let entry = self.waiters.entry(node);
        if !counts {
            entry.refusals = 0;
        } else if self.expiry.count_poll(&mut entry.refusals) {
            // The caller grants to the waiter that is first now.
            self.expire_grants();
        }
        counts
    }

    /// The same for the receiver that waits and finds no message: counts in `refusals`, and tells
    /// whether it must be polled again soon.
    pub(crate) fn count_receiver_poll(&mut self, refusals: &mut u16) -> bool {
        let part_only = self.is_closed() && self.reserved == 0 && self.unclaimed_part;
        if !part_only && !self.needs_receiver(0) {
            *refusals = 0;
            return false;
        }
        *refusals += 1;
        if *refusals >= self.expiry.limit() {
            *refusals = 0;
            self.unclaimed = 0;
            self.unclaimed_part = false;
            self.expire_grants();
        }
        true
    }

    /// The same for a receiver that does not wait (`try_recv`): counted with those of `try_send`.
    pub(crate) fn count_receiver_try(&mut self) {
        let mut tries = self.expiry.tries();
        if self.count_receiver_poll(&mut tries) {
            self.expiry.set_tries(tries);
        }
    }

    /// Puts a waiter with this waker into the queue, if it is not in it. `blocking` if a thread
    /// blocks until the waiter has acquired, so that it is sure to be polled. Returns the old
    /// waker, to be dropped outside the lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(crate) fn enqueue(
        &mut self,
        node: Pin<&Node>,
        need: usize,
        waker: Waker,
        blocking: bool,
    ) -> Option<Waker> {
        let entry = self.waiters.entry(node);
        let old = entry.waker.replace(waker);
        entry.need = need;
        entry.blocking = blocking;
        match entry.state {
            State::Waiting | State::Granted => {}
            State::Expired => {
                entry.state = State::Waiting;
                self.waiters.insert_before(self.first_waiting, node);
                self.first_waiting = Some(self.waiters.place_of(node));
                self.expiry.learn();
            }
            State::Idle
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => {
                entry.state = State::Waiting;
                self.waiters.push_back(node);
                if self.first_waiting.is_none() {
                    self.first_waiting = Some(self.waiters.place_of(node));
                }
            }
        }
        old
    }

    /// Whether the waiter waits in the queue with a waker for the same task.
    pub(crate) fn is_enqueued(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        let entry = self.waiters.entry(node);
        entry.state == State::Waiting
            && entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Takes a waiter out, whatever its state; what it was granted is free again. Returns its
    /// waker, to be dropped outside the lock.
    pub(crate) fn dequeue(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let entry = self.waiters.entry(node);
        let (state, need, waker) = (entry.state, entry.need, entry.waker.take());
        let refusals = core::mem::take(&mut entry.refusals);
        let blocking = entry.blocking;
        entry.expiries = 0;
        entry.state = State::Idle;
        match state {
            State::Granted => {
                self.granted -= need;
                self.expiring -= u32::from(!blocking);
                self.expiry.note_claim(self.expiring);
            }
            State::Waiting => {
                // Its refusals are kept: a task may make a new send for each poll.
                self.expiry.inherit(refusals);
                let place = self.waiters.place_of(node);
                if self.first_waiting == Some(place) {
                    self.first_waiting = self.waiters.next(place);
                }
            }
            // Saturating: the receiver may have let the grant expire.
            State::ClosedWithGrant => self.unclaimed = self.unclaimed.saturating_sub(1),
            State::ClosedWithPartialGrant => self.unclaimed_part = false,
            State::Idle | State::Expired | State::Closed => {}
        }
        self.waiters.remove(node);
        self.waiters.unbind(node);
        waker
    }

    /// Grants free capacity to waiters, in order. Answers whether the batch had no room for more.
    /// `queued` is exact.
    pub(crate) fn grant_waiters(&mut self, queued: usize, batch: &mut WakeBatch) -> bool {
        while batch.has_room() {
            let Some(waker) = self.grant_first(queued) else {
                return false;
            };
            waker.into_iter().for_each(|waker| batch.push(waker));
        }
        self.has_grantable(queued)
    }

    /// Grants the first waiting one what it needs, if that is free, and returns its waker. `queued`
    /// is exact.
    #[inline]
    #[must_use = "wake it after the lock is released"]
    pub(crate) fn grant_first(&mut self, queued: usize) -> Option<Option<Waker>> {
        let place = self.first_waiting?;
        let ungranted = self.ungranted(queued);
        let entry = self.waiters.entry_at(place);
        if entry.need > ungranted {
            return None;
        }
        entry.state = State::Granted;
        self.granted += entry.need;
        if !entry.blocking {
            self.expiring += 1;
            self.expiry.note_grant(entry.expiries);
        }
        let waker = entry.waker.take();
        self.first_waiting = self.waiters.next(place);
        Some(waker)
    }

    /// Grants a waiter that is not in the queue what the caller has found free for it. The waiter
    /// is polled again in any case, and is not woken.
    pub(crate) fn grant_newcomer(&mut self, node: Pin<&Node>, need: usize) {
        let entry = self.waiters.entry(node);
        entry.state = State::Granted;
        entry.need = need;
        entry.blocking = false;
        self.granted += need;
        self.expiring += 1;
        self.waiters.insert_before(self.first_waiting, node);
    }

    /// Acquires for a waiter that was granted, and dequeues it. Answers whether it was granted.
    #[inline]
    pub(crate) fn acquire_granted(&mut self, node: Pin<&Node>) -> bool {
        if self.waiters.entry(node).state != State::Granted {
            return false;
        }
        let woken = self.dequeue(node);
        debug_assert!(woken.is_none(), "a granted waiter was woken");
        true
    }

    /// Whether the first waiting one could be granted what it needs (I4).
    pub(crate) fn has_grantable(&mut self, queued: usize) -> bool {
        let ungranted = self.ungranted(queued);
        self.first_waiting.is_some_and(|place| self.waiters.entry_at(place).need <= ungranted)
    }

    /// Closes the semaphore and empties the queue. Answers whether the batch had no room for all
    /// wakers.
    ///
    /// A waiter that was granted permits, in full or, as the first that waits, in part, delays the
    /// end until it is polled or dropped, as in tokio, where it owns those permits. If it is never
    /// polled, the receiver lets the grant expire
    /// ([`count_receiver_poll`](Self::count_receiver_poll)).
    pub(crate) fn close(&mut self, queued: usize, batch: &mut WakeBatch) -> bool {
        if !self.is_closed() {
            self.mark_closed(queued);
        }
        while batch.has_room() {
            let Some(entry) = self.waiters.pop_front() else {
                return false;
            };
            if let Some(waker) = entry.waker.take() {
                batch.push(waker);
            }
        }
        !self.waiters.is_empty()
    }

    /// How many waiters are in the queue.
    pub(crate) fn waiters(&self) -> usize {
        self.waiters.len()
    }

    /// Takes the first waiters out of the queue, at most `left` of them, whether they were granted
    /// or not: for a caller that does not need capacity any more. Each begins again when it is
    /// polled. Answers whether the batch had no room for all.
    pub(crate) fn expel(&mut self, left: &mut usize, batch: &mut WakeBatch) -> bool {
        while *left > 0 && batch.has_room() {
            let Some(place) = self.waiters.front() else {
                return false;
            };
            *left -= 1;
            let next = self.waiters.next(place);
            let entry = self.waiters.entry_at(place);
            let (need, blocking) = (entry.need, entry.blocking);
            let was_granted = core::mem::take(&mut entry.state) == State::Granted;
            if let Some(waker) = entry.waker.take() {
                batch.push(waker);
            }
            self.waiters.unlink(place);
            if was_granted {
                self.granted -= need;
                self.expiring -= u32::from(!blocking);
                self.expiry.note_claim(self.expiring);
            } else {
                self.first_waiting = next;
            }
        }
        *left > 0 && !self.waiters.is_empty()
    }

    fn mark_closed(&mut self, queued: usize) {
        self.flags |= CLOSED;
        // Free capacity belongs to the waiters, in order, also where it was not granted yet.
        let mut free = self.ungranted(queued);
        let mut next = self.waiters.front();
        while let Some(place) = next {
            let entry = self.waiters.entry_at(place);
            entry.state = match entry.state {
                State::Granted => State::ClosedWithGrant,
                _ if entry.need <= free => {
                    free -= entry.need;
                    State::ClosedWithGrant
                }
                _ if free > 0 => {
                    free = 0;
                    State::ClosedWithPartialGrant
                }
                _ => State::Closed,
            };
            self.unclaimed += u32::from(entry.state == State::ClosedWithGrant);
            self.unclaimed_part |= entry.state == State::ClosedWithPartialGrant;
            next = self.waiters.next(place);
        }
        (self.granted, self.expiring) = (0, 0);
        self.expiry.note_end();
        self.first_waiting = None;
    }

    /// Whether an unclaimed grant stands between the channel and its end, or a waiter: a receiver
    /// has to count, so that the grant expires. Without a waiter this can wait for the next caller,
    /// which counts.
    ///
    /// A partial grant is not considered: as in tokio, the return of the last permit must not wake
    /// the receiver then. The receiver counts when it is polled for another reason
    /// ([`count_receiver_poll`](Self::count_receiver_poll)).
    pub(crate) fn needs_receiver(&self, queued: usize) -> bool {
        let delays_end = self.is_closed() && self.reserved == 0 && self.unclaimed > 0;
        queued == 0 && delays_end || self.waits_for_grants(queued) && self.has_waiting()
    }

    /// Whether only grants that may expire stand between the channel and progress.
    fn waits_for_grants(&self, queued: usize) -> bool {
        queued == 0 && self.expiring > 0 && self.flags & IN_BACKLOG == 0
    }

    /// Takes back the grants that may expire.
    fn expire_grants(&mut self) {
        self.expiring = 0;
        self.expiry.note_end();
        self.expiry.forget_tries();
        let mut next = self.waiters.front();
        while let Some(place) = next {
            next = self.waiters.next(place);
            let entry = self.waiters.entry_at(place);
            if entry.state != State::Granted {
                break;
            }
            if !entry.blocking {
                entry.state = State::Expired;
                entry.expiries = expiry::MAX_EXPIRIES.min(entry.expiries + 1);
                self.granted -= entry.need;
                self.waiters.unlink(place);
            }
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
