//! The FIFO queue of waiting receivers, and the messages that are promised to them. The caller
//! keeps it under a lock.
//!
//! # Layout
//! ```text
//! queued = promised + unpromised
//!
//! receivers:  G G G W W W         G granted, W waiting
//!                   ^ first_waiting
//! ```
//! A message that is sent is promised to the receiver that has waited longest: that receiver is
//! *granted* and woken. A promise is a count, not a message: each receiver takes the oldest
//! message, as long as one is left for each promise. A new receive finds only what is unpromised.
//!
//! A granted receiver may never be polled: it was forgotten, or its task waits for something else
//! ("futurelock"). So a promise expires, the one at the front first. Each attempt to use the
//! channel that this promise prevents is a *refusal*. After [`refusals_before_expiry`] of them the
//! receiver leaves the queue, and the next waiting receiver is granted the message. When an expired
//! receiver is polled, it is in its old place in the queue, and its next promise lasts 16 times as
//! long. So a receiver whose thread takes long to wake up gets a message after a few wake-ups, and
//! a forgotten one costs 64 refusals, once.
//!
//! The promise of a receiver that blocks its thread does not expire: such a thread does nothing
//! else. While it is at the front, no receiver counts or polls; when it has taken its message, a
//! waiting receiver is woken to count against the promise behind it.
//!
//! # States
//! | state     | linked | waker | has a promise |
//! |-----------|--------|-------|---------------|
//! | `Idle`    | no     | no    | no            |
//! | `Waiting` | yes    | yes, unless it was woken without a promise | no |
//! | `Granted` | yes    | no    | yes           |
//! | `Expired` | no     | no    | no: it expired, or the channel woke all |
//!
//! | from              | to        | by                                      |
//! |-------------------|-----------|-----------------------------------------|
//! | `Idle`, `Expired` | `Waiting` | [`enqueue`](RxQueue::enqueue)           |
//! | `Waiting`         | `Granted` | [`grant_next`](RecvWaiters::grant_next) |
//! | `Waiting`         | `Expired` | [`take_all`](RecvWaiters::take_all)     |
//! | `Granted`         | `Expired` | a refusal                               |
//! | any               | `Idle`    | [`dequeue`](RxQueue::dequeue)           |
//!
//! # Invariants
//! - **I1** The queue is granted receivers followed by waiting ones; `first_waiting` is the
//!   boundary. The waiting ones are in the order of their arrival.
//! - **I2** `promised` is the number of granted receivers, and at most the number of queued
//!   messages.
//! - **I3** While a receiver waits, no message is unpromised. So when a promise ends without its
//!   message, the caller grants the message to the next receiver
//!   ([`grant_unpromised`](RxQueue::grant_unpromised)), in the same step.
//! - **I4** Refusals count against the promise at the front. Each promise has a number
//!   (`Entry::promise`); a waiting receiver notes the number of the one that it counts against.
//!
//! # Which callers count
//! A waiting receiver counts its own refusals and wakes itself, so that on a single-threaded
//! executor every live task runs between two of them, however many receivers count. Callers that do
//! not wait (`try_recv`, a cancelled receive, a sender that finds the channel full, a receiver that
//! takes a message and leaves one behind) share one count, which the granted receiver at the front
//! keeps.
//!
//! # Checked by
//! `mpmc::model`, and `tests/spec`, whose model has the same promises.
#![forbid(unsafe_code)]

use core::pin::Pin;
use core::task::Waker;

use crate::observe::Kind;
use crate::prim::IS_MODEL;
use crate::queue::chan::{Chan, RecvWaiters, TxSide};
use crate::queue::policy::Exchange;
use crate::storage::ring::Emptied;
use crate::util::WakeBatch;
use crate::wait::list::{Entry, List, Node, Place, State};

/// How many refusals a promise outlives: 64, 1024 or 16384, by how many promises of its receiver
/// have expired.
/// - The first is above the 61 polls after which a current-thread runtime of tokio looks at its
///   main task.
/// - The last is a few milliseconds of polling.
///
/// In a model there are fewer: each refusal is a branch of its own, and the steps are the same.
fn refusals_before_expiry(expiries: u8) -> u16 {
    if IS_MODEL { 2 << expiries.min(1) } else { 64 << (4 * expiries.min(2)) }
}

/// The queue of waiting receivers.
#[derive(Debug)]
pub(crate) struct RxQueue {
    list: List,
    first_waiting: Option<Place>,
    promised: u32,
    /// The next number, for an arrival or a promise.
    next_number: u32,
}

impl Default for RxQueue {
    fn default() -> Self {
        Self { list: List::new(), first_waiting: None, promised: 0, next_number: 0 }
    }
}

impl RecvWaiters for RxQueue {
    const KIND: Kind = Kind::Mpmc;
    const COUNTS_REFUSED_SENDERS: bool = true;

    fn take_next(&mut self) -> Option<Waker> {
        let mut next = self.first_waiting;
        while let Some(place) = next {
            // It keeps its place, without its waker: receivers before it were woken already.
            if let Some(waker) = self.list.entry_at(place).waker.take() {
                return Some(waker);
            }
            next = self.list.next(place);
        }
        None
    }

    #[inline]
    fn grant_next(&mut self) -> Option<Waker> {
        if self.first_waiting.is_none() { None } else { self.grant_first() }
    }

    fn has_waiting(&self) -> bool {
        self.first_waiting.is_some()
    }

    fn take_after_expiry(&mut self) -> Option<Waker> {
        if self.first_waiting.is_none() { None } else { self.count_passing_refusal() }
    }

    fn exchange_oldest<T>(
        chan: &Chan<T, Self>,
        tx: &mut TxSide<T, Self>,
        value: T,
        emptied: &mut Emptied<T>,
    ) -> Exchange<T> {
        chan.exchange_oldest(tx, value, emptied)
    }

    fn exchange_newest<T>(chan: &Chan<T, Self>, tx: &mut TxSide<T, Self>, value: T) -> Exchange<T> {
        chan.exchange_newest(tx, value)
    }

    fn take_all(&mut self, batch: &mut WakeBatch) -> bool {
        while batch.has_room()
            && let Some(place) = self.first_waiting
        {
            self.first_waiting = self.list.next(place);
            self.list.unlink(place);
            let entry = self.list.entry_at(place);
            entry.state = State::Expired;
            if let Some(waker) = entry.waker.take() {
                batch.push(waker);
            }
        }
        self.first_waiting.is_some()
    }
}

impl RxQueue {
    /// Whether a message is promised to a receiver.
    #[inline]
    pub(super) fn has_promised(&self) -> bool {
        self.promised > 0
    }

    /// How many messages a new receive can take.
    #[inline]
    pub(super) fn unpromised(&self, queued: usize) -> usize {
        // Saturating: no receiver is left to count messages that are dropped with the last one.
        queued.saturating_sub(self.promised as usize)
    }

    /// How many messages this receiver can take.
    pub(super) fn available(&mut self, node: Pin<&Node>, queued: usize) -> usize {
        self.unpromised(queued) + usize::from(self.is_granted(node))
    }

    /// Whether a message is promised to this receiver.
    pub(super) fn is_granted(&mut self, node: Pin<&Node>) -> bool {
        node.is_bound() && self.list.entry(node).state == State::Granted
    }

    /// Where this receiver counts how often it found an unclaimed grant of a sender
    /// ([`Permits::count_receiver_poll`](crate::wait::permits::Permits::count_receiver_poll)).
    pub(super) fn idle_refusals<'a>(&'a mut self, node: Pin<&'a Node>) -> &'a mut u16 {
        &mut self.list.entry(node).refusals
    }

    /// Whether the promise at the front may expire, so that refused receivers have to count.
    pub(super) fn may_expire(&mut self) -> bool {
        self.front_granted().is_some()
    }

    /// Whether this receiver is granted and blocks its thread, so that no receiver counted while it
    /// was at the front.
    pub(super) fn is_blocking(&mut self, node: Pin<&Node>) -> bool {
        self.is_granted(node) && self.list.entry(node).blocking
    }

    /// Grants a message that became unpromised to the first waiting receiver (I3).
    #[must_use = "wake it after the lock is released"]
    pub(super) fn grant_unpromised(&mut self, queued: usize) -> Option<Waker> {
        if self.unpromised(queued) > 0 { self.grant_next() } else { None }
    }

    /// A function of its own, so that sending is inlined where no receiver waits.
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

    /// The granted receiver at the front, if its promise may expire.
    fn front_granted(&mut self) -> Option<&mut Entry> {
        if self.promised == 0 {
            return None;
        }
        let place = self.list.front()?;
        Some(self.list.entry_at(place)).filter(|entry| !entry.blocking)
    }

    /// Counts that a receiver in line was polled while all messages are promised to others. If a
    /// promise expires by it, returns the waker of the receiver that is granted the message:
    /// perhaps this one.
    #[must_use = "wake it after the lock is released"]
    pub(super) fn count_refusal(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let front = self.front_granted()?;
        let (promise, passing) = (front.promise, front.refused);
        let entry = self.list.entry(node);
        if entry.promise != promise {
            entry.promise = promise;
            entry.refused = 0;
        }
        entry.refused += 1;
        let refusals = entry.refused.saturating_add(passing);
        self.expire_after(refusals)
    }

    /// The same for a caller that does not wait. If no receiver waits, the message of an expired
    /// promise is unpromised then.
    #[must_use = "wake it after the lock is released"]
    pub(super) fn count_passing_refusal(&mut self) -> Option<Waker> {
        let front = self.front_granted()?;
        front.refused = front.refused.saturating_add(1);
        let refusals = front.refused;
        self.expire_after(refusals)
    }

    /// Lets the promise at the front expire, if it caused enough refusals.
    fn expire_after(&mut self, refusals: u16) -> Option<Waker> {
        let place = self.list.front()?;
        let entry = self.list.entry_at(place);
        if refusals < refusals_before_expiry(entry.expiries) {
            return None;
        }
        entry.state = State::Expired;
        entry.expiries = entry.expiries.saturating_add(1);
        self.list.unlink(place);
        self.promised -= 1;
        self.grant_next()
    }

    /// Takes a receiver out of the queue, with or without the message that was promised to it: if
    /// without, the caller grants it to the next. Returns its waker, to be dropped outside the
    /// lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(super) fn dequeue(&mut self, node: Pin<&Node>) -> Option<Waker> {
        let place = self.list.place_of(node);
        let entry = self.list.entry_at(place);
        let (state, promise, refused) = (entry.state, entry.promise, entry.refused);
        match state {
            State::Granted => self.promised -= 1,
            State::Waiting => {
                if let Some(front) = self.front_granted()
                    && front.promise == promise
                {
                    // Its refusals are kept: a task may make a new receive for each poll.
                    front.refused = front.refused.saturating_add(refused);
                }
                if self.first_waiting == Some(place) {
                    self.first_waiting = self.list.next(place);
                }
            }
            State::Idle
            | State::Expired
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => {}
        }
        self.list.remove(node);
        let entry = self.list.entry_at(place);
        entry.state = State::Idle;
        let waker = entry.waker.take();
        self.list.unbind(node);
        waker
    }

    /// Whether the receiver waits in the queue with a waker for the same task.
    pub(super) fn is_enqueued(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        let entry = self.list.entry(node);
        entry.state == State::Waiting
            && entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Puts a receiver into the queue, in its old place if it has been there. Returns its old
    /// waker, to be dropped outside the lock.
    #[must_use = "drop the waker after the lock is released"]
    pub(super) fn enqueue(
        &mut self,
        node: Pin<&Node>,
        waker: Waker,
        blocking: bool,
    ) -> Option<Waker> {
        let entry = self.list.entry(node);
        let old = entry.waker.replace(waker);
        entry.blocking = blocking;
        let next = match entry.state {
            State::Waiting | State::Granted => return old,
            State::Expired => {
                let arrival = entry.arrival;
                self.first_behind(arrival)
            }
            State::Idle
            | State::Closed
            | State::ClosedWithGrant
            | State::ClosedWithPartialGrant => {
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

    /// The first waiting receiver that arrived later. Few are before it: receivers that were woken,
    /// found nothing and were polled sooner.
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
