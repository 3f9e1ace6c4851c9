//! Sending: acquiring permits, and storing messages.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::chan::{Chan, RecvWaiters, SpareWaker, Storing, TxSide, count, with_message_in_hand};
use super::error::{Refused, TrySendError};
use super::refusals::Last;
use crate::observe::Observed;
use crate::prim::atomic::{Ordering, fence};
use crate::prim::{LockGuard, asymmetric, is_parked_by};
use crate::util::{DropLast, FirstPanic, budget, wake_in_batches};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;
use crate::wait::permits::PollAcquire;

/// The lock, held by a sender that may take its permits now.
pub(super) struct Acquired<'a, T, P> {
    pub(super) tx: LockGuard<'a, TxSide<T, P>>,
    /// Dropped after the lock is released.
    pub(super) spare: SpareWaker,
}

impl<T, P: RecvWaiters> Chan<T, P> {
    /// Sends without waiting.
    #[inline(always)]
    pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let (refused, value) = match self.try_acquire(1) {
            Ok(tx) => match self.push(tx, value) {
                Ok(()) => return Ok(()),
                Err(value) => (Refused::Closed, value),
            },
            Err(refused) => (refused, value),
        };
        self.refuse(refused, value)
    }

    /// Takes `permits` permits without waiting. Each ends in [`send_reserved`](Self::send_reserved)
    /// or [`release`](Self::release).
    pub(crate) fn try_reserve(&self, permits: usize) -> Result<(), Refused> {
        self.try_acquire(permits).map(|mut tx| tx.permits_mut().reserve(permits))
    }

    /// Sends a message with a permit. Returns the message if no receiver is left.
    #[inline]
    pub(crate) fn send_reserved(&self, value: T) -> Result<(), T> {
        let mut tx = self.lock();
        tx.permits_mut().release(1);
        self.push(tx, value)
    }

    /// Gives permits back unused.
    pub(crate) fn release(&self, permits: usize) {
        self.update_and_wake(|tx| tx.permits_mut().release(permits));
    }

    /// Waits for `permits` permits, at most the channel's capacity, and takes them.
    ///
    /// A node this was called with is given to [`cancel`](Self::cancel) before it drops.
    pub(crate) fn poll_reserve<'n>(
        &self,
        node: impl NodeRef<'n>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        let Poll::Ready(budget) = budget::poll_proceed(cx) else {
            return self.poll_over_budget(node.pinned(), permits, cx).map(Err);
        };
        let acquired = ready!(self.poll_acquire(node, permits, cx));
        if acquired.is_ok() {
            budget.made_progress();
        }
        Poll::Ready(acquired.map(|mut acquired| acquired.tx.permits_mut().reserve(permits)))
    }

    /// Waits for a permit and sends the message with it. The message is taken from `value` when
    /// this is ready with `Ok`, and not before.
    ///
    /// A node this was called with is given to [`cancel`](Self::cancel) before it drops.
    #[inline]
    pub(crate) fn poll_send(
        &self,
        node: Pin<&Node>,
        value: &mut Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        // Before it acquires a permit that another sender could use.
        assert!(value.is_some(), "`Send` polled after completion");
        let Poll::Ready(budget) = budget::poll_proceed(cx) else {
            return self.poll_over_budget(node, 1, cx).map(Err);
        };
        let Acquired { tx, spare } = match self.poll_acquire(node, 1, cx) {
            Poll::Ready(Ok(acquired)) => acquired,
            Poll::Ready(Err(refused)) => return Poll::Ready(Err(refused)),
            Poll::Pending if self.may_overflow() => {
                budget.made_progress();
                return Poll::Ready(self.overflow_instead(node, value));
            }
            Poll::Pending => return Poll::Pending,
        };
        budget.made_progress();
        let message = value.take().expect("checked above");
        if let Err(message) = self.push(tx, message) {
            *value = Some(message);
            return Poll::Ready(Err(Refused::Closed));
        }
        // After the lock (I4).
        drop(spare);
        Poll::Ready(Ok(()))
    }

    /// Removes a waiter, whether it was granted or not.
    #[cold]
    pub(crate) fn cancel(&self, node: Pin<&Node>) {
        let mut waker = DropLast(None);
        self.update_and_wake(|tx| waker.0 = tx.permits_mut().dequeue(node));
    }

    /// Whether a new sender can take `permits` permits.
    #[inline(always)]
    pub(super) fn check_available(
        &self,
        tx: &mut TxSide<T, P>,
        permits: usize,
    ) -> Result<(), Refused> {
        // Zero permits are requested only to learn whether the channel is closed.
        if permits.max(1) <= tx.cached_permits {
            return Ok(());
        }
        if tx.permits().is_closed() {
            return Err(Refused::Closed);
        }
        let queued = tx.producer.tail().wrapping_sub(tx.head_seen);
        if permits <= tx.permits().available(queued) {
            return Ok(());
        }
        tx.head_seen = self.head();
        let queued = tx.producer.tail().wrapping_sub(tx.head_seen);
        if permits <= tx.permits().available(queued) { Ok(()) } else { Err(Refused::Full) }
    }

    /// Locks for a sender that does not wait, if it can take `permits` permits.
    #[inline(always)]
    pub(super) fn try_acquire(
        &self,
        permits: usize,
    ) -> Result<LockGuard<'_, TxSide<T, P>>, Refused> {
        let last = self.last_refusal();
        if permits > 0 && last != Last::SENT && self.is_certainly_full(last) {
            return Err(Refused::Full);
        }
        let mut tx = self.lock();
        if self.check_available(&mut tx, permits).is_ok() {
            if last != Last::SENT {
                self.refusals().note(tx.permits().has_waiting());
            }
            return Ok(tx);
        }
        drop(tx);
        self.try_acquire_slow(permits)
    }

    /// [`try_acquire`](Self::try_acquire) for a sender that was refused: after all free capacity is
    /// granted enough may be left, or this refusal may let grants expire.
    #[cold]
    fn try_acquire_slow(&self, permits: usize) -> Result<LockGuard<'_, TxSide<T, P>>, Refused> {
        let mut tx = self.lock_after_granting();
        let Err(refused) = self.check_available(&mut tx, permits) else {
            return Ok(tx);
        };
        let queued = self.queued(&tx);
        if refused == Refused::Full
            && tx.permits_mut().count_refused_try(queued)
            && permits <= tx.permits().available(queued)
        {
            return Ok(tx);
        }
        self.note_refusal(&tx);
        self.unlock_after_refusal(tx);
        Err(refused)
    }

    /// Locks, after granting all free capacity to waiting senders. A receiver frees capacity before
    /// it grants it; in between, `available` would report none.
    #[cold]
    pub(super) fn lock_after_granting(&self) -> LockGuard<'_, TxSide<T, P>> {
        loop {
            let mut tx = self.lock();
            let queued = self.queued(&tx);
            if !tx.permits_mut().has_grantable(queued) {
                return tx;
            }
            drop(tx);
            with_message_in_hand(|| self.wake_senders());
        }
    }

    /// Unlocks after a refusal. Wakes the next senders if grants expired, and the next receiver if
    /// the promise to one that was woken and not polled expired.
    #[cold]
    pub(super) fn unlock_after_refusal(&self, mut tx: LockGuard<'_, TxSide<T, P>>) {
        let queued = self.queued(&tx);
        let grantable = tx.permits_mut().has_grantable(queued);
        let counts = queued > 0 && !tx.permits().is_closed();
        let receiver = if counts { tx.receivers.take_after_expiry() } else { None };
        drop(tx);
        if let Some(receiver) = receiver {
            with_message_in_hand(|| receiver.wake());
        }
        if grantable {
            with_message_in_hand(|| self.wake_senders());
        }
    }

    /// For a task that has used up its budget, so that its runtime polls it again: the waiter is
    /// enqueued now, or granted if capacity is free. A refusal costs no budget.
    #[cold]
    pub(super) fn poll_over_budget(
        &self,
        node: Pin<&Node>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Refused> {
        match ready!(self.poll_acquire_slow(node, permits, cx)) {
            Ok(mut acquired) => {
                acquired.tx.permits_mut().grant_newcomer(node, permits);
                drop(acquired);
                // Others may wait behind this one, which may never be polled again.
                self.wake_senders();
                Poll::Pending
            }
            Err(refused) => Poll::Ready(refused),
        }
    }

    /// Waits until the permits can be taken, and returns the lock under which they can.
    #[inline(always)]
    pub(super) fn poll_acquire<'n>(
        &self,
        node: impl NodeRef<'n>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Acquired<'_, T, P>, Refused>> {
        if !node.is_bound() && self.refusals().last() != Last::WAITS {
            let mut tx = self.lock();
            if self.check_available(&mut tx, permits).is_ok() {
                return Poll::Ready(Ok(Acquired { tx, spare: SpareWaker(None) }));
            }
        }
        self.poll_acquire_slow(node.pinned(), permits, cx)
    }

    /// The same for a waiter that is in the queue, or has to be enqueued, or finds the channel
    /// closed.
    #[cold]
    fn poll_acquire_slow(
        &self,
        node: Pin<&Node>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Acquired<'_, T, P>, Refused>> {
        if node.is_bound() {
            // Probably woken because it was granted.
            let mut tx = self.lock();
            if tx.permits_mut().acquire_granted(node) {
                return Poll::Ready(Ok(Acquired { tx, spare: SpareWaker(None) }));
            }
        }
        // The waiter will probably be enqueued.
        let mut spare = SpareWaker((!node.is_bound()).then(|| cx.waker().clone()));
        let blocking = is_parked_by(cx.waker());
        let mut poll_again = false;
        loop {
            let mut tx = self.lock();
            let had_waiting_senders = tx.has_waiting_senders();
            let head = self.head();
            tx.head_seen = head;
            let queued = tx.producer.tail().wrapping_sub(head);
            let acquired = tx.permits_mut().poll_acquire(node, permits, queued);
            if acquired == PollAcquire::Closed {
                drop(tx);
                self.cancel(node);
                return Poll::Ready(Err(Refused::Closed));
            }
            if acquired == PollAcquire::Acquired {
                let woken = tx.permits_mut().dequeue(node);
                debug_assert!(
                    woken.is_none(),
                    "a granted waiter was woken, and others never waited"
                );
                self.publish_waiting(&mut tx);
                return Poll::Ready(Ok(Acquired { tx, spare }));
            }
            poll_again = poll_again || tx.permits_mut().count_refusal(node, queued);
            let mut old = None;
            if !tx.permits_mut().is_enqueued(node, cx.waker()) {
                let Some(new) = spare.0.take() else {
                    drop(tx);
                    // Outside the lock (I4).
                    spare.0 = Some(cx.waker().clone());
                    continue;
                };
                old = tx.permits_mut().enqueue(node, permits, new, blocking);
            }
            let fence_unseen = self.publish_waiting(&mut tx);
            let grantable = tx.permits_mut().has_grantable(queued);
            // A receiver that was woken and is not polled must not block the others.
            let watching = queued > 0 && tx.receivers.has_waiting();
            let receiver = if watching { tx.receivers.take_after_expiry() } else { None };
            poll_again = poll_again || watching;
            drop(tx);
            // Before foreign code that may panic: other senders rely on it.
            let announced = !had_waiting_senders || fence_unseen;
            poll_again = poll_again || announced && !self.fence_with_receiver(fence_unseen);
            let granted = grantable || announced && self.head() != head;
            let mut panics = FirstPanic::default();
            if granted {
                panics.catch(|| self.wake_senders());
            }
            if let Some(receiver) = receiver {
                panics.catch(|| receiver.wake());
            }
            if poll_again && !granted {
                panics.catch(|| cx.waker().wake_by_ref());
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            if granted {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// For a sender that has set SENDERS_WAITING: either the receiver sees the flag, or the sender
    /// sees after this that `head` moved. `fence_unseen` if the receiver may not execute a fence of
    /// its own. Returns `false` if neither is certain.
    #[cold]
    fn fence_with_receiver(&self, fence_unseen: bool) -> bool {
        if fence_unseen {
            // Pairs with the light fence in `single::release_head`.
            return asymmetric::try_heavy_fence();
        }
        // ORDERING: SeqCst pairs with the fence in `single::finish_release`.
        fence(Ordering::SeqCst);
        true
    }

    /// Grants free capacity to waiting senders and wakes them, and a sleeping receiver if it has to
    /// count against unclaimed grants.
    #[cold]
    pub(super) fn wake_senders(&self) {
        self.update_and_wake(|_| ());
    }

    /// The same for a receiver that holds a message and freed one place: usually one sender is all
    /// there is to wake.
    #[cold]
    pub(super) fn wake_next_sender(&self) {
        let mut tx = self.lock();
        tx.acknowledge_fence();
        let queued = self.queued(&tx);
        let first = tx.permits_mut().grant_first(queued).flatten();
        self.publish_waiting(&mut tx);
        let more = tx.permits_mut().has_grantable(queued) || tx.permits().is_exhausted();
        // As in `update_and_wake`.
        let watcher =
            if tx.permits().needs_receiver(queued) { tx.receivers.take_next() } else { None };
        drop(tx);
        for waker in [first, watcher].into_iter().flatten() {
            with_message_in_hand(|| waker.wake());
        }
        if more {
            with_message_in_hand(|| self.wake_senders());
        }
    }

    /// Makes a change under the lock that may free capacity or reach the end, and wakes the tasks
    /// that wait for either.
    fn update_and_wake(&self, mut change: impl FnMut(&mut TxSide<T, P>)) {
        let mut changed = false;
        wake_in_batches(|batch| {
            let mut tx = self.lock();
            if !core::mem::replace(&mut changed, true) {
                change(&mut tx);
            }
            let queued = self.queued(&tx);
            let more = tx.permits_mut().grant_waiters(queued, batch);
            self.publish_waiting(&mut tx);
            if more {
                return true;
            }
            // If messages are left, the receiver that takes the last one reports the end.
            let ended = queued == 0 && tx.permits().is_exhausted();
            // Where nothing else happens in the channel, a receiver counts against grants: it lets
            // the grant expire if its waiter is not polled (wait::permits).
            let blocked = tx.permits().needs_receiver(queued);
            if ended {
                return tx.receivers.take_all(batch);
            }
            if blocked {
                if !batch.has_room() {
                    return true;
                }
                if let Some(waker) = tx.receivers.take_next() {
                    batch.push(waker);
                }
            }
            false
        });
    }

    /// Stores a message for which there is capacity, and wakes a receiver. Returns the message if
    /// no receiver is left.
    // With as many callers as it has it would be a function of its own.
    #[inline(always)]
    pub(super) fn push<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
        value: T,
    ) -> Result<(), T> {
        if tx.cached_permits > 0 {
            tx.cached_permits -= 1;
        } else {
            if tx.storing != Storing::Chain {
                return self.push_elsewhere(tx, value);
            }
            if tx.producer.room() == 0 {
                tx = self.make_room(tx);
                if tx.storing != Storing::Chain {
                    return self.push_elsewhere(tx, value);
                }
            }
            tx.refill_cached_permits();
            tx.cached_permits = tx.cached_permits.saturating_sub(1);
        }
        let position = tx.producer.tail();
        self.record().note_sent(count(position), || position.wrapping_sub(self.head()));
        // SAFETY: the producer and the chain were made together in `Chan::new`. The producer has
        // room: checked above, or by `make_room`, under the lock, which was held since.
        unsafe { tx.producer.push(&self.chain, value) };
        let receiver = tx.receivers.grant_next();
        drop(tx);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// Makes room in the storage. If that allocates, the lock is released meanwhile, and a permit
    /// reserves the message's place.
    #[cold]
    pub(super) fn make_room<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
    ) -> LockGuard<'a, TxSide<T, P>> {
        loop {
            let head = self.head();
            // SAFETY: the producer and the chain were made together in `Chan::new`; `Chan::head`
            // loads with Acquire.
            let Err(len) = (unsafe { tx.producer.make_room(&self.chain, head) }) else {
                return tx;
            };
            tx.permits_mut().reserve(1);
            drop(tx);
            let fresh = self.chain.grow(len);
            tx = self.lock();
            tx.permits_mut().release(1);
            let head = self.head();
            // SAFETY: the same producer and chain, and a `head` from `Chan::head` once more.
            let unused = unsafe { tx.producer.extend(&self.chain, head, fresh) };
            let Some(unused) = unused else { return tx };
            // Another sender has extended the storage. The unused memory is freed outside the lock,
            // after which there may be no room again.
            tx.permits_mut().reserve(1);
            drop(tx);
            drop(unused);
            tx = self.lock();
            tx.permits_mut().release(1);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use crate::mpsc;

    /// A request for zero permits succeeds, but not on a closed channel.
    #[tokio::test]
    async fn no_permits_of_a_closed_channel_are_refused() {
        let (tx, mut rx) = mpsc::channel::<u32>(2);
        assert!(tx.try_reserve_many(0).is_ok());
        assert!(tx.reserve_many(0).await.is_ok());
        rx.close();
        assert!(tx.try_reserve_many(0).is_err());
        assert!(tx.reserve_many(0).await.is_err());
    }
}
