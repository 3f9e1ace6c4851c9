//! The line of waiting receivers, and the messages that are promised to them. To be kept under a
//! lock.
//!
//! # Layout
//! ```text
//! queued = promised + unpromised
//!
//! line:  G G G W W W         G granted, W waiting
//!              ^ first_waiting
//! ```
//! A message that is sent is promised to the receiver that has waited longest: that receiver is
//! *granted* and woken. A promise is a count, not a message: whichever receiver comes takes the
//! oldest message, as long as one is left for each promise. A newcomer finds only what is
//! unpromised.
//!
//! A granted receiver may never come: forgotten, or kept by a task that waits for something else
//! first ("futurelock"). So a promise lapses, the one at the front of the line first. Each attempt
//! to use the channel that this promise thwarts is a *refusal*; after [`patience`] of them the
//! receiver leaves the line, and the next waiting receiver is granted the message. A lapsed
//! receiver that comes after all takes its old place in the line, and its next promise lasts 16
//! times as long. So a receiver whose thread takes long to wake up is served after a few wake-ups,
//! and a forgotten one costs 64 refusals, once.
//!
//! The promise of a receiver that blocks its thread does not lapse: such a thread does nothing
//! else, so it comes. While it stands at the front, no receiver counts or polls for it; when it has
//! come, a waiting receiver is woken to count against the promise behind it.
//!
//! # States
//! | state     | linked | waker | holds a promise |
//! |-----------|--------|-------|-----------------|
//! | `Idle`    | no     | no    | no              |
//! | `Waiting` | yes    | yes, unless it was woken to look | no |
//! | `Granted` | yes    | no    | yes             |
//! | `Lapsed`  | no     | no    | no: its promise lapsed, or all were woken |
//!
//! | from                | to        | by                                                        |
//! |---------------------|-----------|-----------------------------------------------------------|
//! | `Idle`, `Lapsed`    | `Waiting` | [`enter`](Line::enter)                                    |
//! | `Waiting`           | `Granted` | [`grant_one`](Parked::grant_one)                          |
//! | `Waiting`           | `Lapsed`  | [`take_all`](Parked::take_all)                            |
//! | `Granted`           | `Lapsed`  | a refusal                                                 |
//! | any                 | `Idle`    | [`leave`](Line::leave)                                    |
//!
//! # Invariants
//! - **I1** The line is granted receivers followed by waiting ones; `first_waiting` is the
//!   boundary. The waiting ones stand in the order of their arrival.
//! - **I2** `promised` is the number of granted receivers, and at most the number of queued
//!   messages.
//! - **I3** While a receiver waits, no message is unpromised. So whenever a promise ends without
//!   its message, the caller grants it to the next ([`settle`](Line::settle)), in the same step.
//! - **I4** Refusals count against the promise at the front. Each promise has a number of its own
//!   (`Entry::promise`); a waiting receiver notes the number of the one that it counts against.
//!
//! # Who counts
//! A receiver that waits counts its own refusals and wakes itself, so that on a single-threaded
//! executor every live task runs between two of them, however many receivers count. Those that do
//! not stay (`try_recv`, a cancelled receive, a sender that finds the channel full, a receiver that
//! takes a message and leaves one behind) share one count, which the granted receiver at the front
//! keeps.
//!
//! # Checked by
//! `mpmc::model`, and `tests/spec`, whose model has the same promises.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::Waker;

use crate::prim::IS_MODEL;
use crate::queue::chan::Parked;
use crate::util::WakeBatch;
use crate::wait::list::{Entry, List, Node, Place, State};

/// How many refusals a promise outlives: 64, 1024, 16384, by how many promises its receiver has let
/// lapse.
/// - The first is above the 61 polls after which a current-thread runtime of tokio looks at its
///   main task.
/// - The last is a few milliseconds of polling.
///
/// In a model there are fewer: each refusal is a branch of its own, and the steps are the same.
fn patience(lapses: u8) -> u16 {
    if IS_MODEL { 2 << lapses.min(1) } else { 64 << (4 * lapses.min(2)) }
}

/// The line of waiting receivers.
#[derive(Debug)]
pub(crate) struct Line {
    list: List,
    first_waiting: Option<Place>,
    promised: u32,
    /// The next number, for an arrival or a promise.
    next_number: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self { list: List::new(), first_waiting: None, promised: 0, next_number: 0 }
    }
}

impl Parked for Line {
    const COUNTS_REFUSED_SENDERS: bool = true;

    fn take_one(&mut self) -> Option<Waker> {
        let mut next = self.first_waiting;
        while let Some(place) = next {
            // It keeps its place, without its waker. So those in front were woken already.
            if let Some(waker) = self.list.entry_at(place).waker.take() {
                return Some(waker);
            }
            next = self.list.next(place);
        }
        None
    }

    #[inline]
    fn grant_one(&mut self) -> Option<Waker> {
        if self.first_waiting.is_none() { None } else { self.grant_first() }
    }

    fn has_more(&self) -> bool {
        self.first_waiting.is_some()
    }

    fn take_overdue(&mut self) -> Option<Waker> {
        if self.first_waiting.is_none() { None } else { self.refuse_passing() }
    }

    fn take_all(&mut self, batch: &mut WakeBatch) -> bool {
        while batch.has_room()
            && let Some(place) = self.first_waiting
        {
            self.first_waiting = self.list.next(place);
            self.list.unlink(place);
            let entry = self.list.entry_at(place);
            entry.state = State::Lapsed;
            if let Some(waker) = entry.waker.take() {
                batch.push(waker);
            }
        }
        self.first_waiting.is_some()
    }
}

impl Line {
    /// Whether a message is promised to a receiver.
    #[inline]
    pub(super) fn has_promised(&self) -> bool {
        self.promised > 0
    }

    /// What a newcomer may take.
    #[inline]
    pub(super) fn unpromised(&self, queued: usize) -> usize {
        // Saturating: no receiver is left to count messages that are dropped with the last one.
        queued.saturating_sub(self.promised as usize)
    }

    /// What this receiver may take.
    pub(super) fn available(&mut self, node: Pin<&Node>, queued: usize) -> usize {
        self.unpromised(queued) + usize::from(self.is_granted(node))
    }

    /// Whether a message is promised to this receiver.
    pub(super) fn is_granted(&mut self, node: Pin<&Node>) -> bool {
        node.is_bound() && self.list.entry(node).state == State::Granted
    }

    /// Where this receiver counts how often it found a sender's promise untaken
    /// ([`Permits::poll_idle`](crate::wait::permits::Permits::poll_idle)).
    pub(super) fn idle_refusals<'a>(&'a mut self, node: Pin<&'a Node>) -> &'a mut u16 {
        &mut self.list.entry(node).refusals
    }

    /// Whether a promise may lapse, so that receivers that are refused have to count.
    pub(super) fn may_lapse(&mut self) -> bool {
        self.front_granted().is_some()
    }

    /// Whether this receiver is granted and blocks its thread, so that none counted while it was at
    /// the front.
    pub(super) fn is_lasting(&mut self, node: Pin<&Node>) -> bool {
        self.is_granted(node) && self.list.entry(node).lasting
    }

    /// Grants a message that became unpromised to the first waiting receiver (I3).
    #[must_use = "wake it after the lock is released"]
    pub(super) fn settle(&mut self, queued: usize) -> Option<Waker> {
        if self.unpromised(queued) > 0 { self.grant_one() } else { None }
    }

    /// Out of line, so that sending is inlined where no receiver waits.
    #[cold]
    fn grant_first(&mut self) -> Option<Waker> {
        let place = self.first_waiting?;
        self.first_waiting = self.list.next(place);
        self.promised += 1;
        let promise = self.number();
        let entry = self.list.entry_at(place);
        entry.state = State::Granted;
        entry.promise = promise;
        entry.refused = 0;
        entry.waker.take()
    }

    fn number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        number
    }

    /// The granted receiver at the front, if its promise may lapse.
    fn front_granted(&mut self) -> Option<&mut Entry> {
        if self.promised == 0 {
            return None;
        }
        let place = self.list.front()?;
        Some(self.list.entry_at(place)).filter(|entry| !entry.lasting)
    }

    /// Counts that a receiver in line was polled while all messages are promised to others. If a
    /// promise lapses by it, gives the waker of the receiver that is granted the message: perhaps
    /// this one.
    #[must_use = "wake it after the lock is released"]
    pub(super) fn refuse(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let front = self.front_granted()?;
        let (promise, passing) = (front.promise, front.refused);
        let entry = self.list.entry(node);
        if entry.promise != promise {
            entry.promise = promise;
            entry.refused = 0;
        }
        entry.refused += 1;
        let refusals = entry.refused.saturating_add(passing);
        self.lapse_after(refusals)
    }

    /// The same for one that does not stay. If no receiver waits for the message of a lapsed
    /// promise, it is unpromised then.
    #[must_use = "wake it after the lock is released"]
    pub(super) fn refuse_passing(&mut self) -> Option<Waker> {
        let front = self.front_granted()?;
        front.refused = front.refused.saturating_add(1);
        let refusals = front.refused;
        self.lapse_after(refusals)
    }

    /// Lets the promise at the front lapse if it was refused so often to one other.
    fn lapse_after(&mut self, refusals: u16) -> Option<Waker> {
        let place = self.list.front()?;
        let entry = self.list.entry_at(place);
        if refusals < patience(entry.lapses) {
            return None;
        }
        entry.state = State::Lapsed;
        entry.lapses = entry.lapses.saturating_add(1);
        self.list.unlink(place);
        self.promised -= 1;
        self.grant_one()
    }

    /// Takes a receiver out of the line, with or without the message that was promised to it:
    /// without, the caller settles. Gives back its waker, to be dropped outside the lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(super) fn leave(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let place = self.list.place_of(node);
        let entry = self.list.entry_at(place);
        let (state, promise, refused) = (entry.state, entry.promise, entry.refused);
        match state {
            State::Granted => self.promised -= 1,
            State::Waiting => {
                if let Some(front) = self.front_granted()
                    && front.promise == promise
                {
                    // Its patience is not lost: a task may make its receive anew for each poll.
                    front.refused = front.refused.saturating_add(refused);
                }
                if self.first_waiting == Some(place) {
                    self.first_waiting = self.list.next(place);
                }
            }
            State::Idle | State::Lapsed | State::Closed | State::Holding | State::HoldingPart => {}
        }
        self.list.remove(node);
        let entry = self.list.entry_at(place);
        entry.state = State::Idle;
        let waker = entry.waker.take();
        self.list.unbind(node);
        waker
    }

    /// Whether the receiver is in line with a waker for the same task.
    pub(super) fn is_entered(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        let entry = self.list.entry(node);
        entry.state == State::Waiting
            && entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Puts a receiver in line, where it stood before if it has been there. Gives back its
    /// old waker, to be dropped outside the lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(super) fn enter(&mut self, node: Pin<&Node>, waker: Waker, lasting: bool) -> Option<Waker> {
        let entry = self.list.entry(node);
        let old = entry.waker.replace(waker);
        entry.lasting = lasting;
        let next = match entry.state {
            State::Waiting | State::Granted => return old,
            State::Lapsed => {
                let arrival = entry.arrival;
                self.first_behind(arrival)
            }
            State::Idle | State::Closed | State::Holding | State::HoldingPart => {
                let arrival = self.number();
                self.list.entry(node).arrival = arrival;
                None
            }
        };
        self.list.entry(node).state = State::Waiting;
        self.list.insert_before(next, node);
        if next == self.first_waiting {
            self.first_waiting = Some(self.list.place_of(node));
        }
        old
    }

    /// The first waiting receiver that arrived later. Those before it are few: they were woken,
    /// found nothing and came back faster.
    fn first_behind(&mut self, arrival: u32) -> Option<Place> {
        let mut next = self.first_waiting;
        while let Some(place) = next
            && self.list.entry_at(place).arrival.wrapping_sub(arrival).cast_signed() < 0
        {
            next = self.list.next(place);
        }
        next
    }
}
