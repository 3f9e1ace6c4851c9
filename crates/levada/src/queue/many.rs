//! Receiving with many receivers: under the lock, in the order of waiting.
//!
//! A message is promised to the receiver that has waited longest, as capacity is to senders;
//! [`mod@line`] has the rules. Several messages may be promised at a time. Receivers that run take
//! what is beyond that: with more messages than waiting receivers none of them is refused.
//!
//! A receiver that is refused, because all messages are promised to others, gets in line and wakes
//! itself, so that it counts the refusals after which a promise lapses. If all others sleep,
//! senders that find the channel full count, and receivers that leave a message behind.

mod line;

use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

pub(crate) use self::line::Line;
use super::chan::{Chan, Parked, TxSide, with_message_in_hand};
use super::single::Nothing;
use crate::prim::{LockGuard, is_parked_by};
use crate::refs::{Rx, Tx};
use crate::storage::ring::Emptied;
use crate::util::{DropLast, FirstPanic, budget, wake_in_batches};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;

/// A channel with many receivers.
#[expect(clippy::type_complexity, reason = "two handles of one channel")]
pub(crate) fn channel<T>(capacity: usize) -> (Tx<Chan<T, Line>>, Rx<Chan<T, Line>>) {
    let chan = Chan::new(capacity);
    (Tx::new(&chan), Rx::new(chan))
}

impl<T> Chan<T, Line> {
    /// Waits for a message; `None` at the end.
    ///
    /// A node this was called with is given to [`cancel_recv`](Self::cancel_recv) before it drops.
    #[inline]
    pub(crate) fn poll_recv<'n>(
        &self,
        node: impl NodeRef<'n>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<T>> {
        let Poll::Ready(budget) = budget::poll_proceed(cx) else {
            return self.enter_over_budget(node.pinned(), cx);
        };
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        if !node.is_bound() {
            let mut tx = self.lock();
            if !tx.parked.has_promised()
                && let Some(message) = self.pop(&mut tx, &mut emptied)
            {
                self.hand_on_received(tx);
                budget.made_progress();
                return Poll::Ready(Some(message));
            }
        }
        let received = ready!(self.poll_recv_in_line(node.pinned(), cx));
        budget.made_progress();
        Poll::Ready(received)
    }

    /// For a task that has used up its budget, and that its runtime polls again for that: it gets
    /// its place in line now, and the promise of a message that no other receiver waits for.
    #[cold]
    fn enter_over_budget<R>(&self, node: Pin<&Node>, cx: &Context<'_>) -> Poll<R> {
        let waker = cx.waker().clone();
        let mut tx = self.lock();
        if tx.parked.is_granted(node) {
            drop(tx);
            drop(waker);
            return Poll::Pending;
        }
        let old = DropLast(tx.parked.enter(node, waker, false));
        let queued = self.queued(&tx);
        let granted = tx.parked.settle(queued);
        drop(tx);
        if let Some(granted) = granted {
            granted.wake();
        }
        drop(old);
        Poll::Pending
    }

    /// The same for a receiver that is, or perhaps gets, in line.
    #[cold]
    fn poll_recv_in_line(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut message = None;
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        ready!(self.poll_take(node, cx, |chan, tx, _| message = chan.pop(tx, &mut emptied)));
        Poll::Ready(message)
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`, with one taking of the
    /// lock for all; 0 at the end, or if `limit` is 0.
    ///
    /// A node this was called with is given to [`cancel_recv`](Self::cancel_recv) before it drops.
    pub(crate) fn poll_recv_many(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let Poll::Ready(budget) = budget::poll_proceed(cx) else {
            return self.enter_over_budget(node, cx);
        };
        let before = buffer.len();
        // The buffer grows outside the lock: there is always room for what is taken under it.
        buffer.reserve(limit.min(self.len().max(1)));
        let room = limit.min(buffer.capacity() - before);
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        ready!(self.poll_take(node, cx, |chan, tx, available| {
            for _ in 0..room.min(available) {
                buffer.extend(chan.pop(tx, &mut emptied));
            }
        }));
        budget.made_progress();
        Poll::Ready(buffer.len() - before)
    }

    /// Messages in the channel, at one point in time: never more than its capacity.
    pub(crate) fn len(&self) -> usize {
        self.queued(&self.lock())
    }

    /// Takes a message if there is one that is not promised to a waiting receiver.
    #[inline]
    pub(crate) fn try_recv(&self) -> Result<T, Nothing> {
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut tx = self.lock();
        if !tx.parked.has_promised()
            && let Some(message) = self.pop(&mut tx, &mut emptied)
        {
            self.hand_on_received(tx);
            return Ok(message);
        }
        self.insist_on_receiving(tx)
    }

    /// Nothing was there for a receiver that does not wait; or all of it is promised to others, and
    /// it may be that one promise too many was not taken.
    #[cold]
    fn insist_on_receiving(&self, mut tx: LockGuard<'_, TxSide<T, Line>>) -> Result<T, Nothing> {
        if self.queued(&tx) == 0 {
            tx.permits_mut().try_idle();
            let nothing = if self.is_ended(&tx) { Nothing::Ended } else { Nothing::Empty };
            self.hand_on_received(tx);
            return Err(nothing);
        }
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut message = self.pop_unpromised(&mut tx, &mut emptied);
        let next = if message.is_none() { tx.parked.refuse_passing() } else { None };
        message = message.or_else(|| self.pop_unpromised(&mut tx, &mut emptied));
        if message.is_some() {
            self.hand_on_received(tx);
        } else {
            drop(tx);
        }
        if let Some(next) = next {
            next.wake();
        }
        message.ok_or(Nothing::Empty)
    }

    /// A receiver goes. What was promised to it is promised to the next; if a promise to a sender
    /// that is not taken has to be watched, another receiver does.
    #[cold]
    pub(crate) fn cancel_recv(&self, node: Pin<&Node>) {
        let mut tx = self.lock();
        let own = tx.parked.leave(node);
        let queued = self.queued(&tx);
        let blocked = tx.permits().is_blocked(queued);
        if blocked {
            // As one that only tried: receives that are cancelled again and again count together.
            tx.permits_mut().try_idle();
        }
        let still_blocked = tx.permits().is_blocked(queued);
        let next = if still_blocked { tx.parked.take_one() } else { tx.parked.settle(queued) };
        drop(tx);
        let mut panics = FirstPanic::default();
        if let Some(next) = next {
            panics.catch(|| next.wake());
        }
        if blocked && !still_blocked {
            panics.catch(|| self.serve_senders());
        }
        panics.catch(|| drop(own));
        panics.resume();
    }

    /// Waits until `take` may take so many messages, at least one, or for the end.
    fn poll_take(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        take: impl FnOnce(&Self, &mut TxSide<T, Line>, usize),
    ) -> Poll<()> {
        // Cloned before the lock is taken and dropped after it is released (chan, I4). A receiver
        // that is not in line yet will probably have to get there.
        let mut waker = (!node.is_bound()).then(|| cx.waker().clone());
        let lasting = is_parked_by(cx.waker());
        loop {
            let mut tx = self.lock();
            let queued = self.queued(&tx);
            let available = tx.parked.available(node, queued);
            if available > 0 {
                take(self, &mut tx, available);
                self.leave_received(tx, node);
                if let Some(unused) = waker {
                    with_message_in_hand(|| drop(unused));
                }
                return Poll::Ready(());
            }
            let mut old = None;
            if !tx.parked.is_entered(node, cx.waker()) {
                let Some(new) = waker.take() else {
                    drop(tx);
                    waker = Some(cx.waker().clone());
                    continue;
                };
                old = tx.parked.enter(node, new, lasting);
            }
            if queued == 0 {
                return self.poll_empty(tx, node, cx, old);
            }
            // All messages are promised to others.
            let next = tx.parked.refuse(node);
            let own_turn = tx.parked.is_granted(node);
            let counts = tx.parked.may_lapse();
            drop(tx);
            let mut panics = FirstPanic::default();
            if own_turn {
                // `next` is a clone of its own waker.
                panics.catch(|| drop(next));
            } else {
                if let Some(next) = next {
                    panics.catch(|| next.wake());
                }
                // Their receivers may never come.
                if counts {
                    panics.catch(|| cx.waker().wake_by_ref());
                }
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            if own_turn {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// The rest of [`poll_take`](Self::poll_take) for a receiver that is in line and finds no
    /// message: there may be the end, and a sender that was promised capacity and does not come
    /// must not stop the others.
    fn poll_empty(
        &self,
        mut tx: LockGuard<'_, TxSide<T, Line>>,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        old: Option<Waker>,
    ) -> Poll<()> {
        let (permits, parked) = tx.permits_and_parked();
        let impatient = permits.poll_idle(parked.idle_refusals(node));
        if self.is_ended(&tx) {
            self.leave_received(tx, node);
            drop(old);
            return Poll::Ready(());
        }
        let settled = tx.permits_mut().is_settled(0);
        drop(tx);
        let mut panics = FirstPanic::default();
        if !settled {
            panics.catch(|| self.serve_senders());
        }
        // A sender that has just been served may not come either.
        if impatient || !settled {
            panics.catch(|| cx.waker().wake_by_ref());
        }
        panics.catch(|| drop(old));
        panics.resume();
        Poll::Pending
    }

    /// Lets a receiver that has what it waited for leave the line, and hands on the rest.
    fn leave_received(&self, mut tx: LockGuard<'_, TxSide<T, Line>>, node: Pin<&Node>) {
        let was_lasting = tx.parked.is_lasting(node);
        let own = if node.is_bound() { tx.parked.leave(node) } else { None };
        let counter =
            if was_lasting && tx.parked.may_lapse() { tx.parked.take_one() } else { None };
        self.hand_on_received(tx);
        if let Some(counter) = counter {
            with_message_in_hand(|| counter.wake());
        }
        if let Some(own) = own {
            with_message_in_hand(|| drop(own));
        }
    }

    /// Takes a message that is not promised to a waiting receiver.
    #[inline]
    fn pop_unpromised(&self, tx: &mut TxSide<T, Line>, emptied: &mut Emptied<T>) -> Option<T> {
        if tx.parked.has_promised() && tx.parked.unpromised(self.queued(tx)) == 0 {
            return None;
        }
        self.pop(tx, emptied)
    }

    #[inline]
    fn pop(&self, _tx: &mut TxSide<T, Line>, emptied: &mut Emptied<T>) -> Option<T> {
        self.rx().consumer.with_mut(|owned| {
            // SAFETY: only who holds the lock gets here (chan, I2): `_tx` is what the lock guards,
            // and borrowed mutably.
            let owned = unsafe { &mut *owned };
            // SAFETY: the consumer and the chain were made together in `Chan::new`.
            let message = unsafe { owned.consumer.pop_under_lock(&self.chain, emptied) };
            self.publish_head(owned.consumer.head());
            message
        })
    }

    /// After messages were taken: capacity to waiting senders, the end to the other receivers, and
    /// what is left to the next of them if the receivers it is promised to do not come.
    #[inline]
    fn hand_on_received(&self, tx: LockGuard<'_, TxSide<T, Line>>) {
        let left = tx.producer.tail() != self.head();
        let ended = !left && self.is_ended(&tx);
        if tx.permits().has_waiting() || ended || left && tx.parked.has_more() {
            self.hand_on_to_others(tx, left, ended);
        }
    }

    #[cold]
    fn hand_on_to_others(&self, mut tx: LockGuard<'_, TxSide<T, Line>>, left: bool, ended: bool) {
        let hungry = tx.permits().has_waiting();
        let next = if left { tx.parked.take_overdue() } else { None };
        drop(tx);
        if hungry {
            self.serve_first();
        }
        if ended {
            with_message_in_hand(|| wake_in_batches(|batch| self.lock().parked.take_all(batch)));
        }
        if let Some(next) = next {
            with_message_in_hand(|| next.wake());
        }
    }
}
