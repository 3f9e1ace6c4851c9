//! What may happen next in a lossless broadcast channel.
//!
//! # Layout
//! It is a broadcast channel, [`Base`], with a [`Gate`] under the lock of its tail: a message is
//! admitted, written and given its position in one critical section. Reading is the same as in any
//! broadcast channel; afterwards the subscriber publishes its position in its [`Seat`].
//!
//! # States of a subscriber
//! | state    | in the gate | counted in the messages | ends by                                    |
//! |----------|-------------|-------------------------|--------------------------------------------|
//! | member   | a member    | yes                     | its drop, or `evict`                       |
//! | observer | an observer | yes                     | its drop, or `evict`                       |
//! | evicted  | no          | yes                     | its next receive, or its drop              |
//! | left     | no          | no                      |                                            |
//!
//! To the messages an evicted member is an observer: what it does not read is overwritten. Only it
//! knows its position, so only it can give up what it has not read.
//!
//! # Invariants
//! - **I1** A message that a member has yet to read is in the ring: the gate admits a message only
//!   if each member is less than a capacity behind (gate, I1), and the ring has at least as many
//!   slots. A subscriber joins the gate and the messages in one step, and leaves the gate first.
//! - **I2** A subscriber publishes its position after it has read, also if the clone panics, and
//!   before it waits.
//! - **I3** No sender sleeps although there is room (gate, I2): every change that frees capacity is
//!   followed by a grant. A member that moves takes WANTED along.
//! - **I4** No sender sleeps without a member: the last one that goes lets all begin again, and a
//!   sender enters the line under the same lock as it sees a member.
//! - **I5** No waker is cloned, woken or dropped, no message cloned or dropped, and no memory
//!   allocated or freed under the lock.
//!
//! # Progress
//! Sending takes the lock; it waits for the slowest member, and for nothing else. Granted capacity
//! that a sender does not claim is granted to another one; see [`crate::wait::permits`].
//!
//! # Unwinding
//! As in every broadcast channel. A waker that panics while a receiver has its message in hand ends
//! there, reported by the panic hook.
//!
//! # Checked by
//! `model`, and the tests in `crates/levada/tests/lossless`.
#![forbid(unsafe_code)]

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc as StdArc;
use std::time::Instant;

use super::error::{SendError, TrySendError};
use super::gate::{Entry, Gate, Seat};
use super::subscriber::Subscriber;
use crate::broadcast::protocol::Shared as Base;
use crate::broadcast::tail::{Admission, Tail};
#[cfg(feature = "observe")]
use crate::observe::Reading;
use crate::observe::{ChannelRecord, Kind, Name, Observed};
use crate::prim::atomic::{AtomicBool, Ordering};
use crate::prim::{Arc, is_parked_by};
use crate::refs::{Counts, Hub};
use crate::util::{DropLast, FirstPanic, budget, contain, wake_in_batches};
use crate::wait::list::Node;
use crate::wait::permits::PollAcquire;

/// A lossless broadcast channel.
pub(super) struct Shared<T> {
    /// First, for its record.
    pub(super) base: Base<T, Gate>,
    pub(super) capacity: usize,
    /// Whether a sender waits that was granted nothing. Written under the lock, where one begins to
    /// wait and where that may have ended; a hint for receivers.
    has_waiting_sender: AtomicBool,
}

/// A sender that sends if nothing is in its way.
struct AtOnce;

impl Admission<Gate> for AtOnce {
    #[inline(always)]
    fn admits(&mut self, tail: &mut Tail<Gate>) -> bool {
        tail.receivers != 0 && tail.gate.has_room(tail.next)
    }

    #[inline(always)]
    fn commit(&mut self, _: &mut Tail<Gate>) {}
}

/// A sender that asks whether it may send.
struct Turn<'n> {
    /// Its place in the line, if it may have one.
    node: Option<Pin<&'n Node>>,
    is_refused_for_good: bool,
    /// Grants expired because it was refused.
    has_expired: bool,
    /// What it has no use for any more.
    waker: DropLast<core::task::Waker>,
}

impl<'n> Turn<'n> {
    fn new(node: Option<Pin<&'n Node>>) -> Self {
        let waker = DropLast(None);
        Self { node, is_refused_for_good: false, has_expired: false, waker }
    }

    fn place(&self) -> Option<Pin<&'n Node>> {
        self.node.filter(|node| node.is_bound())
    }
}

impl Admission<Gate> for &mut Turn<'_> {
    #[inline(always)]
    fn admits(&mut self, tail: &mut Tail<Gate>) -> bool {
        if tail.receivers == 0 {
            self.is_refused_for_good = true;
            return false;
        }
        let Tail { next, gate, .. } = tail;
        match self.place() {
            None if gate.has_room(*next) => true,
            None => {
                if self.node.is_none() {
                    let queued = gate.queued(*next);
                    self.has_expired = gate.permits().count_refused_try(queued);
                }
                false
            }
            Some(node) => gate.admits(node, *next),
        }
    }

    #[inline(always)]
    fn commit(&mut self, tail: &mut Tail<Gate>) {
        if let Some(node) = self.place() {
            self.waker.0 = tail.gate.permits().dequeue(node);
        }
    }
}

impl<T> Shared<T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(capacity: usize, name: Name) -> Self {
        let mut base = Base::new(capacity.next_power_of_two(), 0, name, Gate::new(capacity));
        base.record.show_as::<T>(Kind::Lossless);
        Self { base, capacity, has_waiting_sender: AtomicBool::new(false) }
    }

    // Send

    pub(super) fn try_send(&self, value: T) -> Result<usize, TrySendError<T>> {
        let mut turn = Turn::new(None);
        match self.base.send_if(value, &mut turn) {
            Ok(receivers) => Ok(receivers),
            Err(SendError(value)) if turn.is_refused_for_good => Err(TrySendError::Closed(value)),
            Err(SendError(value)) if turn.has_expired => {
                // The value must not be lost by a waker.
                contain(|| self.grant());
                Err(TrySendError::Full(value))
            }
            Err(SendError(value)) => Err(TrySendError::Full(value)),
        }
    }

    /// Waits for room and sends. The message is taken from `value` when this is ready.
    ///
    /// A node that this was called with is given to [`cancel`](Self::cancel) before it drops.
    #[inline]
    pub(super) fn poll_send(
        &self,
        node: Pin<&Node>,
        value: &mut Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, SendError<T>>> {
        let budget = ready!(budget::poll_proceed(cx));
        if !node.is_bound() {
            let message = value.take().expect("`Send` was polled after it was ready");
            match self.base.send_if(message, AtOnce) {
                Ok(receivers) => {
                    budget.made_progress();
                    return Poll::Ready(Ok(receivers));
                }
                Err(SendError(message)) => *value = Some(message),
            }
            ready!(self.poll_room(node, cx));
        }
        let sent = ready!(self.poll_send_in_line(node, value, cx));
        budget.made_progress();
        Poll::Ready(sent)
    }

    /// The same for a sender that has been in line, or may find that there is no receiver.
    #[cold]
    fn poll_send_in_line(
        &self,
        node: Pin<&Node>,
        value: &mut Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, SendError<T>>> {
        loop {
            let message = value.take().expect("`Send` was polled after it was ready");
            let mut turn = Turn::new(Some(node));
            match self.base.send_if(message, &mut turn) {
                Ok(receivers) => return Poll::Ready(Ok(receivers)),
                Err(refused) if turn.is_refused_for_good => {
                    // The value must not be lost by a waker.
                    contain(|| self.cancel(node));
                    return Poll::Ready(Err(refused));
                }
                Err(SendError(message)) => *value = Some(message),
            }
            ready!(self.poll_room(node, cx));
        }
    }

    /// Waits until there may be room for this sender.
    #[cold]
    fn poll_room(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<()> {
        let blocking = is_parked_by(cx.waker());
        let mut spare = DropLast((!node.is_bound()).then(|| cx.waker().clone()));
        let mut poll_again = false;
        loop {
            let mut tail = self.base.lock();
            let Tail { next, receivers, gate, .. } = &mut *tail;
            if *receivers == 0 || !gate.has_members() {
                return Poll::Ready(());
            }
            let queued = gate.queued(*next);
            if gate.permits().poll_acquire(node, 1, queued) == PollAcquire::Acquired {
                return Poll::Ready(());
            }
            poll_again = poll_again || gate.permits().count_refusal(node, queued);
            let mut old = None;
            if !gate.permits().is_enqueued(node, cx.waker()) {
                let Some(new) = spare.0.take() else {
                    drop(tail);
                    // Outside the lock (I5).
                    spare.0 = Some(cx.waker().clone());
                    continue;
                };
                old = gate.permits().enqueue(node, 1, new, blocking);
            }
            // ORDERING: Relaxed, no pair: a hint.
            self.has_waiting_sender.store(true, Ordering::Relaxed);
            let grantable = gate.permits().has_grantable(queued) || !gate.is_watched();
            drop(tail);
            let mut panics = FirstPanic::default();
            if grantable {
                panics.catch(|| self.grant());
            }
            if poll_again && !grantable {
                panics.catch(|| cx.waker().wake_by_ref());
            }
            panics.catch(|| drop(old));
            panics.resume();
            if !grantable {
                return Poll::Pending;
            }
        }
    }

    /// Takes a sender out of the line, whether it was granted or not.
    #[inline]
    pub(super) fn cancel(&self, node: Pin<&Node>) {
        if node.is_bound() {
            self.cancel_bound(node);
        }
    }

    #[cold]
    fn cancel_bound(&self, node: Pin<&Node>) {
        let mut waker = DropLast(None);
        self.change(|gate| waker.0 = gate.permits().dequeue(node));
    }

    /// Grants what is free, and wakes the senders.
    #[cold]
    fn grant(&self) {
        self.change(|_| ());
    }

    /// Makes a change that may free capacity, and grants what is free.
    fn change(&self, change: impl FnOnce(&mut Gate)) {
        let (mut change, mut left, mut needs_receiver) = (Some(change), usize::MAX, false);
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            wake_in_batches(|batch| {
                let mut tail = self.base.lock();
                let Tail { next, gate, .. } = &mut *tail;
                if let Some(change) = change.take() {
                    change(gate);
                }
                left = left.min(gate.permits().waiters());
                let more = gate.grant(*next, &mut left, batch);
                let queued = gate.queued(*next);
                needs_receiver = queued == 0 && gate.permits().needs_receiver(queued);
                // ORDERING: Relaxed, no pair: a hint.
                self.has_waiting_sender.store(gate.permits().has_waiting(), Ordering::Relaxed);
                more
            });
        });
        if needs_receiver {
            // Nothing else happens in the channel: the receivers count, so that a grant expires
            // whose sender is not polled.
            panics.catch(|| self.base.recv_waiters().notify_all());
        }
        panics.resume();
    }

    // Receive

    /// A member has moved, and senders wait for that. Its message must not be lost by a waker.
    #[cold]
    pub(super) fn report_move(&self) {
        contain(|| self.grant());
    }

    /// A receiver finds nothing. If senders wait nevertheless, they wait for one that was granted
    /// and may never be polled: counts, in `refusals` for a receiver that waits. Returns whether it
    /// has to be polled again soon.
    #[inline]
    pub(super) fn count_for_senders(&self, refusals: Option<&mut u16>) -> bool {
        // ORDERING: Relaxed, no pair: a hint. Where it comes too late, `change` wakes the receiver.
        self.has_waiting_sender.load(Ordering::Relaxed) && self.count_for_waiting_senders(refusals)
    }

    #[cold]
    fn count_for_waiting_senders(&self, refusals: Option<&mut u16>) -> bool {
        let mut tail = self.base.lock();
        let Tail { next, gate, .. } = &mut *tail;
        if gate.queued(*next) > 0 {
            return false;
        }
        let counts = match refusals {
            Some(refusals) => gate.permits().count_receiver_poll(refusals),
            None => {
                gate.permits().count_receiver_try();
                false
            }
        };
        let grantable = gate.permits().has_grantable(0);
        drop(tail);
        if grantable {
            self.grant();
        }
        counts
    }

    // Subscribers

    /// Adds a subscriber and returns its first position.
    #[track_caller]
    pub(super) fn join(&self, is_member: bool) -> (Arc<Seat>, u64) {
        let id = self.base.lock().gate.next_id();
        let seat = Arc::new(Seat::new(id, is_member));
        let mut larger = Vec::new();
        loop {
            let mut tail = self.base.lock();
            let Tail { next, receivers, gate, .. } = &mut *tail;
            let Some(more) = receivers.checked_add(1) else {
                drop(tail);
                panic!("max receivers");
            };
            match gate.add(&seat, *next, &mut larger) {
                Ok(()) => {
                    *receivers = more;
                    return (seat, *next);
                }
                Err(len) => {
                    drop(tail);
                    larger = Vec::with_capacity((2 * len).max(2));
                }
            }
        }
    }

    /// Removes a subscriber that would have received `next` next.
    pub(super) fn leave(&self, seat: &Seat, next: u64) {
        let mut panics = FirstPanic::default();
        let mut entry = None;
        panics.catch(|| self.change(|gate| entry = gate.remove(seat)));
        drop(entry);
        panics.catch(|| self.base.leave(next));
        panics.resume();
    }

    pub(super) fn name(&self, seat: &Seat, name: StdArc<str>) {
        let old = self.base.lock().gate.name(seat, name);
        drop(old);
    }

    /// Describes all subscribers, in the order in which they came, and evicts those that `is_out`
    /// names.
    pub(super) fn survey(
        &self,
        is_out: &dyn Fn(&Subscriber) -> bool,
    ) -> Vec<(Subscriber, Option<Entry>)> {
        let mut found = Vec::new();
        loop {
            let now = Instant::now();
            let mut tail = self.base.lock();
            let Tail { next, gate, .. } = &mut *tail;
            let surveyed = gate.survey(*next, now, is_out, &mut found);
            drop(tail);
            match surveyed {
                Ok(()) => break,
                Err(needed) => found = Vec::with_capacity(needed),
            }
        }
        found.sort_unstable_by_key(|(subscriber, _)| subscriber.id);
        if found.iter().any(|(_, evicted)| evicted.is_some()) {
            let mut panics = FirstPanic::default();
            panics.catch(|| self.grant());
            // Those that wait for a message learn of it.
            panics.catch(|| self.base.recv_waiters().notify_all());
            panics.resume();
        }
        found
    }
}

/// A subscriber that receives: when it drops, also by a panic in the clone, publishes the position
/// (I2).
pub(super) struct Moving<'a, T> {
    shared: &'a Shared<T>,
    seat: &'a Seat,
    pub(super) next: &'a mut u64,
    before: u64,
}

impl<'a, T> Moving<'a, T> {
    #[inline(always)]
    pub(super) fn new(shared: &'a Shared<T>, seat: &'a Seat, next: &'a mut u64) -> Self {
        let before = *next;
        Self { shared, seat, next, before }
    }
}

impl<T> Drop for Moving<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if *self.next != self.before && self.seat.advance(*self.next) {
            self.shared.report_move();
        }
    }
}

impl<T> Hub for Shared<T> {
    fn counts(&self) -> &Counts {
        self.base.counts()
    }

    fn senders_gone(&self) {
        self.base.senders_gone();
    }

    fn receivers_gone(&self) {
        self.base.receivers_gone();
    }
}

impl<T> Observed for Shared<T> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        self.base.record()
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> Reading {
        // Not of the records of those that were used: one that never is holds the senders back.
        let depth = self.base.try_lock().and_then(|tail| tail.gate.depth(tail.next));
        Reading { capacity: Some(self.capacity), depth, ..Observed::read(&self.base) }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lossless::Shared").field("counts", self.counts()).finish_non_exhaustive()
    }
}
