//! What may happen next in a weighted channel.
//!
//! # Layout
//! ```text
//! senders -> gate (weight that is held, the line) -> unbounded mpsc channel -> receiver
//!              ^                                                                  |
//!              +-------------------- gives the weight back -----------------------+
//! ```
//! A message is weighed before anything else happens, and its weight travels with it. A sender
//! takes that much room of the [`Gate`], waiting in its line if there is not enough, and then
//! pushes into an unbounded channel, which never refuses unless it is closed.
//!
//! # Invariants
//! - **I1** The weight that is held is the sum of the weights of the messages in the queue and of
//!   the permits that are out, and of those of senders and the receiver in between two steps. Each
//!   weight that was taken is given back once: by the receiver, by a permit, or by a sender whose
//!   message the queue refused.
//! - **I2** Every change that frees room is followed by a grant if a sender may be in the line.
//! - **I3** The queue is closed before the gate. So a sender that is refused by the gate finds the
//!   queue closed, too; one that has taken room already learns of it from the queue.
//! - **I4** A permit holds a place in the queue, reserved there, so that the end waits for it.
//! - **I5** No waker is cloned, woken or dropped, no message weighed or dropped, and no memory
//!   allocated or freed under the lock.
//!
//! # Progress
//! Sending takes no lock of the gate while no sender waits. Room that was granted to a sender which
//! does not claim it is granted to another one; see [`crate::wait::permits`].
//!
//! # Unwinding
//! A panic of the function that weighs comes before any change. A waker that panics while the
//! caller has a message in hand ends there, reported by the panic hook.
//!
//! # Checked by
//! `model`, and the tests in `crates/levada/tests/weighted`.
#![forbid(unsafe_code)]

use core::fmt;
#[cfg(feature = "observe")]
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::error::{SendError, TooHeavy, TrySendError};
use super::gate::{Gate, Locked, MAX_WEIGHT, Tried};
#[cfg(feature = "observe")]
use crate::observe::{ChannelRecord, Done, Observed, Reading, Weight};
#[cfg(feature = "observe")]
use crate::prim::Arc;
use crate::prim::is_parked_by;
use crate::queue::chan::Chan;
use crate::queue::error::Refused;
use crate::queue::single::RxWaker;
use crate::refs::{Hub, Tx};
use crate::util::{DropLast, FirstPanic, budget, contain, wake_in_batches};
use crate::wait::list::Node;
use crate::wait::permits::PollAcquire;

/// What becomes of a message that is heavier than the maximum.
///
/// # Examples
/// ```
/// use levada::mpsc::weighted::{self, Oversize};
///
/// let (tx, _rx) = weighted::builder(10, |text: &String| text.len())
///     .oversize(Oversize::Reject)
///     .build();
/// assert!(tx.try_send("more than ten bytes".to_string()).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Oversize {
    /// It waits until the channel is empty, and then goes alone: nothing else is in the channel
    /// until it is received.
    #[default]
    Alone,
    /// It is given back, in [`TooHeavy`].
    Reject,
}

/// A message and its weight.
#[derive(Debug)]
pub(super) struct Weighed<T> {
    pub(super) message: T,
    pub(super) weight: usize,
}

/// The channel behind the gate.
pub(super) type Queue<T> = Chan<Weighed<T>, RxWaker>;

/// What weighs messages, and how much there may be.
pub(super) struct Scale<T> {
    gate: Gate,
    oversize: Oversize,
    weigh: Box<dyn Fn(&T) -> usize + Send + Sync>,
    #[cfg(feature = "observe")]
    shown: Shown<T>,
}

impl<T> Scale<T> {
    pub(super) fn new(
        max: usize,
        weigh: impl Fn(&T) -> usize + Send + Sync + 'static,
        oversize: Oversize,
        queue: &Tx<Queue<T>>,
    ) -> Self {
        #[cfg(not(feature = "observe"))]
        let _ = queue;
        Self {
            gate: Gate::new(max),
            oversize,
            weigh: Box::new(weigh),
            #[cfg(feature = "observe")]
            shown: Shown { queue: Arc::clone(queue.hub()), _pinned: PhantomPinned },
        }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn weigh(&self, message: &T) -> usize {
        count((self.weigh)(message))
    }

    pub(super) fn max(&self) -> usize {
        self.gate.max()
    }

    /// Refuses what is too heavy, if the channel does.
    #[inline]
    pub(super) fn check(&self, weight: usize) -> Result<(), TooHeavy<()>> {
        if self.oversize == Oversize::Alone {
            return Ok(());
        }
        let max = self.max();
        if weight > max { Err(TooHeavy { message: (), weight, max }) } else { Ok(()) }
    }
}

/// The channel as a snapshot sees it: the queue, through the scale, which knows its weight.
#[cfg(feature = "observe")]
struct Shown<T> {
    queue: Arc<Queue<T>>,
    /// As in a [`ChannelRecord`]: a snapshot may read the scale until its drop has unregistered it.
    _pinned: PhantomPinned,
}

#[cfg(feature = "observe")]
impl<T> Observed for Scale<T> {
    #[inline(always)]
    fn record(&self) -> &ChannelRecord {
        self.shown.queue.record()
    }

    fn read(&self) -> Reading {
        let queue = &*self.shown.queue;
        // With what was granted: to leave that out takes the lock, and a snapshot must not wait.
        let held = if queue.counts().receivers() == 0 { 0 } else { self.gate.taken() };
        Reading { weight: Some(Weight { held, max: self.max() }), ..queue.read() }
    }
}

/// The registry refers to the scale, so it is unregistered before anything of it is dropped. The
/// handles drop the queue before the scale: only then it may be the last one that has the queue.
#[cfg(feature = "observe")]
impl<T> Drop for Scale<T> {
    fn drop(&mut self) {
        self.record().unregister(|| Done::sent(self.read().sent));
    }
}

impl<T> fmt::Debug for Scale<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scale").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// What counts: nothing is weightless, and no sum overflows.
#[inline]
pub(super) fn count(weight: usize) -> usize {
    weight.clamp(1, MAX_WEIGHT)
}

/// The channel, for a sender.
pub(super) struct Ends<'a, T> {
    pub(super) queue: &'a Queue<T>,
    pub(super) scale: &'a Scale<T>,
}

impl<T> Clone for Ends<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ends<'_, T> {}

impl<T> Ends<'_, T> {
    fn gate(&self) -> &Gate {
        &self.scale.gate
    }

    /// What the permits want to know: whether a receive will free room.
    fn queued(self) -> usize {
        usize::from(!self.queue.looks_empty())
    }

    // Send

    pub(super) fn try_send(self, message: T) -> Result<(), TrySendError<T>> {
        let weight = self.scale.weigh(&message);
        if let Err(heavy) = self.scale.check(weight) {
            return Err(TrySendError::TooHeavy(heavy.map(|()| message)));
        }
        match self.try_acquire(weight) {
            Ok(()) => self.push(Weighed { message, weight }).map_err(TrySendError::Closed),
            Err(Refused::Full) => Err(TrySendError::Full(message)),
            Err(Refused::Closed) => Err(TrySendError::Closed(message)),
        }
    }

    /// Waits for room and sends. The message is taken from `message` when this is ready.
    ///
    /// A node that this was called with is given to [`cancel`](Self::cancel) before it drops.
    #[inline]
    pub(super) fn poll_send(
        self,
        node: Pin<&Node>,
        message: &mut Option<Weighed<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let weight = message.as_ref().expect("`Send` polled after completion").weight;
        let acquired = ready!(self.poll_acquire(node, weight, cx));
        let message = message.take().expect("checked above");
        Poll::Ready(match acquired {
            Ok(()) => self.push(message).map_err(SendError::Closed),
            Err(_closed) => Err(SendError::Closed(message.message)),
        })
    }

    /// Stores a message whose room was taken. Gives it back if the channel is closed.
    #[inline]
    fn push(self, message: Weighed<T>) -> Result<(), T> {
        self.queue.try_send(message).map_err(|closed| {
            let Weighed { message, weight } = closed.into_inner();
            contain(|| self.give_back(weight));
            message
        })
    }

    // Permits

    /// Waits for room, takes it, and reserves a place in the queue.
    ///
    /// A node that this was called with is given to [`cancel`](Self::cancel) before it drops.
    pub(super) fn poll_reserve(
        self,
        node: Pin<&Node>,
        weight: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        let acquired = ready!(self.poll_acquire(node, weight, cx));
        Poll::Ready(acquired.and_then(|()| self.reserve_place(weight)))
    }

    pub(super) fn try_reserve(self, weight: usize) -> Result<(), Refused> {
        self.try_acquire(weight)?;
        self.reserve_place(weight)
    }

    fn reserve_place(self, weight: usize) -> Result<(), Refused> {
        self.queue.try_reserve(1).inspect_err(|_closed| self.give_back(weight))
    }

    /// Sends with a permit for `reserved`. Gives the message back if no receiver is left.
    pub(super) fn send_reserved(self, message: Weighed<T>, reserved: usize) -> Result<(), T> {
        let weight = message.weight;
        // Before the message, which wakes the receiver: that may panic.
        contain(|| self.give_back(reserved - weight));
        self.queue.send_reserved(message).map_err(|Weighed { message, .. }| {
            contain(|| self.give_back(weight));
            message
        })
    }

    /// Gives a permit for `reserved` back.
    pub(super) fn release(self, reserved: usize) {
        let mut panics = FirstPanic::default();
        panics.catch(|| self.give_back(reserved));
        panics.catch(|| self.queue.release(1));
        panics.resume();
    }

    // Room

    #[inline]
    fn try_acquire(self, weight: usize) -> Result<(), Refused> {
        match self.gate().try_take(weight) {
            Tried::Taken => Ok(()),
            Tried::Full if self.queue.is_closed() => Err(Refused::Closed),
            Tried::Full => Err(Refused::Full),
            Tried::Line => self.try_acquire_slow(weight),
        }
    }

    #[cold]
    fn try_acquire_slow(self, weight: usize) -> Result<(), Refused> {
        // What was given back and is not granted yet belongs to those in line.
        contain(|| self.grant());
        let mut line = self.gate().enter();
        if line.permits.is_closed() {
            return Err(Refused::Closed);
        }
        if line.try_take(weight) {
            return Ok(());
        }
        let expired = line.permits.count_refused_try(self.queued());
        let acquired = expired && line.try_take(weight);
        drop(line);
        if expired {
            contain(|| self.grant());
        }
        if acquired {
            return Ok(());
        }
        // The queue is closed first (I3), and a sender may have learned of it there already.
        Err(if self.queue.is_closed() { Refused::Closed } else { Refused::Full })
    }

    /// Waits for room, and takes it.
    #[inline]
    fn poll_acquire(
        self,
        node: Pin<&Node>,
        weight: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        let budget = ready!(budget::poll_proceed(cx));
        if node.is_bound() || self.gate().try_take(weight) != Tried::Taken {
            let acquired = ready!(self.poll_acquire_slow(node, weight, cx));
            budget.made_progress();
            return Poll::Ready(acquired);
        }
        budget.made_progress();
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn poll_acquire_slow(
        self,
        node: Pin<&Node>,
        weight: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        // Probably it was woken because it was granted its room.
        if node.is_bound() && self.gate().look().claim(node, weight) {
            return Poll::Ready(Ok(()));
        }
        let blocking = is_parked_by(cx.waker());
        let mut spare = DropLast((!node.is_bound()).then(|| cx.waker().clone()));
        let mut poll_again = false;
        loop {
            let mut line = self.gate().enter();
            let (polled, left) = line.poll_take(node, weight);
            if polled == PollAcquire::Closed {
                drop(line);
                self.cancel(node);
                return Poll::Ready(Err(Refused::Closed));
            }
            if polled == PollAcquire::Acquired {
                drop(line);
                debug_assert!(left.is_none(), "one that was granted nothing did not wait");
                return Poll::Ready(Ok(()));
            }
            poll_again = poll_again || line.permits.count_refusal(node, self.queued());
            let mut old = None;
            if !line.permits.is_enqueued(node, cx.waker()) {
                let Some(new) = spare.0.take() else {
                    drop(line);
                    // Outside the lock (I5).
                    spare.0 = Some(cx.waker().clone());
                    continue;
                };
                old = line.permits.enqueue(node, weight, new, blocking);
            }
            let grantable = line.has_grantable();
            drop(line);
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
    pub(super) fn cancel(self, node: Pin<&Node>) {
        if node.is_bound() {
            let mut waker = DropLast(None);
            self.change(|line| waker.0 = line.permits.dequeue(node));
        }
    }

    #[inline]
    pub(super) fn give_back(self, weight: usize) {
        if weight > 0 && self.gate().give_back(weight) {
            self.grant();
        }
    }

    pub(super) fn set_max(self, max: usize) {
        self.change(|line| line.set_max(max));
    }

    /// Grants what is free, and wakes the senders.
    #[cold]
    pub(super) fn grant(self) {
        self.change(|_| ());
    }

    /// Makes a change that may free room, and grants what is free.
    #[cold]
    fn change(self, change: impl FnOnce(&mut Locked<'_>)) {
        let (mut change, mut needs_receiver) = (Some(change), false);
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            wake_in_batches(|batch| {
                let mut line = self.gate().look();
                if let Some(change) = change.take() {
                    change(&mut line);
                }
                let more = line.grant(batch);
                let permits = &line.permits;
                needs_receiver = !permits.is_closed() && permits.needs_receiver(self.queued());
                more
            });
        });
        if needs_receiver {
            // Nothing else happens in the channel: the receiver counts, so that a grant expires
            // whose sender is not polled.
            panics.catch(|| self.queue.wake_receiver());
        }
        panics.resume();
    }

    /// The weight of the messages in the channel and of the permits that are out.
    pub(super) fn weight(self) -> usize {
        // What was there went with the receiver.
        if self.queue.counts().receivers() == 0 { 0 } else { self.gate().held() }
    }
}
