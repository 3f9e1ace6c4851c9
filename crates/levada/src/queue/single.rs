//! Receiving with one receiver: messages are taken without the lock.

use core::fmt;
use core::ops::Deref;
use core::task::{Context, Poll, Waker, ready};
use std::collections::VecDeque;

use super::chan::{
    Chan, HAS_BACKLOG, RecvWaiters, RxOwned, SENDERS_WAITING, TxSide, UNBOUNDED, UNFENCE_AFTER,
    count,
};
use super::policy::Exchange;
use crate::observe::{Kind, Name, Observed, Op, WaitRecord};
use crate::prim::atomic::{Ordering, fence};
use crate::prim::{Arc, asymmetric};
use crate::refs::{Hub, Rx, Tx};
use crate::storage::ring::Emptied;
use crate::util::{FirstPanic, WakeBatch, budget};

/// The waker of the one receiver, while it sleeps.
#[derive(Debug, Default)]
pub(crate) struct RxWaker(Option<Waker>);

impl RecvWaiters for RxWaker {
    const KIND: Kind = Kind::Mpsc;
    const NEEDS_BACKLOG: bool = true;

    #[inline]
    fn take_next(&mut self) -> Option<Waker> {
        self.0.take()
    }

    fn take_all(&mut self, batch: &mut WakeBatch) -> bool {
        if self.0.is_none() {
            return false;
        }
        if !batch.has_room() {
            return true;
        }
        batch.push(self.0.take().expect("checked above"));
        false
    }

    fn exchange_oldest<T>(
        chan: &Chan<T, Self>,
        tx: &mut TxSide<T, Self>,
        value: T,
        _emptied: &mut Emptied<T>,
    ) -> Exchange<T> {
        let Some(backlog) = chan.backlog(tx) else { return Exchange::NothingToEvict(value) };
        let Some(oldest) = backlog.pop_front() else { return Exchange::NothingToEvict(value) };
        // Into the room of the other one.
        backlog.push_back(value);
        Exchange::Evicted(oldest)
    }

    fn exchange_newest<T>(chan: &Chan<T, Self>, tx: &mut TxSide<T, Self>, value: T) -> Exchange<T> {
        match chan.backlog(tx).and_then(VecDeque::back_mut) {
            Some(newest) => Exchange::Evicted(core::mem::replace(newest, value)),
            None => Exchange::NothingToEvict(value),
        }
    }
}

/// How many messages a receiver takes from a backlog, if it finds one. A type, so that a receiver
/// of one passes nothing.
trait Want {
    fn count(self) -> usize;
}

/// One message.
struct One;

/// Up to so many.
struct UpTo(usize);

impl Want for One {
    #[inline(always)]
    fn count(self) -> usize {
        1
    }
}

impl Want for UpTo {
    #[inline(always)]
    fn count(self) -> usize {
        self.0
    }
}

/// Why a receiver got no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoMessage {
    /// There is none now.
    Empty,
    /// There will be none any more.
    Ended,
}

/// The one receiver. Not `Clone`, so `&mut self` is what makes calls exclusive.
pub(crate) struct UniqueRx<T> {
    rx: Rx<Chan<T, RxWaker>>,
    /// Of a wait without a future: by `poll_recv`, or as a stream.
    wait: WaitRecord,
}

impl<T> fmt::Debug for UniqueRx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rx.fmt(f)
    }
}

impl<T> Deref for UniqueRx<T> {
    type Target = Rx<Chan<T, RxWaker>>;

    fn deref(&self) -> &Self::Target {
        &self.rx
    }
}

/// A channel with one receiver.
#[inline]
#[cfg_attr(feature = "observe", track_caller)]
pub(crate) fn channel<T>(capacity: usize, name: Name) -> (Tx<Chan<T, RxWaker>>, UniqueRx<T>) {
    let chan = Chan::new(capacity, name);
    (Tx::new(&chan), UniqueRx { rx: Rx::new(chan), wait: WaitRecord::new() })
}

/// A channel without a bound, which is shown as one of this kind, for messages of type `M`.
#[cfg_attr(feature = "observe", track_caller)]
pub(crate) fn channel_of<T, M>(kind: Kind, name: Name) -> (Tx<Chan<T, RxWaker>>, UniqueRx<T>) {
    let mut chan = Chan::new(UNBOUNDED, name);
    if cfg!(feature = "observe") {
        Arc::get_mut(&mut chan).expect("it is not shared yet").record.show_as::<M>(kind);
    }
    (Tx::new(&chan), UniqueRx { rx: Rx::new(chan), wait: WaitRecord::new() })
}

impl<T> UniqueRx<T> {
    /// Waits for a message; `None` at the end.
    #[inline]
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let budget = ready!(budget::poll_proceed(cx));
        let (chan, owned) = self.parts();
        loop {
            if let Some(message) = chan.pop(owned) {
                budget.made_progress();
                return Poll::Ready(Some(message));
            }
            if ready!(chan.poll_sleep(owned, cx, One)) == NoMessage::Ended {
                budget.made_progress();
                owned.returned_none = true;
                return Poll::Ready(None);
            }
        }
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`, with one synchronisation
    /// for all; 0 at the end, or if `limit` is 0.
    pub(crate) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        let budget = ready!(budget::poll_proceed(cx));
        let (chan, owned) = self.parts();
        loop {
            if chan.has_backlog() {
                chan.give_beside(owned, limit);
            }
            let received = chan.pop_many(owned, buffer, limit);
            if received > 0
                || limit == 0
                || ready!(chan.poll_sleep(owned, cx, UpTo(limit))) == NoMessage::Ended
            {
                budget.made_progress();
                return Poll::Ready(received);
            }
        }
    }

    /// Takes all messages that are there.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        let mut messages = Vec::with_capacity(self.len());
        let (chan, owned) = self.parts();
        let mut received = chan.pop_many(owned, &mut messages, usize::MAX);
        if chan.has_backlog() && chan.give(chan.lock(), usize::MAX).1 > 0 {
            received += chan.pop_many(owned, &mut messages, usize::MAX);
        }
        if received == 0 {
            // So that a refusal counts (wait::permits).
            messages.extend(self.try_recv());
        }
        messages
    }

    /// The oldest message, which stays where it is.
    pub(crate) fn peek(&mut self) -> Option<&T> {
        let (chan, owned) = self.parts();
        if chan.has_backlog() && chan.looks_empty() {
            // What is looked at can no longer be evicted.
            drop(chan.give(chan.lock(), 1));
        }
        // SAFETY: the consumer and the chain were made together in `Chan::new`.
        let slot = unsafe { owned.consumer.front(&chan.chain, &mut Emptied::default()) }?;
        // SAFETY: the slot is alive until the consumer steps over it, which needs `&mut self`.
        let slot = unsafe { &*slot };
        // SAFETY: it is initialised, and only the consumer accesses it until then (`front`).
        Some(slot.with(|slot| unsafe { &*slot.cast::<T>() }))
    }

    /// Takes the oldest message if `condition` holds for it.
    pub(crate) fn recv_if(&mut self, condition: impl FnOnce(&T) -> bool) -> Option<T> {
        if !condition(self.peek()?) {
            return None;
        }
        let (chan, owned) = self.parts();
        chan.pop(owned)
    }

    /// Waits for a message, and leaves it where it is; `false` at the end.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let budget = ready!(budget::poll_proceed(cx));
        let (chan, owned) = self.parts();
        let is_there = !chan.looks_empty()
            // Messages of a backlog stay where they are: they can be evicted until they are taken.
            || ready!(chan.poll_sleep(owned, cx, UpTo(0))) == NoMessage::Empty;
        budget.made_progress();
        Poll::Ready(is_there)
    }

    /// As [`poll_recv`](Self::poll_recv), for a caller without a future: what is recorded of the
    /// wait is in the receiver.
    #[inline]
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn poll_recv_directly(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.wait.at_caller();
        let polled = self.poll_recv(cx);
        self.note_wait(polled.is_pending(), cx);
        polled
    }

    /// As [`poll_recv_many`](Self::poll_recv_many), in the same way.
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn poll_recv_many_directly(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.wait.at_caller();
        let polled = self.poll_recv_many(cx, buffer, limit);
        self.note_wait(polled.is_pending(), cx);
        polled
    }

    /// As [`poll_recv_directly`](Self::poll_recv_directly), for the receiver as a stream: the wait
    /// is that of the line which created the channel.
    #[cfg(feature = "stream")]
    #[inline]
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let polled = self.poll_recv(cx);
        self.note_wait(polled.is_pending(), cx);
        polled
    }

    #[inline(always)]
    fn note_wait(&mut self, is_pending: bool, cx: &Context<'_>) {
        let Self { rx, wait } = self;
        wait.note(is_pending, cx, rx.record(), Op::Recv);
    }

    /// Messages in the channel: exact, and never more than its capacity, since the receiver's own
    /// position stands still meanwhile.
    pub(crate) fn len(&self) -> usize {
        if self.has_backlog() {
            return Chan::len(self);
        }
        self.chain.tail().wrapping_sub(self.head())
    }

    /// As [`Chan::looks_empty`], for a receiver that is about to block: it does not wait for a
    /// backlog to become a queue.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        Chan::looks_empty(self) && !self.has_backlog()
    }

    /// Takes a message if there is one. Wait-free unless the channel was closed or senders are in
    /// line.
    pub(crate) fn try_recv(&mut self) -> Result<T, NoMessage> {
        let (chan, owned) = self.parts();
        if let Some(message) = chan.pop(owned) {
            return Ok(message);
        }
        let ended = chan.counts().senders() == 0
            || (chan.is_closed() || chan.has_more_to_ask())
                && chan.why_no_message() == NoMessage::Ended;
        if !ended {
            return Err(NoMessage::Empty);
        }
        // What was sent before the end is visible now.
        chan.pop(owned).or_else(|| chan.pop_given(owned)).ok_or(NoMessage::Ended)
    }

    /// Whether [`poll_recv`](Self::poll_recv) has returned the end. Not whether the channel has
    /// ended: then a caller that checks here first would never get `None`.
    #[cfg(feature = "stream")]
    pub(crate) fn is_ended(&self) -> bool {
        // SAFETY: `&self` excludes the `&mut self` of everything that writes to it.
        self.rx.rx().consumer.with(|owned| unsafe { (*owned).returned_none })
    }

    /// The channel, and what is the receiver's own in it.
    #[inline]
    fn parts(&mut self) -> (&Chan<T, RxWaker>, &mut RxOwned<T>) {
        let chan: &Chan<T, RxWaker> = &self.rx;
        // SAFETY: there is one `UniqueRx` for a channel, made in `channel`, and it is borrowed
        // mutably for as long as this reference lives; the channel itself accesses the consumer
        // only after the receiver is dropped.
        let owned = chan.rx().consumer.with_mut(|owned| unsafe { &mut *owned });
        (chan, owned)
    }
}

impl<T> Chan<T, RxWaker> {
    /// Wakes the receiver if it sleeps, although there is nothing to receive.
    pub(crate) fn wake_receiver(&self) {
        let receiver = self.lock().receivers.take_next();
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    // With as many callers as it has it would be a function of its own.
    #[inline(always)]
    fn pop(&self, owned: &mut RxOwned<T>) -> Option<T> {
        // SAFETY: the consumer and the chain were made together in `Chan::new`.
        let message = unsafe { owned.consumer.pop(&self.chain) }?;
        self.record().note_received(count(owned.consumer.head().wrapping_sub(1)));
        self.release_head(owned);
        Some(message)
    }

    /// Appends up to `limit` of the messages that are there now to `buffer`: senders that are
    /// faster must not keep the receiver for ever.
    #[inline(always)]
    fn pop_many(&self, owned: &mut RxOwned<T>, buffer: &mut Vec<T>, limit: usize) -> usize {
        let there = self.chain.tail().wrapping_sub(owned.consumer.head());
        let mut received = 0;
        while received < limit.min(there) {
            // SAFETY: the consumer and the chain were made together in `Chan::new`.
            let Some(message) = (unsafe { owned.consumer.pop(&self.chain) }) else {
                break;
            };
            buffer.push(message);
            received += 1;
        }
        if received > 0 {
            let first = owned.consumer.head().wrapping_sub(received);
            self.record().note_received_many(count(first), received);
            self.release_head(owned);
        }
        received
    }

    /// Publishes what was received, and hands the capacity to senders that wait.
    #[inline]
    fn release_head(&self, owned: &mut RxOwned<T>) {
        self.publish_head(owned.consumer.head());
        // The count starts again after each progress.
        owned.refusals = 0;
        // Either this thread sees below that a sender waits, or that sender sees the capacity
        // (chan, Transitions).
        asymmetric::light_fence();
        if self.rx_flags() != 0 {
            self.finish_release(owned);
        }
    }

    /// A flag is set: NEEDS_FENCE, SENDERS_WAITING or both.
    #[cold]
    fn finish_release(&self, owned: &mut RxOwned<T>) {
        if !self.has_waiting_senders() {
            // ORDERING: SeqCst pairs with the fence in `send::fence_with_receiver`. Only a receiver
            // that sees no sender wait has to be sure of it.
            fence(Ordering::SeqCst);
        }
        owned.uncontended += 1;
        if self.has_waiting_senders() {
            owned.uncontended = 0;
            self.wake_next_sender();
        } else if owned.uncontended == UNFENCE_AFTER {
            owned.uncontended = 0;
            self.drop_receiver_fence();
        }
    }

    #[inline]
    fn rx_flags(&self) -> u8 {
        // ORDERING: Relaxed pairs with the store in `Chan::publish_waiting` by way of the fence in
        // `send::fence_with_receiver` and the receiver's; without one a hint, for `try_recv`.
        self.rx().rx_flags.load(Ordering::Relaxed)
    }

    /// Whether the channel has a backlog, as far as the receiver can see.
    #[inline]
    fn has_backlog(&self) -> bool {
        self.rx_flags() & HAS_BACKLOG != 0
    }

    /// Whether a receiver that finds nothing asks under the lock: a sender waits, or there may be a
    /// backlog.
    #[inline]
    fn has_more_to_ask(&self) -> bool {
        self.rx_flags() & (SENDERS_WAITING | HAS_BACKLOG) != 0
    }

    /// Gives so many messages of the backlog that the receiver has up to `limit` of them.
    #[cold]
    fn give_beside(&self, owned: &RxOwned<T>, limit: usize) {
        let given = self.chain.tail().wrapping_sub(owned.consumer.head());
        drop(self.give(self.lock(), limit.saturating_sub(given)));
    }

    /// Takes a message of the backlog.
    #[cold]
    fn pop_given(&self, owned: &mut RxOwned<T>) -> Option<T> {
        if self.has_backlog() && self.give(self.lock(), 1).1 > 0 { self.pop(owned) } else { None }
    }

    /// Whether a sender waits that was granted nothing, as far as the receiver can see.
    #[inline]
    fn has_waiting_senders(&self) -> bool {
        self.rx_flags() & SENDERS_WAITING != 0
    }

    /// Nothing was queued for a receiver that does not wait. A sender that does not claim its grant
    /// must not block the others, nor the end. `Ended` means that the receiver looks once more.
    #[cold]
    fn why_no_message(&self) -> NoMessage {
        let mut tx = self.lock();
        if self.has_backlog() {
            let given;
            (tx, given) = self.give(tx, 1);
            if given > 0 {
                return NoMessage::Ended;
            }
        }
        if self.queued(&tx) == 0 {
            tx.permits_mut().count_receiver_try();
        }
        let nothing = if self.is_ended(&tx) { NoMessage::Ended } else { NoMessage::Empty };
        self.unlock_after_refusal(tx);
        nothing
    }

    /// Goes to sleep, unless there is a message or the end.
    #[cold]
    fn poll_sleep(
        &self,
        owned: &mut RxOwned<T>,
        cx: &mut Context<'_>,
        want: impl Want,
    ) -> Poll<NoMessage> {
        // Cloned before the lock is taken and dropped after it is released (I4). If the last waker
        // is probably still there, it is compared first.
        let head = owned.consumer.head();
        let mut waker = (owned.parked_at_head != head).then(|| cx.waker().clone());
        let mut poll_again = false;
        loop {
            let mut tx = self.lock();
            if tx.producer.tail() != head {
                return Poll::Ready(NoMessage::Empty);
            }
            // A sender that does not claim its grant must not block the others.
            poll_again = poll_again || tx.permits_mut().count_receiver_poll(&mut owned.refusals);
            if self.may_be_ended(&tx) {
                if self.backlog(&mut tx).is_some_and(|backlog| !backlog.is_empty()) {
                    drop(self.give(tx, want.count()));
                    return Poll::Ready(NoMessage::Empty);
                }
                if self.is_ended(&tx) {
                    return Poll::Ready(NoMessage::Ended);
                }
            }
            let mut old = None;
            if !tx.receivers.0.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                let Some(new) = waker.take() else {
                    drop(tx);
                    waker = Some(cx.waker().clone());
                    continue;
                };
                old = tx.receivers.0.replace(new);
            }
            owned.parked_at_head = head;
            let grantable = tx.permits_mut().has_grantable(0);
            drop(tx);
            let mut panics = FirstPanic::default();
            if grantable {
                panics.catch(|| self.wake_senders());
            }
            // A waiter that was just granted may not be polled either.
            if poll_again || grantable {
                panics.catch(|| cx.waker().wake_by_ref());
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            return Poll::Pending;
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "observe", not(loom)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::observe::{Channel, snapshot};

    /// Rule 1 of the module `observe`. The thread that holds the lock goes on only when another one
    /// has read the channel, so that a snapshot that waits for the lock fails the test.
    #[test]
    fn a_snapshot_does_not_wait_for_a_holder_that_is_stopped() {
        let (tx, _rx) = channel::<u8>(2, Name::new("held"));
        tx.touch();
        tx.try_send(1).unwrap();
        let read = || {
            let (done, made) = mpsc::channel();
            thread::spawn(move || drop(done.send(snapshot())));
            let snapshot = made.recv_timeout(Duration::from_secs(60)).unwrap();
            let is_own = |channel: &Channel| channel.origin.name() == Some("held");
            snapshot.channels.into_iter().find(is_own).unwrap()
        };
        let holder = tx.lock();
        let busy = read();
        drop(holder);
        assert_eq!(busy.reserved, None, "it says that it was busy");
        assert_eq!((busy.depth, busy.sent, busy.senders), (Some(1), 1, 1), "and all the rest");
        assert_eq!(read().reserved, Some(0));
    }
}
