//! Receiving with many receivers: under the lock, whoever comes first.
//!
//! A message wakes the receiver that has waited longest, but is not promised to it: a receiver
//! that happens to ask takes it, and the one that was woken for nothing gets its place in line back.
//! So a receiver that was woken and does not come holds nothing back that another asks for. If the others
//! sleep, the next of them is woken in the end: messages were left in the channel by [`GRACE`] others that
//! used it, senders that found it full or receivers that took one only.

use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use super::chan::{Chan, Parked, TxSide, with_message_in_hand};
use super::single::Nothing;
use crate::prim::LockGuard;
use crate::refs::{Rx, Tx};
use crate::storage::ring::Emptied;
use crate::util::{DropLast, FirstPanic, WakeBatch, budget, wake_in_batches};
use crate::wait::lazy::NodeRef;
use crate::wait::list::{List, Node, State};
use crate::wait::permits::GRACE;

/// The line of receivers that sleep, in the order of their arrival.
#[derive(Debug)]
pub(crate) struct Line {
    list: List,
    /// How many have come.
    arrivals: usize,
    /// How often the channel was used, since somebody last found it empty or was woken for it, while messages
    /// were left in it and receivers slept.
    delays: u16,
}

impl Default for Line {
    fn default() -> Self {
        Self { list: List::new(), arrivals: 0, delays: 0 }
    }
}

impl Parked for Line {
    #[inline]
    fn take_one(&mut self) -> Option<Waker> {
        if self.list.is_empty() { None } else { self.take_first() }
    }

    fn has_more(&self) -> bool {
        !self.list.is_empty()
    }

    #[inline]
    fn take_overdue(&mut self) -> Option<Waker> {
        if self.list.is_empty() {
            return None;
        }
        self.delays += 1;
        if self.delays < GRACE {
            return None;
        }
        self.delays = 0;
        self.take_one()
    }

    fn take_all(&mut self, batch: &mut WakeBatch) -> bool {
        while batch.has_room() {
            let Some(waker) = self.take_one() else {
                return false;
            };
            batch.push(waker);
        }
        !self.list.is_empty()
    }
}

impl Line {
    fn take_first(&mut self) -> Option<Waker> {
        let entry = self.list.pop_front()?;
        entry.state = State::Granted;
        entry.waker.take()
    }

    /// Takes a receiver out of the line. Gives back its waker, to be dropped outside the lock.
    fn leave(&mut self, node: Pin<&Node>) -> Option<Waker> {
        self.list.remove(node);
        let entry = self.list.entry(node);
        entry.state = State::Idle;
        let waker = entry.waker.take();
        self.list.unbind(node);
        waker
    }

    /// Whether the receiver is in line with a waker for the same task.
    fn is_entered(&mut self, node: Pin<&Node>, waker: &Waker) -> bool {
        let entry = self.list.entry(node);
        entry.state == State::Waiting
            && entry.waker.as_ref().is_some_and(|old| old.will_wake(waker))
    }

    /// Puts a receiver in line, where it stood before if it was woken for nothing. Gives back its old
    /// waker, to be dropped outside the lock.
    fn enter(&mut self, node: Pin<&Node>, waker: Waker) -> Option<Waker> {
        // It found nothing: everybody has come who had to.
        self.delays = 0;
        let entry = self.list.entry(node);
        let old = entry.waker.replace(waker);
        let state = core::mem::replace(&mut entry.state, State::Waiting);
        match state {
            State::Waiting => {}
            State::Granted => {
                let arrival = entry.arrival;
                // Passes those only that were woken for nothing, too, and came back faster.
                let mut next = self.list.front();
                while let Some(place) = next
                    && self.list.entry_at(place).arrival < arrival
                {
                    next = self.list.next(place);
                }
                self.list.insert_before(next, node);
            }
            State::Idle | State::Lapsed | State::Closed | State::Holding | State::HoldingPart => {
                entry.arrival = self.arrivals;
                self.arrivals = self.arrivals.wrapping_add(1);
                self.list.push_back(node);
            }
        }
        old
    }
}

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
        let budget = ready!(budget::poll_proceed(cx));
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        if !node.is_bound() {
            let mut tx = self.lock();
            let message = self.pop(&mut tx, &mut emptied);
            if message.is_some() {
                self.hand_on_received(tx);
                budget.made_progress();
                return Poll::Ready(message);
            }
        }
        let received = ready!(self.poll_recv_in_line(node.pinned(), cx));
        budget.made_progress();
        Poll::Ready(received)
    }

    /// The same for a receiver that is, or perhaps gets, in line.
    #[cold]
    fn poll_recv_in_line(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut message = None;
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        ready!(self.poll_take(node, cx, |chan, tx| {
            message = chan.pop(tx, &mut emptied);
            message.is_some()
        }));
        Poll::Ready(message)
    }

    /// Waits for messages and appends up to `limit` of them to `buffer`, with one taking of the lock
    /// for all; 0 at the end, or if `limit` is 0.
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
        let budget = ready!(budget::poll_proceed(cx));
        let before = buffer.len();
        // The buffer grows outside the lock: there is always room for what is taken under it.
        buffer.reserve(limit.min(self.len().max(1)));
        let room = limit.min(buffer.capacity() - before);
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        ready!(self.poll_take(node, cx, |chan, tx| {
            while buffer.len() - before < room {
                let Some(message) = chan.pop(tx, &mut emptied) else { break };
                buffer.push(message);
            }
            buffer.len() > before
        }));
        budget.made_progress();
        Poll::Ready(buffer.len() - before)
    }

    /// Messages in the channel, at one point in time: never more than its capacity.
    pub(crate) fn len(&self) -> usize {
        self.queued(&self.lock())
    }

    /// Takes a message if there is one.
    #[inline]
    pub(crate) fn try_recv(&self) -> Result<T, Nothing> {
        // Dropped after the lock is released, as everything that is freed (chan, I4).
        let mut emptied = Emptied::default();
        let mut tx = self.lock();
        match self.pop(&mut tx, &mut emptied) {
            Some(message) => {
                self.hand_on_received(tx);
                Ok(message)
            }
            None => Err(self.try_idle(tx)),
        }
    }

    /// Nothing was queued for a receiver that does not wait.
    #[cold]
    fn try_idle(&self, mut tx: LockGuard<'_, TxSide<T, Line>>) -> Nothing {
        tx.permits_mut().try_idle();
        let nothing = if self.is_ended(&tx) { Nothing::Ended } else { Nothing::Empty };
        self.hand_on_received(tx);
        nothing
    }

    /// A receiver goes. If it was woken, what it was woken for is passed on; if a promise that is not
    /// taken has to be watched, another one does.
    #[cold]
    pub(crate) fn cancel_recv(&self, node: Pin<&Node>) {
        let mut tx = self.lock();
        let woken = tx.parked.list.entry(node).state == State::Granted;
        let own = DropLast(tx.parked.leave(node));
        let queued = self.queued(&tx);
        let blocked = tx.permits().is_blocked(queued);
        if blocked {
            // As one that only tried: receives that are cancelled again and again count together.
            tx.permits_mut().try_idle();
        }
        let still_blocked = tx.permits().is_blocked(queued);
        let next = if woken && queued > 0 || still_blocked { tx.parked.take_one() } else { None };
        drop(tx);
        let mut panics = FirstPanic::default();
        if let Some(next) = next {
            panics.catch(|| next.wake());
        }
        if blocked && !still_blocked {
            panics.catch(|| self.serve_senders());
        }
        panics.resume();
        drop(own);
    }

    /// Waits until `take` got something, or for the end.
    fn poll_take(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&Self, &mut TxSide<T, Line>) -> bool,
    ) -> Poll<()> {
        // Cloned before the lock is taken and dropped after it is released (chan, I4). Who is not in line yet
        // will probably have to get there.
        let mut waker = (!node.is_bound()).then(|| cx.waker().clone());
        let mut impatient = false;
        loop {
            let mut tx = self.lock();
            let taken = take(self, &mut tx);
            if !taken && !impatient {
                // A sender that was promised capacity and does not come must not stop the others.
                let (permits, parked) = tx.permits_and_parked();
                impatient = permits.poll_idle(&mut parked.list.entry(node).refusals);
            }
            if taken || self.is_ended(&tx) {
                let own = if node.is_bound() { tx.parked.leave(node) } else { None };
                self.hand_on_received(tx);
                if let Some(own) = own {
                    with_message_in_hand(|| drop(own));
                }
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
                old = tx.parked.enter(node, new);
            }
            let settled = tx.permits_mut().is_settled(0);
            drop(tx);
            let mut panics = FirstPanic::default();
            if !settled {
                panics.catch(|| self.serve_senders());
            }
            // Who has just been served may not come either.
            if impatient || !settled {
                panics.catch(|| cx.waker().wake_by_ref());
            }
            if let Some(old) = old {
                panics.catch(|| drop(old));
            }
            panics.resume();
            return Poll::Pending;
        }
    }

    #[inline]
    fn pop(&self, _tx: &mut TxSide<T, Line>, emptied: &mut Emptied<T>) -> Option<T> {
        self.rx().consumer.with_mut(|owned| {
            // SAFETY: only who holds the lock gets here (chan, I2): `_tx` is what the lock guards, and
            // borrowed mutably.
            let owned = unsafe { &mut *owned };
            // SAFETY: the consumer and the chain were made together in `Chan::new`.
            let message = unsafe { owned.consumer.pop_under_lock(&self.chain, emptied) };
            self.publish_head(owned.consumer.head());
            message
        })
    }

    /// After messages were taken: capacity to waiting senders, the end to the other receivers, and
    /// what is left to the next of them if nobody comes for it.
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
