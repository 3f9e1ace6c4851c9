//! Many messages at once: one critical section and one publication for all that there is room for.
//!
//! The caller keeps its messages in a `VecDeque`, from which they are moved one by one when they
//! are stored. So whatever happens (cancellation, a closed channel, a panic in a waker), each
//! message is in the channel or still with the caller. An iterator could not promise that: its
//! `next` is foreign code, which must not run under the lock, and what it gave before the lock was
//! taken would be lost with the future.
//!
//! A sender of many waits for one place, as every sender does, and then takes as many as are free.
//! If it waited for more it could wait for ever: permits may occupy the rest. While other senders
//! wait, only the place is taken that was granted, and the sender queues again behind them.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;

use super::chan::{Chan, RecvWaiters, Storing, TxSide, count};
use super::error::Refused;
use super::send::Acquired;
use crate::observe::Observed;
use crate::prim::LockGuard;
use crate::util::{WakeBatch, budget, wake_in_batches};
use crate::wait::list::Node;

impl<T, P: RecvWaiters> Chan<T, P> {
    /// Sends messages from the front of `batch` without waiting, as many as there is capacity for:
    /// at least one, unless the batch is empty.
    pub(crate) fn try_send_many(&self, batch: &mut VecDeque<T>) -> Result<usize, Refused> {
        if batch.is_empty() {
            return Ok(0);
        }
        match self.try_acquire(1) {
            Ok(tx) => self.push_many(tx, batch),
            Err(Refused::Full) if self.may_overflow() => self.overflow_many(batch),
            Err(refused) => Err(refused),
        }
    }

    /// Sends all messages of `batch` to a full channel, each by its policy.
    #[cold]
    fn overflow_many(&self, batch: &mut VecDeque<T>) -> Result<usize, Refused> {
        let before = batch.len();
        while let Some(message) = batch.pop_front() {
            if let Err(error) = self.refuse(Refused::Full, message) {
                let refused = error.refused();
                batch.push_front(error.into_inner());
                return Err(refused);
            }
        }
        Ok(before)
    }

    /// Sends all messages of `batch`, and waits for capacity as often as it takes. Those that were
    /// sent have left the batch.
    ///
    /// A node this was called with is given to [`cancel`](Self::cancel) before it drops.
    pub(crate) fn poll_send_many(
        &self,
        node: Pin<&Node>,
        batch: &mut VecDeque<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        while !batch.is_empty() {
            let Poll::Ready(budget) = budget::poll_proceed(cx) else {
                return self.poll_over_budget(node, 1, cx).map(Err);
            };
            let acquired = self.poll_acquire(node, 1, cx);
            if acquired.is_pending() && self.may_overflow() {
                self.cancel(node);
                budget.made_progress();
                return Poll::Ready(self.overflow_many(batch).map(|_all| ()));
            }
            let Acquired { tx, spare } = match ready!(acquired) {
                Ok(acquired) => acquired,
                Err(refused) => return Poll::Ready(Err(refused)),
            };
            budget.made_progress();
            let sent = self.push_many(tx, batch);
            // After the lock (chan, I4).
            drop(spare);
            if let Err(refused) = sent {
                return Poll::Ready(Err(refused));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Stores as many messages of `batch` as there is capacity for, and wakes as many receivers.
    /// There is capacity for one: the caller has found it under the lock. `Closed` if no receiver
    /// is left.
    fn push_many<'a>(
        &'a self,
        tx: LockGuard<'a, TxSide<T, P>>,
        batch: &mut VecDeque<T>,
    ) -> Result<usize, Refused> {
        let before = batch.len();
        let mut held = Some(tx);
        wake_in_batches(|wakers| {
            let own = held.is_some();
            let tx = held.take().unwrap_or_else(|| self.lock());
            self.fill(tx, own, batch, wakers)
        });
        match before - batch.len() {
            0 => Err(Refused::Closed),
            sent => Ok(sent),
        }
    }

    /// Stores messages until the batch is empty, the channel is full or `wakers` is; the latter is
    /// the answer. `has_place` if one place is the caller's whatever else is true.
    fn fill<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
        mut has_place: bool,
        batch: &mut VecDeque<T>,
        wakers: &mut WakeBatch,
    ) -> bool {
        while !batch.is_empty() {
            if !has_place && self.free(&tx) == 0 {
                break;
            }
            if tx.storing == Storing::Chain && tx.producer.room() == 0 {
                // If that releases the lock, it keeps one place.
                tx = self.make_room(tx);
                has_place = true;
            }
            match tx.storing {
                Storing::Chain => {}
                Storing::Nowhere => break,
                Storing::Backlog => {
                    let waker;
                    (tx, waker) = self.push_to_backlog(tx, || batch.pop_front());
                    has_place = false;
                    if let Some(waker) = waker {
                        wakers.push(waker);
                    }
                    if !wakers.has_room() {
                        return true;
                    }
                    continue;
                }
            }
            let free = self.free(&tx).max(usize::from(has_place));
            has_place = false;
            let fits = free.min(tx.producer.room());
            self.store(&mut tx, fits, batch, wakers);
            if !wakers.has_room() {
                return true;
            }
        }
        false
    }

    /// Stores up to `fits` messages, for which the producer has room, until `wakers` is full, and
    /// publishes them.
    fn store(
        &self,
        tx: &mut TxSide<T, P>,
        fits: usize,
        batch: &mut VecDeque<T>,
        wakers: &mut WakeBatch,
    ) {
        let first = tx.producer.tail();
        let head = self.head();
        let mut left = fits.min(batch.len());
        // Each message is promised to a receiver that sleeps, as long as there is one.
        while left > 0
            && let Some(message) = batch.pop_front()
        {
            left -= 1;
            // SAFETY: the caller has compared `fits` with the producer's room.
            unsafe { self.write(tx, message, head) };
            let Some(waker) = tx.receivers.grant_next() else { break };
            wakers.push(waker);
            if !wakers.has_room() {
                left = 0;
            }
        }
        // The others can be moved in one go.
        batch.drain(..left).for_each(|message| {
            // SAFETY: with those before, these are at most `fits`, which the caller has compared
            // with the producer's room.
            unsafe { self.write(tx, message, head) };
        });
        let stored = tx.producer.tail().wrapping_sub(first);
        // Both the capacity and the room of which they are a part are less by as much (chan, I6).
        tx.cached_permits = tx.cached_permits.saturating_sub(stored);
        tx.producer.publish(&self.chain);
    }

    /// Stores a message, and does not publish it.
    ///
    /// # Safety
    /// The producer has room.
    #[inline(always)]
    unsafe fn write(&self, tx: &mut TxSide<T, P>, message: T, head: usize) {
        let position = tx.producer.tail();
        self.record().note_sent(count(position), || position.wrapping_sub(head));
        // SAFETY: what `write` asks is what our caller promised.
        unsafe { tx.producer.write(message) };
    }

    /// Capacity that a new sender can have now.
    fn free(&self, tx: &TxSide<T, P>) -> usize {
        if tx.permits().is_closed() { 0 } else { tx.permits().available(self.queued(tx)) }
    }
}
