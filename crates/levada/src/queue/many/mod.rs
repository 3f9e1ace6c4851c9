//! Receiving with many receivers: under the lock, in FIFO order of waiting.
//!
//! A message is promised to the receiver that has waited longest, as capacity is granted to
//! senders; [`mod@line`] has the rules. Several messages may be promised at a time. Running
//! receivers take the other ones: with more messages than waiting receivers none is refused.
//!
//! A receiver that is refused, because all messages are promised to others, is enqueued and wakes
//! itself, so that it counts the refusals after which a promise expires. If all other receivers
//! sleep, senders that find the channel full count, and receivers that leave a message behind.

mod line;

use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

pub(crate) use self::line::RxQueue;
use super::chan::{Chan, RecvWaiters, TxSide, count, with_message_in_hand};
use super::policy::Exchange;
use super::single::NoMessage;
use crate::observe::{Name, Observed};
use crate::prim::{LockGuard, is_parked_by};
use crate::refs::{Rx, Tx};
use crate::storage::ring::Emptied;
use crate::util::{DropLast, FirstPanic, budget, wake_in_batches};
use crate::wait::lazy::NodeRef;
use crate::wait::list::Node;

/// A channel with many receivers.
#[expect(clippy::type_complexity, reason = "two handles of one channel")]
#[cfg_attr(feature = "observe", track_caller)]
pub(crate) fn channel<T>(
    capacity: usize,
    name: Name,
) -> (Tx<Chan<T, RxQueue>>, Rx<Chan<T, RxQueue>>) {
    let chan = Chan::new(capacity, name);
    (Tx::new(&chan), Rx::new(chan))
}

impl<T> Chan<T, RxQueue> {
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
            return self.poll_recv_over_budget(node.pinned(), cx);
        };
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        if !node.is_bound() {
            let mut tx = self.lock();
            if !tx.receivers.has_promised()
                && let Some(message) = self.pop(&mut tx, &mut emptied)
            {
                self.after_receive(tx);
                budget.made_progress();
                return Poll::Ready(Some(message));
            }
        }
        let received = ready!(self.poll_recv_slow(node.pinned(), cx));
        budget.made_progress();
        Poll::Ready(received)
    }

    /// For a task that has used up its budget, so that its runtime polls it again: the receiver is
    /// enqueued now, and promised a message that no other receiver waits for.
    #[cold]
    fn poll_recv_over_budget<R>(&self, node: Pin<&Node>, cx: &Context<'_>) -> Poll<R> {
        let waker = cx.waker().clone();
        let mut tx = self.lock();
        if tx.receivers.is_granted(node) {
            drop(tx);
            drop(waker);
            return Poll::Pending;
        }
        let old = DropLast(tx.receivers.enqueue(node, waker, false));
        let queued = self.queued(&tx);
        let granted = tx.receivers.grant_unpromised(queued);
        drop(tx);
        if let Some(granted) = granted {
            granted.wake();
        }
        drop(old);
        Poll::Pending
    }

    /// The same for a receiver that is in the queue, or may have to be enqueued.
    #[cold]
    fn poll_recv_slow(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut message = None;
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        ready!(self.poll_take(node, cx, |chan, tx, _| message = chan.pop(tx, &mut emptied)));
        Poll::Ready(message)
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`, in one critical section; 0
    /// at the end, or if `limit` is 0.
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
            return self.poll_recv_over_budget(node, cx);
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

    /// Takes all messages that are not promised to waiting receivers.
    pub(crate) fn drain(&self) -> Vec<T> {
        let mut messages = Vec::with_capacity(self.len());
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut tx = self.lock();
        // There may be more by now: the buffer does not grow under the lock.
        let there = tx.receivers.unpromised(self.queued(&tx)).min(messages.capacity());
        for _ in 0..there {
            messages.extend(self.pop(&mut tx, &mut emptied));
        }
        if there > 0 {
            self.after_receive(tx);
        } else {
            drop(tx);
            // So that a refusal counts (`line`).
            messages.extend(self.try_recv());
        }
        messages
    }

    /// Takes a message if there is one that is not promised to a waiting receiver.
    #[inline]
    pub(crate) fn try_recv(&self) -> Result<T, NoMessage> {
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut tx = self.lock();
        if !tx.receivers.has_promised()
            && let Some(message) = self.pop(&mut tx, &mut emptied)
        {
            self.after_receive(tx);
            return Ok(message);
        }
        self.try_recv_slow(tx)
    }

    /// [`try_recv`](Self::try_recv) for a receiver that found nothing, or only messages that are
    /// promised to others: this refusal may let a promise expire.
    #[cold]
    fn try_recv_slow(&self, mut tx: LockGuard<'_, TxSide<T, RxQueue>>) -> Result<T, NoMessage> {
        if self.queued(&tx) == 0 {
            tx.permits_mut().count_receiver_try();
            let nothing = if self.is_ended(&tx) { NoMessage::Ended } else { NoMessage::Empty };
            self.after_receive(tx);
            return Err(nothing);
        }
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut message = self.pop_unpromised(&mut tx, &mut emptied);
        let next = if message.is_none() { tx.receivers.count_passing_refusal() } else { None };
        message = message.or_else(|| self.pop_unpromised(&mut tx, &mut emptied));
        if message.is_some() {
            self.after_receive(tx);
        } else {
            drop(tx);
        }
        if let Some(next) = next {
            next.wake();
        }
        message.ok_or(NoMessage::Empty)
    }

    /// Removes a receiver. Its promise passes to the next one. If the receiver had to count against
    /// an unclaimed grant of a sender, another receiver is woken to do that.
    #[cold]
    pub(crate) fn cancel_recv(&self, node: Pin<&Node>) {
        let mut tx = self.lock();
        let own = tx.receivers.dequeue(node);
        let queued = self.queued(&tx);
        let blocked = tx.permits().needs_receiver(queued);
        if blocked {
            // As for a try: receives that are cancelled again and again count together.
            tx.permits_mut().count_receiver_try();
        }
        let still_blocked = tx.permits().needs_receiver(queued);
        let next = if still_blocked {
            tx.receivers.take_next()
        } else {
            tx.receivers.grant_unpromised(queued)
        };
        drop(tx);
        let mut panics = FirstPanic::default();
        if let Some(next) = next {
            panics.catch(|| next.wake());
        }
        if blocked && !still_blocked {
            panics.catch(|| self.wake_senders());
        }
        panics.catch(|| drop(own));
        panics.resume();
    }

    /// Waits until `take` may take a number of messages, at least one, or for the end.
    fn poll_take(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        take: impl FnOnce(&Self, &mut TxSide<T, RxQueue>, usize),
    ) -> Poll<()> {
        // Cloned before the lock is taken and dropped after it is released (chan, I4). A receiver
        // that is not in the queue will probably be enqueued.
        let mut waker = (!node.is_bound()).then(|| cx.waker().clone());
        let blocking = is_parked_by(cx.waker());
        loop {
            let mut tx = self.lock();
            let queued = self.queued(&tx);
            let available = tx.receivers.available(node, queued);
            if available > 0 {
                take(self, &mut tx, available);
                self.dequeue_after_receive(tx, node);
                if let Some(unused) = waker {
                    with_message_in_hand(|| drop(unused));
                }
                return Poll::Ready(());
            }
            let mut old = None;
            if !tx.receivers.is_enqueued(node, cx.waker()) {
                let Some(new) = waker.take() else {
                    drop(tx);
                    waker = Some(cx.waker().clone());
                    continue;
                };
                old = tx.receivers.enqueue(node, new, blocking);
            }
            if queued == 0 {
                return self.poll_empty(tx, node, cx, old);
            }
            // All messages are promised to others.
            let next = tx.receivers.count_refusal(node);
            let now_granted = tx.receivers.is_granted(node);
            let counts = tx.receivers.may_expire();
            drop(tx);
            let mut panics = FirstPanic::default();
            if now_granted {
                // `next` is a clone of its own waker.
                panics.catch(|| drop(next));
            } else {
                if let Some(next) = next {
                    panics.catch(|| next.wake());
                }
                // Their receivers may never be polled.
                if counts {
                    panics.catch(|| cx.waker().wake_by_ref());
                }
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            if now_granted {
                continue;
            }
            return Poll::Pending;
        }
    }

    /// The rest of [`poll_take`](Self::poll_take) for an enqueued receiver that finds no message:
    /// the channel may have ended, and a sender that does not claim its grant must not block the
    /// others.
    fn poll_empty(
        &self,
        mut tx: LockGuard<'_, TxSide<T, RxQueue>>,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        old: Option<Waker>,
    ) -> Poll<()> {
        let (permits, receivers) = tx.permits_and_receivers();
        let poll_again = permits.count_receiver_poll(receivers.idle_refusals(node));
        if self.is_ended(&tx) {
            self.dequeue_after_receive(tx, node);
            drop(old);
            return Poll::Ready(());
        }
        let grantable = tx.permits_mut().has_grantable(0);
        drop(tx);
        let mut panics = FirstPanic::default();
        if grantable {
            panics.catch(|| self.wake_senders());
        }
        // A sender that was just granted may not be polled either.
        if poll_again || grantable {
            panics.catch(|| cx.waker().wake_by_ref());
        }
        panics.catch(|| drop(old));
        panics.resume();
        Poll::Pending
    }

    /// Dequeues a receiver that has its messages, and wakes the tasks that wait for the rest.
    fn dequeue_after_receive(&self, mut tx: LockGuard<'_, TxSide<T, RxQueue>>, node: Pin<&Node>) {
        let was_blocking = tx.receivers.is_blocking(node);
        let own = if node.is_bound() { tx.receivers.dequeue(node) } else { None };
        let counter =
            if was_blocking && tx.receivers.may_expire() { tx.receivers.take_next() } else { None };
        self.after_receive(tx);
        if let Some(counter) = counter {
            with_message_in_hand(|| counter.wake());
        }
        if let Some(own) = own {
            with_message_in_hand(|| drop(own));
        }
    }

    /// Takes a message that is not promised to a waiting receiver.
    #[inline]
    fn pop_unpromised(&self, tx: &mut TxSide<T, RxQueue>, emptied: &mut Emptied<T>) -> Option<T> {
        if tx.receivers.has_promised() && tx.receivers.unpromised(self.queued(tx)) == 0 {
            return None;
        }
        self.pop(tx, emptied)
    }

    // With as many callers as it has it would be a function of its own.
    #[inline(always)]
    fn pop(&self, _tx: &mut TxSide<T, RxQueue>, emptied: &mut Emptied<T>) -> Option<T> {
        self.rx().consumer.with_mut(|owned| {
            // SAFETY: the caller holds the lock (chan, I2): `_tx` is what the lock guards, and
            // borrowed mutably.
            let owned = unsafe { &mut *owned };
            // SAFETY: the consumer and the chain were made together in `Chan::new`.
            let message = unsafe { owned.consumer.pop_under_lock(&self.chain, emptied) };
            let head = owned.consumer.head();
            if message.is_some() {
                self.record().note_received(count(head.wrapping_sub(1)));
            }
            self.publish_head(head);
            message
        })
    }

    /// Evicts the oldest message. What was promised to receivers are numbers of messages, which do
    /// not change.
    fn exchange_oldest(
        &self,
        tx: &mut TxSide<T, RxQueue>,
        value: T,
        emptied: &mut Emptied<T>,
    ) -> Exchange<T> {
        let head = self.head();
        if tx.producer.tail() == head {
            return Exchange::NothingToEvict(value);
        }
        if tx.producer.room() == 0 {
            // SAFETY: the producer and the chain were made together in `Chan::new`. The message at
            // `head` is taken below, before its slot is written.
            let room = unsafe { tx.producer.make_room(&self.chain, head.wrapping_add(1)) };
            if room.is_err() {
                return Exchange::NeedsRoom(value);
            }
        }
        let Some(oldest) = self.pop(tx, emptied) else { return Exchange::NothingToEvict(value) };
        let position = tx.producer.tail();
        self.record().note_sent(count(position), || position.wrapping_sub(self.head()));
        // SAFETY: the same producer and chain, and there is room: checked above.
        unsafe { tx.producer.push(&self.chain, value) };
        // As if the oldest had been received.
        self.record().note_ahead(1);
        Exchange::Evicted(oldest)
    }

    /// Evicts the newest message, whose slot `value` gets.
    fn exchange_newest(&self, tx: &mut TxSide<T, RxQueue>, value: T) -> Exchange<T> {
        if tx.producer.tail() == self.head() {
            return Exchange::NothingToEvict(value);
        }
        // SAFETY: a message is queued, and receivers take messages only under the lock, which the
        // caller holds: `tx` is what it guards.
        match unsafe { tx.producer.replace_newest(value) } {
            Ok(newest) => Exchange::Evicted(newest),
            Err(value) => Exchange::NothingToEvict(value),
        }
    }

    /// After messages were taken: wakes the next sender for the capacity, the other receivers at
    /// the end, and the next receiver if a promise of a remaining message expired.
    #[inline]
    fn after_receive(&self, tx: LockGuard<'_, TxSide<T, RxQueue>>) {
        let left = tx.producer.tail() != self.head();
        let ended = !left && self.is_ended(&tx);
        if tx.permits().has_waiting() || ended || left && tx.receivers.has_waiting() {
            self.wake_after_receive(tx, left, ended);
        }
    }

    #[cold]
    fn wake_after_receive(
        &self,
        mut tx: LockGuard<'_, TxSide<T, RxQueue>>,
        left: bool,
        ended: bool,
    ) {
        let senders_waiting = tx.permits().has_waiting();
        let next = if left { tx.receivers.take_after_expiry() } else { None };
        drop(tx);
        if senders_waiting {
            self.wake_next_sender();
        }
        if ended {
            with_message_in_hand(|| wake_in_batches(|batch| self.lock().receivers.take_all(batch)));
        }
        if let Some(next) = next {
            with_message_in_hand(|| next.wake());
        }
    }
}
