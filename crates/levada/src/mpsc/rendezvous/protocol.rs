//! What may happen next in a rendezvous channel.
//!
//! # Layout
//! One lock around the [`Line`] of the senders that wait, each with its message, and the waker of
//! the receiver. A sender puts its message into the line and waits; the receiver's poll takes it
//! out and gives it to its caller, in one step, and wakes the sender.
//!
//! # Invariants
//! - **I1** A message is in the future of its sender until that is first polled, then in the line,
//!   and then with the receiver's caller, or with its sender again. It leaves the line in the poll
//!   that returns it, or in the drop of its future: nothing is in between.
//! - **I2** The receiver sleeps only if no sender waits: a sender enters the line under the lock
//!   under which the receiver looked, and takes the waker that it left.
//! - **I3** `closed` is set once. Then no message enters the line, none is taken by the receiver,
//!   and each is withdrawn by its sender.
//! - **I4** No waker is cloned, woken or dropped, no message dropped and no memory allocated or
//!   freed under the lock.
//!
//! # Unwinding
//! As in every channel: wakers run last and outside the lock, and a panic in one does not keep the
//! others from being woken. A waker that panics while the receiver has a message in hand ends
//! there, reported by the panic hook.
//!
//! # Checked by
//! `model`, the tests of [`Line`](super::line), and those in `crates/levada/tests/rendezvous`.
#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::{Context, Poll, Waker, ready};

use super::line::{Line, Offer, Place};
use crate::mpsc::error::SendError;
#[cfg(feature = "observe")]
use crate::observe::Reading;
use crate::observe::{ChannelRecord, Kind, Name, Observed};
use crate::prim::Lock;
use crate::prim::atomic::{AtomicBool, Ordering};
use crate::queue::single::NoMessage;
use crate::refs::{Counts, Hub};
use crate::util::{DropLast, FirstPanic, budget, contain, wake_in_batches};
use crate::wait::queue::WaitQueue;

/// A rendezvous channel.
pub(super) struct Shared<T> {
    /// First, so that it is unregistered before the rest is dropped.
    record: ChannelRecord,
    side: Lock<Side<T>>,
    /// A copy of `Side::closed`, for reads without the lock.
    closed: AtomicBool,
    closed_event: WaitQueue,
    counts: Counts,
}

/// What the lock guards.
struct Side<T> {
    line: Line<T>,
    receiver: Option<Waker>,
    closed: bool,
    /// How many messages were handed over.
    received: u64,
}

// A panic in foreign code leaves the channel whole (see `# Unwinding`).
impl<T> UnwindSafe for Shared<T> {}
impl<T> RefUnwindSafe for Shared<T> {}

impl<T> Shared<T> {
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(name: Name) -> Self {
        let side = Side { line: Line::new(), receiver: None, closed: false, received: 0 };
        Self {
            record: ChannelRecord::new::<T>(Kind::Rendezvous, name),
            side: Lock::new(side),
            closed: AtomicBool::new(false),
            closed_event: WaitQueue::new(),
            counts: Counts::new(1),
        }
    }

    // Send

    /// Offers the message of `value`, and waits until it is taken. While it is in the line, its
    /// place is in `place`.
    ///
    /// A place that this has set is given to [`withdraw`](Self::withdraw) before it drops.
    pub(super) fn poll_send(
        &self,
        value: &mut Option<T>,
        place: &mut Option<Place>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let budget = ready!(budget::poll_proceed(cx));
        if place.is_none() {
            return self.offer(value, place, cx);
        }
        let sent = ready!(self.poll_taken(place, cx));
        budget.made_progress();
        Poll::Ready(sent)
    }

    /// The first poll: enters the line.
    fn offer(
        &self,
        value: &mut Option<T>,
        place: &mut Option<Place>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let message = value.take().expect("`Send` polled after completion");
        let mut offer = Offer { message, waker: Some(cx.waker().clone()) };
        let mut larger = Vec::new();
        loop {
            let mut side = self.side.lock();
            if side.closed {
                drop(side);
                contain(|| offer.waker = None);
                return Poll::Ready(Err(SendError(offer.message)));
            }
            match side.line.enter(offer, &mut larger) {
                Ok(entered) => {
                    *place = Some(entered);
                    let receiver = side.receiver.take();
                    drop(side);
                    if let Some(receiver) = receiver {
                        receiver.wake();
                    }
                    return Poll::Pending;
                }
                Err(back) => {
                    let size = side.line.next_size();
                    drop(side);
                    offer = back;
                    larger = Vec::with_capacity(size);
                }
            }
        }
    }

    /// A later poll: the message was taken, or the channel closed, or it waits on.
    fn poll_taken(
        &self,
        entered: &mut Option<Place>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let place = entered.expect("checked by `poll_send`");
        let mut spare = DropLast(None);
        loop {
            let mut side = self.side.lock();
            if !side.line.is_waiting(place) {
                *entered = None;
                return Poll::Ready(Ok(()));
            }
            if side.closed {
                let back = side.line.withdraw(place);
                drop(side);
                *entered = None;
                let Offer { message, waker } = back.expect("it waits");
                contain(|| drop(waker));
                return Poll::Ready(Err(SendError(message)));
            }
            let waker = side.line.waker(place).expect("it waits");
            if waker.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            let Some(new) = spare.0.take() else {
                drop(side);
                // Outside the lock (I4).
                spare.0 = Some(cx.waker().clone());
                continue;
            };
            spare.0 = waker.replace(new);
            return Poll::Pending;
        }
    }

    /// Takes a message back whose sender gives up. `None` if it was taken.
    pub(super) fn withdraw(&self, place: Place) -> Option<Offer<T>> {
        let mut side = self.side.lock();
        let offer = side.line.withdraw(place);
        let memory = side.line.spare();
        drop(side);
        drop(memory);
        offer
    }

    // Receive

    /// Waits for a sender, and takes its message; `None` at the end.
    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let budget = ready!(budget::poll_proceed(cx));
        let received = ready!(self.poll_take(cx));
        budget.made_progress();
        Poll::Ready(received)
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut spare = DropLast(None);
        loop {
            match self.try_recv() {
                Ok(message) => return Poll::Ready(Some(message)),
                Err(NoMessage::Ended) => return Poll::Ready(None),
                Err(NoMessage::Empty) => {}
            }
            let mut side = self.side.lock();
            // What came in between is found by another look.
            if side.line.len() > 0 || side.closed || self.counts.senders() == 0 {
                continue;
            }
            if side.receiver.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            let Some(new) = spare.0.take() else {
                drop(side);
                // Outside the lock (I4).
                spare.0 = Some(cx.waker().clone());
                continue;
            };
            spare.0 = side.receiver.replace(new);
            return Poll::Pending;
        }
    }

    /// Takes the message of the sender that has waited longest.
    pub(super) fn try_recv(&self) -> Result<T, NoMessage> {
        let mut side = self.side.lock();
        if side.closed {
            return Err(NoMessage::Ended);
        }
        let Some(Offer { message, waker }) = side.line.take_first() else {
            // A sender that is gone has left the line, or was forgotten in it.
            let has_ended = self.counts.senders() == 0;
            return Err(if has_ended { NoMessage::Ended } else { NoMessage::Empty });
        };
        side.received += 1;
        self.record.publish_position(side.received);
        let memory = side.line.spare();
        drop(side);
        drop(memory);
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
        Ok(message)
    }

    /// How many senders wait.
    pub(super) fn len(&self) -> usize {
        let side = self.side.lock();
        if side.closed { 0 } else { side.line.len() }
    }

    // Close

    pub(super) fn is_closed(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `close`: a thread that sees the channel
        // closed also sees what the receiver did before.
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn closed_event(&self) -> &WaitQueue {
        &self.closed_event
    }

    /// Refuses messages; wakes the senders that wait, which take theirs back, and the receiver.
    pub(super) fn close(&self) {
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            wake_in_batches(|batch| {
                let mut side = self.side.lock();
                side.closed = true;
                // ORDERING: Release pairs with the Acquire load in `is_closed`.
                self.closed.store(true, Ordering::Release);
                while batch.has_room() {
                    match side.line.close_first() {
                        Some(waker) => waker.into_iter().for_each(|waker| batch.push(waker)),
                        None => {
                            side.receiver.take().into_iter().for_each(|waker| batch.push(waker));
                            return false;
                        }
                    }
                }
                true
            });
        });
        panics.catch(|| self.closed_event.notify_all());
        panics.resume();
    }
}

impl<T> Hub for Shared<T> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        let receiver = self.side.lock().receiver.take();
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    fn receivers_gone(&self) {
        self.close();
    }
}

impl<T> Observed for Shared<T> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        &self.record
    }

    #[cfg(feature = "observe")]
    fn read(&self) -> Reading {
        let received = self.record.position();
        Reading {
            capacity: Some(0),
            depth: Some(0),
            reserved: Some(0),
            sent: received,
            received: Some(received),
            senders: self.counts.senders(),
            weak_senders: self.counts.weak_senders(),
            receivers: self.counts.receivers(),
            closed: self.is_closed() || self.counts.senders() == 0,
            ..Reading::default()
        }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("counts", &self.counts).finish_non_exhaustive()
    }
}
