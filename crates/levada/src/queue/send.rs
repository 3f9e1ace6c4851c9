//! Sending: permits, and messages that use one up.

use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use super::chan::{Chan, Parked, TxSide, with_message_in_hand};
use crate::prim::atomic::{Ordering, fence};
use crate::prim::{LockGuard, asymmetric, is_parked_by};
use crate::util::{DropLast, FirstPanic, budget, wake_in_batches};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;
use crate::wait::permits::Turn;

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All are out, or promised to others.
    Full,
    /// The channel is closed.
    Closed,
}

/// The lock, for somebody whose turn it is.
struct HasTurn<'a, T, P> {
    tx: LockGuard<'a, TxSide<T, P>>,
    unused: Unused,
}

/// A clone of a waker that was perhaps not needed: dropped after the lock is released (chan, I4).
/// Its panic ends there, because its owner may have a message or permits in hand.
struct Unused(Option<Waker>);

impl Drop for Unused {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            with_message_in_hand(|| drop(waker));
        }
    }
}

impl<T, P: Parked> Chan<T, P> {
    /// Sends without waiting.
    #[inline]
    pub(crate) fn try_send(&self, value: T) -> Result<(), (Refused, T)> {
        match self.try_take_turn(1) {
            Ok(tx) => self.push(tx, value).map_err(|value| (Refused::Closed, value)),
            Err(refused) => Err((refused, value)),
        }
    }

    /// Takes `permits` permits without waiting. Each ends in [`send_reserved`](Self::send_reserved)
    /// or [`release`](Self::release).
    pub(crate) fn try_reserve(&self, permits: usize) -> Result<(), Refused> {
        self.try_take_turn(permits).map(|mut tx| tx.permits_mut().reserve(permits))
    }

    /// Uses up a permit. Gives the message back if there is no receiver left to have it.
    #[inline]
    pub(crate) fn send_reserved(&self, value: T) -> Result<(), T> {
        let mut tx = self.lock();
        tx.permits_mut().release(1);
        self.push(tx, value)
    }

    /// Gives permits back unused.
    pub(crate) fn release(&self, permits: usize) {
        self.hand_on(|tx| tx.permits_mut().release(permits));
    }

    /// Waits for `permits` permits and takes them. `need` is at most the channel's capacity.
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
        let turn = ready!(self.poll_turn(node, permits, cx));
        if turn.is_ok() {
            budget.made_progress();
        }
        Poll::Ready(turn.map(|mut turn| turn.tx.permits_mut().reserve(permits)))
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
        // Before a turn is taken that somebody else could use.
        assert!(value.is_some(), "`Send` polled after completion");
        let Poll::Ready(budget) = budget::poll_proceed(cx) else {
            return self.poll_over_budget(node, 1, cx).map(Err);
        };
        let turn = ready!(self.poll_turn(node, 1, cx));
        if turn.is_ok() {
            budget.made_progress();
        }
        Poll::Ready(turn.and_then(|turn| {
            let message = value.take().expect("checked above");
            let pushed = self.push(turn.tx, message);
            // After the lock (I4).
            drop(turn.unused);
            pushed.map_err(|message| {
                *value = Some(message);
                Refused::Closed
            })
        }))
    }

    /// A waiter goes, whether its turn has come or not.
    #[cold]
    pub(crate) fn cancel(&self, node: Pin<&Node>) {
        let mut waker = DropLast(None);
        self.hand_on(|tx| waker.0 = tx.permits_mut().leave(node));
    }

    /// Whether a newcomer may take `permits` permits.
    #[inline]
    fn try_turn(&self, tx: &mut TxSide<T, P>, permits: usize) -> Result<(), Refused> {
        // Nobody asks for none but to learn whether the channel is closed.
        if permits.max(1) <= tx.credit {
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

    /// The lock under which somebody who does not wait may take `permits` permits.
    #[inline]
    fn try_take_turn(&self, permits: usize) -> Result<LockGuard<'_, TxSide<T, P>>, Refused> {
        if permits > 0 && self.is_crowded() && self.is_refused_for_sure() {
            return Err(Refused::Full);
        }
        let mut tx = self.lock();
        if self.try_turn(&mut tx, permits).is_ok() {
            return Ok(tx);
        }
        drop(tx);
        self.insist(permits)
    }

    /// Whether a sender that does not wait is refused, and does not have to be counted: senders are
    /// in line, and messages are queued, so no promise can lapse by it. Without the lock, which a
    /// loop of tries would keep from the senders in line.
    #[cold]
    fn is_refused_for_sure(&self) -> bool {
        !P::COUNTS_REFUSED_SENDERS && !self.looks_empty() && !self.is_closed()
    }

    /// The same for one that was refused: it may be that those in line leave enough, or that it was
    /// refused so often that promises lapse.
    #[cold]
    fn insist(&self, permits: usize) -> Result<LockGuard<'_, TxSide<T, P>>, Refused> {
        let mut tx = self.lock_settled();
        let Err(refused) = self.try_turn(&mut tx, permits) else {
            return Ok(tx);
        };
        let queued = self.queued(&tx);
        if refused == Refused::Full
            && tx.permits_mut().refuse_newcomer(queued)
            && permits <= tx.permits().available(queued)
        {
            return Ok(tx);
        }
        self.settle(tx);
        Err(refused)
    }

    /// The lock, with nothing free that somebody in line could have. A receiver makes room before
    /// it hands it on, and in between all of it would seem to be the line's.
    #[cold]
    pub(super) fn lock_settled(&self) -> LockGuard<'_, TxSide<T, P>> {
        loop {
            let mut tx = self.lock();
            let queued = self.queued(&tx);
            if tx.permits_mut().is_settled(queued) {
                return tx;
            }
            drop(tx);
            with_message_in_hand(|| self.serve_senders());
        }
    }

    /// Lets go of the lock after a refusal. If promises lapsed by it, whoever is in line is next;
    /// if a receiver that was woken does not come, the next receiver.
    #[cold]
    pub(super) fn settle(&self, mut tx: LockGuard<'_, TxSide<T, P>>) {
        let queued = self.queued(&tx);
        let settled = tx.permits_mut().is_settled(queued);
        let counts = queued > 0 && !tx.permits().is_closed();
        let receiver = if counts { tx.parked.take_overdue() } else { None };
        drop(tx);
        if let Some(receiver) = receiver {
            with_message_in_hand(|| receiver.wake());
        }
        if !settled {
            with_message_in_hand(|| self.serve_senders());
        }
    }

    /// For a task that has used up its budget, and that its runtime polls again for that: it gets
    /// its place in line now, and keeps its turn until then if the turn has come. A refusal costs
    /// no budget.
    #[cold]
    fn poll_over_budget(
        &self,
        node: Pin<&Node>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Refused> {
        match ready!(self.poll_turn_in_line(node, permits, cx)) {
            Ok(mut turn) => {
                turn.tx.permits_mut().grant_newcomer(node, permits);
                drop(turn);
                // Others may wait behind this one, which may never come.
                self.serve_senders();
                Poll::Pending
            }
            Err(refused) => Poll::Ready(refused),
        }
    }

    /// Waits until the permits may be taken, and gives the lock under which they may.
    #[inline]
    fn poll_turn<'n>(
        &self,
        node: impl NodeRef<'n>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HasTurn<'_, T, P>, Refused>> {
        if !node.is_bound() && !self.is_crowded() {
            let mut tx = self.lock();
            if self.try_turn(&mut tx, permits).is_ok() {
                return Poll::Ready(Ok(HasTurn { tx, unused: Unused(None) }));
            }
        }
        self.poll_turn_in_line(node.pinned(), permits, cx)
    }

    /// The same for a waiter that is, or gets, in line; or is refused for good.
    #[cold]
    fn poll_turn_in_line(
        &self,
        node: Pin<&Node>,
        permits: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<HasTurn<'_, T, P>, Refused>> {
        if node.is_bound() {
            // Woken, mostly because its turn has come.
            let mut tx = self.lock();
            if tx.permits_mut().take_granted(node) {
                return Poll::Ready(Ok(HasTurn { tx, unused: Unused(None) }));
            }
        }
        // For the place in line, now that there is probably one to take.
        let mut unused = Unused((!node.is_bound()).then(|| cx.waker().clone()));
        let lasting = is_parked_by(cx.waker());
        let mut impatient = false;
        loop {
            let mut tx = self.lock();
            let was_hungry = tx.is_hungry();
            let head = self.head();
            tx.head_seen = head;
            let queued = tx.producer.tail().wrapping_sub(head);
            let turn = tx.permits_mut().poll_turn(node, permits, queued);
            if turn == Turn::Closed {
                drop(tx);
                self.cancel(node);
                return Poll::Ready(Err(Refused::Closed));
            }
            if turn == Turn::Taken {
                let woken = tx.permits_mut().leave(node);
                debug_assert!(woken.is_none(), "who has its turn was woken, or never waited");
                self.note_hungry(&mut tx);
                return Poll::Ready(Ok(HasTurn { tx, unused }));
            }
            impatient = impatient || tx.permits_mut().refuse(node, queued);
            let mut old = None;
            if !tx.permits_mut().is_entered(node, cx.waker()) {
                let Some(new) = unused.0.take() else {
                    drop(tx);
                    // Outside the lock (I4).
                    unused.0 = Some(cx.waker().clone());
                    continue;
                };
                old = tx.permits_mut().enter(node, permits, new, lasting);
            }
            let unanswered = self.note_hungry(&mut tx);
            let settled = tx.permits_mut().is_settled(queued);
            // A receiver that was woken and does not come must not stop the others.
            let watching = queued > 0 && tx.parked.has_more();
            let receiver = if watching { tx.parked.take_overdue() } else { None };
            impatient = impatient || watching;
            drop(tx);
            // Before foreign code that may panic: others rely on it.
            let asks = !was_hungry || unanswered;
            impatient = impatient || asks && !self.fence_with_receiver(unanswered);
            let served = !settled || asks && self.head() != head;
            let mut panics = FirstPanic::default();
            if served {
                panics.catch(|| self.serve_senders());
            }
            if let Some(receiver) = receiver {
                panics.catch(|| receiver.wake());
            }
            if impatient && !served {
                panics.catch(|| cx.waker().wake_by_ref());
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            if served {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// For a sender that has made the receiver HUNGRY: either the receiver sees that, or the sender
    /// finds after this that it went on. `unanswered` if the receiver may do without a fence of its
    /// own. Answers `false` if neither is certain.
    #[cold]
    fn fence_with_receiver(&self, unanswered: bool) -> bool {
        if unanswered {
            // Pairs with the light fence in `single::release_head`.
            return asymmetric::try_heavy_fence();
        }
        // ORDERING: SeqCst pairs with the fence in `single::attend`.
        fence(Ordering::SeqCst);
        true
    }

    /// Wakes whoever is concerned by capacity that was freed: senders in line, and a receiver that
    /// sleeps if they do not come.
    #[cold]
    pub(super) fn serve_senders(&self) {
        self.hand_on(|_| ());
    }

    /// The same for a receiver with a message in hand, which made room for the first in line:
    /// mostly that is all there is to do.
    #[cold]
    pub(super) fn serve_first(&self) {
        let mut tx = self.lock();
        tx.answer();
        let queued = self.queued(&tx);
        let first = tx.permits_mut().grant_first(queued).flatten();
        self.note_hungry(&mut tx);
        let more = !tx.permits_mut().is_settled(queued) || tx.permits().is_exhausted();
        // As in `hand_on`.
        let watcher = if tx.permits().is_blocked(queued) { tx.parked.take_one() } else { None };
        drop(tx);
        for waker in [first, watcher].into_iter().flatten() {
            with_message_in_hand(|| waker.wake());
        }
        if more {
            with_message_in_hand(|| self.serve_senders());
        }
    }

    /// Changes something under the lock that may free capacity or reach the end, and wakes whoever
    /// that concerns.
    fn hand_on(&self, mut change: impl FnMut(&mut TxSide<T, P>)) {
        let mut changed = false;
        wake_in_batches(|batch| {
            let mut tx = self.lock();
            if !core::mem::replace(&mut changed, true) {
                change(&mut tx);
            }
            let queued = self.queued(&tx);
            let more = tx.permits_mut().settle(queued, batch);
            self.note_hungry(&mut tx);
            if more {
                return true;
            }
            // Where messages are left, the receiver that takes the last one tells of the end.
            let ended = queued == 0 && tx.permits().is_exhausted();
            // A promise in a channel where nothing else happens is watched by a receiver: it lets
            // the promise lapse if nobody comes (wait::permits).
            let blocked = tx.permits().is_blocked(queued);
            if ended {
                return tx.parked.take_all(batch);
            }
            if blocked {
                if !batch.has_room() {
                    return true;
                }
                if let Some(waker) = tx.parked.take_one() {
                    batch.push(waker);
                }
            }
            false
        });
    }

    /// Stores a message for which there is capacity, and wakes a receiver. Gives the message back
    /// if there is no receiver left to have it.
    #[inline]
    fn push<'a>(&'a self, mut tx: LockGuard<'a, TxSide<T, P>>, value: T) -> Result<(), T> {
        if tx.credit > 0 {
            tx.credit -= 1;
        } else {
            if tx.unreceived {
                return Err(value);
            }
            if tx.producer.room() == 0 {
                tx = self.make_room(tx);
                if tx.unreceived {
                    return Err(value);
                }
            }
            tx.look_ahead();
            tx.credit = tx.credit.saturating_sub(1);
        }
        // SAFETY: the producer and the chain were made together in `Chan::new`. It has room: seen
        // just now, or by `make_room`, and under the lock, which we hold since.
        unsafe { tx.producer.push(&self.chain, value) };
        let receiver = tx.parked.grant_one();
        drop(tx);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    /// Makes the producer have room. If that takes memory, the lock is released meanwhile, and a
    /// permit keeps the message's place.
    #[cold]
    fn make_room<'a>(&'a self, mut tx: LockGuard<'a, TxSide<T, P>>) -> LockGuard<'a, TxSide<T, P>> {
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
            // Somebody else was faster. Freed outside the lock; then there may be no room again.
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

    /// With no permit asked for there is always enough; the close is told all the same.
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
