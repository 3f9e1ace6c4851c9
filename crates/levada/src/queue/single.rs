//! Receiving with one receiver: messages are taken without the lock.

use core::fmt;
use core::ops::Deref;
use core::task::{Context, Poll, Waker, ready};

use super::chan::{CALM, Chan, HUNGRY, Parked, RxOwned};
use crate::prim::asymmetric;
use crate::prim::atomic::{Ordering, fence};
use crate::refs::{Hub, Rx, Tx};
use crate::util::{FirstPanic, WakeBatch, budget};

/// The one receiver's waker, while it sleeps.
#[derive(Debug, Default)]
pub(crate) struct Sleeper(Option<Waker>);

impl Parked for Sleeper {
    #[inline]
    fn take_one(&mut self) -> Option<Waker> {
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
}

/// Why a receiver got no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// There is none now.
    Empty,
    /// There will be none any more.
    Ended,
}

/// The one receiver. Not `Clone`, so `&mut self` is what makes calls exclusive.
pub(crate) struct Sole<T>(Rx<Chan<T, Sleeper>>);

impl<T> fmt::Debug for Sole<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Deref for Sole<T> {
    type Target = Rx<Chan<T, Sleeper>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A channel with one receiver.
#[inline]
pub(crate) fn channel<T>(capacity: usize) -> (Tx<Chan<T, Sleeper>>, Sole<T>) {
    let chan = Chan::new(capacity);
    (Tx::new(&chan), Sole(Rx::new(chan)))
}

impl<T> Sole<T> {
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
            if ready!(chan.poll_sleep(owned, cx)) == Nothing::Ended {
                budget.made_progress();
                owned.told_end = true;
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
            // What is there now: senders that are faster than we are must not keep us for ever.
            let there = chan.chain.tail().wrapping_sub(owned.consumer.head());
            let mut received = 0;
            while received < limit.min(there) {
                // SAFETY: the consumer and the chain were made together in `Chan::new`.
                let Some(message) = (unsafe { owned.consumer.pop(&chan.chain) }) else {
                    break;
                };
                buffer.push(message);
                received += 1;
            }
            if received > 0 {
                chan.release_head(owned);
            }
            if received > 0 || limit == 0 || ready!(chan.poll_sleep(owned, cx)) == Nothing::Ended {
                budget.made_progress();
                return Poll::Ready(received);
            }
        }
    }

    /// Messages in the channel: exact, and never more than its capacity, since the receiver's own
    /// position stands still meanwhile.
    pub(crate) fn len(&self) -> usize {
        self.chain.tail().wrapping_sub(self.head())
    }

    /// Takes a message if there is one. Wait-free unless the channel was closed or senders are in
    /// line.
    pub(crate) fn try_recv(&mut self) -> Result<T, Nothing> {
        let (chan, owned) = self.parts();
        if let Some(message) = chan.pop(owned) {
            return Ok(message);
        }
        let ended = chan.counts().senders() == 0
            || (chan.is_closed() || chan.is_hungry()) && chan.try_idle() == Nothing::Ended;
        if !ended {
            return Err(Nothing::Empty);
        }
        // What was sent before the end is visible now.
        chan.pop(owned).ok_or(Nothing::Ended)
    }

    /// Whether [`poll_recv`](Self::poll_recv) has told the end. Not whether it has come: who looks
    /// here first would never be told.
    #[cfg(feature = "stream")]
    pub(crate) fn is_ended(&self) -> bool {
        // SAFETY: `&self` excludes the `&mut self` of everything that writes to it.
        self.0.rx().consumer.with(|owned| unsafe { (*owned).told_end })
    }

    /// The channel, and what is the receiver's own in it.
    #[inline]
    fn parts(&mut self) -> (&Chan<T, Sleeper>, &mut RxOwned<T>) {
        let chan: &Chan<T, Sleeper> = &self.0;
        // SAFETY: there is one `Sole` for a channel, made in `channel`, and it is borrowed mutably
        // for as long as this reference lives; the channel itself looks in only when it is gone.
        let owned = chan.rx().consumer.with_mut(|owned| unsafe { &mut *owned });
        (chan, owned)
    }
}

impl<T> Chan<T, Sleeper> {
    #[inline]
    fn pop(&self, owned: &mut RxOwned<T>) -> Option<T> {
        // SAFETY: the consumer and the chain were made together in `Chan::new`.
        let message = unsafe { owned.consumer.pop(&self.chain) }?;
        self.release_head(owned);
        Some(message)
    }

    /// Publishes what was received, and hands the capacity to senders that wait.
    #[inline]
    fn release_head(&self, owned: &mut RxOwned<T>) {
        self.publish_head(owned.consumer.head());
        // Patience is for each promise.
        owned.refusals = 0;
        // Either we see below that somebody waits, or that sender sees the capacity (chan,
        // Transitions).
        asymmetric::light_fence();
        if self.attention() != 0 {
            self.attend(owned);
        }
    }

    /// FENCED, or HUNGRY.
    #[cold]
    fn attend(&self, owned: &mut RxOwned<T>) {
        if !self.is_hungry() {
            // ORDERING: SeqCst pairs with the fence in `send::fence_with_receiver`. Only a receiver
            // that sees no sender wait has to be sure of it.
            fence(Ordering::SeqCst);
        }
        owned.calm += 1;
        if self.is_hungry() {
            owned.calm = 0;
            self.serve_first();
        } else if owned.calm == CALM {
            owned.calm = 0;
            self.relax();
        }
    }

    #[inline]
    fn attention(&self) -> u8 {
        // ORDERING: Relaxed pairs with the store in `Chan::note_hungry` by way of the fence in
        // `send::fence_with_receiver` and the receiver's; without one a hint, for `try_recv`.
        self.rx().attention.load(Ordering::Relaxed)
    }

    /// Whether a sender waits that was granted nothing, as far as the receiver can see.
    #[inline]
    fn is_hungry(&self) -> bool {
        self.attention() & HUNGRY != 0
    }

    /// Nothing was queued for a receiver that does not wait. A sender that was promised capacity
    /// and does not come must not stop the others, nor the end.
    #[cold]
    fn try_idle(&self) -> Nothing {
        let mut tx = self.lock();
        if self.queued(&tx) == 0 {
            tx.permits_mut().try_idle();
        }
        let nothing = if self.is_ended(&tx) { Nothing::Ended } else { Nothing::Empty };
        self.settle(tx);
        nothing
    }

    /// Goes to sleep, unless there is a message or the end.
    #[cold]
    fn poll_sleep(&self, owned: &mut RxOwned<T>, cx: &mut Context<'_>) -> Poll<Nothing> {
        // Cloned before the lock is taken and dropped after it is released (I4). If the last waker
        // is probably still there, it is compared first.
        let head = owned.consumer.head();
        let mut waker = (owned.parked_at != head).then(|| cx.waker().clone());
        let mut impatient = false;
        loop {
            let mut tx = self.lock();
            if tx.producer.tail() != head {
                return Poll::Ready(Nothing::Empty);
            }
            // A sender that was promised capacity and does not come must not stop the others.
            impatient = impatient || tx.permits_mut().poll_idle(&mut owned.refusals);
            if self.is_ended(&tx) {
                return Poll::Ready(Nothing::Ended);
            }
            let mut old = None;
            if !tx.parked.0.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                let Some(new) = waker.take() else {
                    drop(tx);
                    waker = Some(cx.waker().clone());
                    continue;
                };
                old = tx.parked.0.replace(new);
            }
            owned.parked_at = head;
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
}
