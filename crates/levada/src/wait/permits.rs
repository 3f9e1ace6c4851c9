//! Counted capacity, handed out in the order of asking. To be kept under a lock.
//!
//! # Layout
//! ```text
//! capacity = queued + reserved + free          queued: messages in storage, told by the caller
//! free     = granted + available               granted: promised to waiters that were woken
//!
//! line:  G G G W W W W                         G granted, W waiting
//!              ^ first_waiting
//! ```
//! A waiter whose turn has come is *granted*: it is woken, and what it needs is promised to it. It
//! takes its permits when it is polled. Who comes anew finds only what is available, and nothing
//! while somebody waits: that is the fairness.
//!
//! A granted waiter may never come: forgotten, or kept by a task that waits for something else
//! first ("futurelock"). So a promise can lapse. It does when nothing else can happen in the
//! channel: no message is queued (so no receive will free capacity), and somebody who could go on
//! with the promised capacity, a sender or the receiver, has come back [`GRACE`] times and found
//! the promise untaken. Whoever is refused that way wakes itself, so the rest of its executor's
//! tasks get to run in between: on a single-threaded runtime once around is enough for every waiter
//! that is alive. A waiter whose turn lapsed leaves the line and takes its place at the front again
//! when it does come.
//!
//! # Patience
//! [`GRACE`] polls may take a microsecond, and a thread that sleeps needs 5 to 50 to wake up. A
//! waiter that is alive on another thread must not lose its turn for that:
//! - A thread that blocks in the call is alive and polls nothing else. Its grant is *lasting*: it
//!   never lapses.
//! - A task may run on a worker thread that sleeps. Each waiter that comes after its grant lapsed
//!   shows that this channel's waiters come late: from then on grants outlive twice as many polls,
//!   up to [`MOST_LEARNED`].
//! - A waiter whose own grant lapsed, and that came, is granted twice the polls each time, up to
//!   [`MOST_LAPSES`] times. So a waiter that comes within [`MOST_LEARNED`] `<<` [`MOST_LAPSES`]
//!   polls of the others loses its turn a bounded number of times.
//!
//! # Invariants
//! - **I1** `queued + reserved + granted <= capacity`.
//! - **I2** The line is granted waiters followed by waiting ones; `first_waiting` is the boundary.
//! - **I3** `granted` is the sum of the needs of the granted waiters.
//! - **I4** After [`settle`](Permits::settle) the first waiting one needs more than is free beyond
//!   the promises. So whenever capacity is freed the caller settles.
//! - **I5** Lapsing changes no count but `granted`: a lapsed waiter holds nothing.
//! - **I6** `passing` is the number of granted waiters whose grant may lapse. `lapses` is at least
//!   the number of lapses of each of them, and 0 if there is none.
//!
//! # Progress
//! A promise to a task that is not taken delays the others by at most [`GRACE`] polls of one of
//! them, or of the receiver, and by more where waiters have come late (see Patience). Somebody has
//! to poll: who sleeps in line already is helped by a receiver that waits for a message, or tries,
//! or by a sender that comes anew. A waiter that cannot be granted what it needs keeps its place in
//! line, polled or not.
//!
//! # Checked by
//! `tests` below (a random walk against a plain model), `model`, and the models of mpsc and mpmc.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::Waker;

use super::list::{List, Node, Place, State};
use crate::util::WakeBatch;

/// How many polls a promise outlives in an otherwise idle channel. In a model fewer: each of them
/// is a branch of its own, and the steps are the same.
pub(crate) const GRACE: u16 = if cfg!(all(loom, feature = "loom")) { 2 } else { 8 };

/// The most polls that a channel learns to give its grants, when waiters come late. In polls of a
/// single-threaded runtime, of some 100 nanoseconds each, twice what a thread needs to wake up.
pub(crate) const MOST_LEARNED: u16 = GRACE << if cfg!(all(loom, feature = "loom")) { 1 } else { 7 };

/// How often the polls are doubled for one waiter.
pub(crate) const MOST_LAPSES: u8 = if cfg!(all(loom, feature = "loom")) { 1 } else { 5 };

/// What came of asking for permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has come: the caller lets the waiter [`leave`](Permits::leave) and takes the permits,
    /// now.
    Taken,
    /// The waiter is [refused](Permits::refuse), and in line or has to get in line:
    /// [`enter`](Permits::enter).
    Wait,
    /// The channel closed: the caller lets the waiter leave.
    Closed,
}

/// Counted capacity and the line of those who wait for it.
#[derive(Debug)]
pub(crate) struct Permits {
    capacity: usize,
    reserved: usize,
    granted: usize,
    first_waiting: Option<Place>,
    line: List,
    closed: bool,
    /// Waiters that were promised something when the channel closed, and have not come since.
    holding: u32,
    /// Whether one more of them was promised a part of what it needs.
    holding_part: bool,
    /// Refusals of those who do not wait (`try_send`, `try_recv`) or wait no more, since a promise
    /// was last taken or given back.
    refusals: u16,
    /// How many waiters are granted whose grant may lapse (I6).
    passing: u32,
    /// How many polls a grant outlives, as the waiters of this channel have taught it.
    learned: u16,
    /// The most lapses of a waiter that is granted now (I6).
    lapses: u8,
}

impl Permits {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            reserved: 0,
            granted: 0,
            first_waiting: None,
            line: List::new(),
            closed: false,
            holding: 0,
            holding_part: false,
            refusals: 0,
            passing: 0,
            learned: GRACE,
            lapses: 0,
        }
    }

    /// Whether somebody is in line whom freed capacity might serve.
    pub(crate) fn has_waiting(&self) -> bool {
        self.first_waiting.is_some()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether no permit is out and none will be given any more.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.closed && self.reserved == 0 && self.holding == 0 && !self.holding_part
    }

    /// What a newcomer would find. `queued` may be too high, never too low.
    #[inline]
    pub(crate) fn available(&self, queued: usize) -> usize {
        if self.has_waiting() { 0 } else { self.unpromised(queued) }
    }

    /// What is free and promised to nobody, the line's own if somebody waits.
    #[inline]
    fn unpromised(&self, queued: usize) -> usize {
        self.capacity.saturating_sub(queued + self.reserved + self.granted)
    }

    /// Counts the refusal of somebody who does not wait. Answers whether promises lapsed by it.
    pub(crate) fn refuse_newcomer(&mut self, queued: usize) -> bool {
        if !self.is_stuck(queued) {
            return false;
        }
        self.refusals += 1;
        let lapses = self.refusals >= self.patience();
        if lapses {
            self.lapse();
        }
        lapses
    }

    /// Marks permits as out.
    pub(crate) fn reserve(&mut self, permits: usize) {
        self.reserved += permits;
    }

    /// Takes permits back, unused or turned into messages. The caller settles if they were unused.
    pub(crate) fn release(&mut self, permits: usize) {
        debug_assert!(permits <= self.reserved, "permits come back once");
        self.reserved -= permits;
    }

    /// Whether the waiter's turn has come, for `need` permits. `queued` is exact.
    pub(crate) fn poll_turn(&mut self, node: Pin<&Node>, need: usize, queued: usize) -> Turn {
        if self.closed {
            return Turn::Closed;
        }
        let state = self.line.entry(node).state;
        let taken = match state {
            State::Granted => true,
            State::Idle | State::Closed | State::Holding | State::HoldingPart => {
                need <= self.available(queued)
            }
            // Its turn came before that of all who are waiting now.
            State::Lapsed => need <= self.unpromised(queued),
            State::Waiting => false,
        };
        if taken {
            self.refusals = 0;
            if state == State::Lapsed {
                self.learn();
            }
            return Turn::Taken;
        }
        Turn::Wait
    }

    /// Counts that the waiter was polled before its turn, once for a poll. Answers whether it must
    /// be polled again soon, since a promise may lapse.
    pub(crate) fn refuse(&mut self, node: Pin<&Node>, queued: usize) -> bool {
        let stuck = self.is_stuck(queued);
        let entry = self.line.entry(node);
        if !stuck {
            entry.refusals = 0;
            return false;
        }
        entry.refusals += 1;
        // With those of others who have given up since.
        let refusals = entry.refusals + self.refusals;
        if refusals >= self.patience() {
            self.line.entry(node).refusals = 0;
            // Whoever is first in line now is granted when the caller settles.
            self.lapse();
        }
        true
    }

    /// The same for the receiver, who waits for a message and finds none: counts its refusals in
    /// `refusals`, lets promises lapse, and tells whether it must be polled again soon.
    pub(crate) fn poll_idle(&mut self, refusals: &mut u16) -> bool {
        let part_only = self.closed && self.reserved == 0 && self.holding_part;
        if !part_only && !self.is_blocked(0) {
            *refusals = 0;
            return false;
        }
        *refusals += 1;
        if *refusals >= self.patience() {
            *refusals = 0;
            self.holding = 0;
            self.holding_part = false;
            self.lapse();
        }
        true
    }

    /// The same for a receiver that does not wait (`try_recv`): counted with those of `try_send`.
    pub(crate) fn try_idle(&mut self) {
        let mut refusals = self.refusals;
        if self.poll_idle(&mut refusals) {
            self.refusals = refusals;
        }
    }

    /// Puts a waiter in line if it is not there yet, with this waker. `lasting` if a thread blocks
    /// until the waiter has its turn, so that it is sure to come. Gives back the old waker, to be
    /// dropped outside the lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(crate) fn enter(
        &mut self,
        node: Pin<&Node>,
        need: usize,
        waker: Waker,
        lasting: bool,
    ) -> Option<Waker> {
        let entry = self.line.entry(node);
        let old = entry.waker.replace(waker);
        entry.need = need;
        entry.lasting = lasting;
        match entry.state {
            State::Waiting | State::Granted => {}
            State::Lapsed => {
                entry.state = State::Waiting;
                self.line.insert_before(self.first_waiting, node);
                self.first_waiting = Some(self.line.place_of(node));
                self.learn();
            }
            State::Idle | State::Closed | State::Holding | State::HoldingPart => {
                entry.state = State::Waiting;
                self.line.push_back(node);
                if self.first_waiting.is_none() {
                    self.first_waiting = Some(self.line.place_of(node));
                }
            }
        }
        old
    }

    /// Whether the waiter is in line with a waker for the same task.
    pub(crate) fn is_entered(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        let entry = self.line.entry(node);
        entry.state == State::Waiting
            && entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Takes a waiter out, whatever its state; what was promised to it is free again. Gives back
    /// its waker, to be dropped outside the lock.
    pub(crate) fn leave(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let entry = self.line.entry(node);
        let (state, need, waker) = (entry.state, entry.need, entry.waker.take());
        let refusals = core::mem::take(&mut entry.refusals);
        let lasting = entry.lasting;
        entry.lapses = 0;
        entry.state = State::Idle;
        match state {
            State::Granted => {
                self.granted -= need;
                self.passing -= u32::from(!lasting);
                if self.passing == 0 {
                    self.lapses = 0;
                }
                self.refusals = 0;
            }
            State::Waiting => {
                // Its patience is not lost: a task may make its send anew for each poll.
                self.refusals = self.patience().min(self.refusals + refusals);
                let place = self.line.place_of(node);
                if self.first_waiting == Some(place) {
                    self.first_waiting = self.line.next(place);
                }
            }
            // Saturating: the receiver may have lost its patience.
            State::Holding => self.holding = self.holding.saturating_sub(1),
            State::HoldingPart => self.holding_part = false,
            State::Idle | State::Lapsed | State::Closed => {}
        }
        self.line.remove(node);
        self.line.unbind(node);
        waker
    }

    /// Grants what is free to those in line, in order. Answers whether more remain than the batch
    /// has room for. `queued` is exact.
    pub(crate) fn settle(&mut self, queued: usize, batch: &mut WakeBatch) -> bool {
        while batch.has_room() {
            let Some(waker) = self.grant_first(queued) else {
                return false;
            };
            waker.into_iter().for_each(|waker| batch.push(waker));
        }
        !self.is_settled(queued)
    }

    /// Grants the first in line what it needs, if that is free, and gives its waker. `queued` is
    /// exact.
    #[inline]
    #[must_use = "wake it after the lock is released"]
    pub(crate) fn grant_first(&mut self, queued: usize) -> Option<Option<Waker>> {
        let place = self.first_waiting?;
        let unpromised = self.unpromised(queued);
        let entry = self.line.entry_at(place);
        if entry.need > unpromised {
            return None;
        }
        entry.state = State::Granted;
        self.granted += entry.need;
        if !entry.lasting {
            self.passing += 1;
            self.lapses = self.lapses.max(entry.lapses);
        }
        let waker = entry.waker.take();
        self.first_waiting = self.line.next(place);
        Some(waker)
    }

    /// Grants a waiter that is not in line what the caller has found free for it. It is polled
    /// again anyhow, and not woken.
    pub(crate) fn grant_newcomer(&mut self, node: Pin<&Node>, need: usize) {
        let entry = self.line.entry(node);
        entry.state = State::Granted;
        entry.need = need;
        entry.lasting = false;
        self.granted += need;
        self.passing += 1;
        self.line.insert_before(self.first_waiting, node);
    }

    /// Takes the turn of a waiter that was granted one, and takes the waiter out. Answers whether
    /// it was.
    #[inline]
    pub(crate) fn take_granted(&mut self, node: Pin<&Node>) -> bool {
        if self.line.entry(node).state != State::Granted {
            return false;
        }
        let woken = self.leave(node);
        debug_assert!(woken.is_none(), "who has its turn was woken");
        true
    }

    /// Whether nobody in line could be granted anything now (I4).
    pub(crate) fn is_settled(&mut self, queued: usize) -> bool {
        let unpromised = self.unpromised(queued);
        self.first_waiting.is_none_or(|place| self.line.entry_at(place).need > unpromised)
    }

    /// Refuses everybody from now on; empties the line. Answers whether more remain than the batch
    /// has room for.
    ///
    /// Who was promised something, in full or, as the first that waits, in part, holds back the end
    /// until it comes or goes: as in tokio, where it owns those permits. If it never does, the
    /// receiver loses its patience ([`poll_idle`](Self::poll_idle)).
    pub(crate) fn close(&mut self, queued: usize, batch: &mut WakeBatch) -> bool {
        if !self.closed {
            self.mark_closed(queued);
        }
        while batch.has_room() {
            let Some(entry) = self.line.pop_front() else {
                return false;
            };
            if let Some(waker) = entry.waker.take() {
                batch.push(waker);
            }
        }
        !self.line.is_empty()
    }

    fn mark_closed(&mut self, queued: usize) {
        self.closed = true;
        // What is free is the line's, in order, also where it was not handed on yet.
        let mut free = self.unpromised(queued);
        let mut next = self.line.front();
        while let Some(place) = next {
            let entry = self.line.entry_at(place);
            entry.state = match entry.state {
                State::Granted => State::Holding,
                _ if entry.need <= free => {
                    free -= entry.need;
                    State::Holding
                }
                _ if free > 0 => {
                    free = 0;
                    State::HoldingPart
                }
                _ => State::Closed,
            };
            self.holding += u32::from(entry.state == State::Holding);
            self.holding_part |= entry.state == State::HoldingPart;
            next = self.line.next(place);
        }
        (self.granted, self.passing, self.lapses) = (0, 0, 0);
        self.first_waiting = None;
    }

    /// Whether a promise stands between the channel and its end, or somebody in line: a receiver
    /// has to watch over it. Without anybody in line there is no hurry: who comes anew sees to it
    /// ([`poll_turn`](Self::poll_turn)).
    ///
    /// The part of a promise is not counted: as in tokio, the return of the last permit must not
    /// wake the receiver while somebody holds it. The receiver watches over it when it is polled
    /// anyhow ([`poll_idle`](Self::poll_idle)).
    pub(crate) fn is_blocked(&self, queued: usize) -> bool {
        let holds_back_end = self.closed && self.reserved == 0 && self.holding > 0;
        queued == 0 && holds_back_end || self.is_stuck(queued) && self.has_waiting()
    }

    /// Whether only promises that may lapse stand between the channel and progress.
    fn is_stuck(&self, queued: usize) -> bool {
        queued == 0 && self.passing > 0
    }

    /// A waiter came after its turn had lapsed.
    fn learn(&mut self) {
        self.learned = MOST_LEARNED.min(2 * self.learned);
    }

    /// How many refusals the promises outlive.
    fn patience(&self) -> u16 {
        self.learned << self.lapses
    }

    /// Takes the promises back that may lapse.
    fn lapse(&mut self) {
        (self.refusals, self.passing, self.lapses) = (0, 0, 0);
        let mut next = self.line.front();
        while let Some(place) = next {
            next = self.line.next(place);
            let entry = self.line.entry_at(place);
            if entry.state != State::Granted {
                break;
            }
            if !entry.lasting {
                entry.state = State::Lapsed;
                entry.lapses = MOST_LAPSES.min(entry.lapses + 1);
                self.granted -= entry.need;
                self.line.unlink(place);
            }
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
