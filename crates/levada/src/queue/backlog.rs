//! The backlog of a channel with one receiver: messages that can still be evicted.
//!
//! The single receiver takes messages without the lock, so a sender can never take one back that is
//! in the chain. A channel that evicts therefore stores its messages in a backlog, under the lock,
//! and the receiver moves as many as it takes at once from there to the chain, when it finds the
//! chain empty. What is in the chain was *given* to the receiver, and stays.
//!
//! ```text
//! senders --> [backlog, under the lock] --receiver--> [chain] --> the receiver, without the lock
//!                   | evicted
//! ```
//!
//! A channel begins its backlog when it is made with a policy, or at its first eviction, and keeps
//! it ([`Storing::Backlog`]). A channel without one pays nothing: where it would have to look for a
//! backlog it has a question anyway, to which [`Storing`], `Permits::may_be_exhausted` and
//! [`HAS_BACKLOG`] add an answer.
//!
//! # Invariants
//! - **I1** Each message of the backlog has a place that is reserved (`wait::permits`), as if its
//!   sender held a permit. So capacity, waiting senders and the end of the channel need not know of
//!   the backlog.
//! - **I2** The backlog is accessed under the lock. It does not grow under it.
//! - **I3** Messages leave the backlog at the front, for the chain. Once the channel has a backlog,
//!   no message enters the chain in another way, so the order is kept.
//! - **I4** A message that was given cannot be evicted: the receiver looks at it, or is taking it.
//!   What would evict it takes its place instead, and so is stored beside it. So under I1 of
//!   [`super::chan`], messages that were given are counted only for senders that wait or reserve.
//!
//! # Checked by
//! `mpsc::model::overflow`.

use core::ptr;
use core::task::Waker;
use std::collections::VecDeque;

use super::chan::{Chan, HAS_BACKLOG, RecvWaiters, Storing, TxSide, count};
use super::policy::{Backlog, Policy};
use crate::observe::Observed;
use crate::prim::LockGuard;
use crate::prim::atomic::Ordering;
use crate::util::FirstPanic;

/// How many messages the first backlog has room for.
const FIRST_LEN: usize = 4;

impl<T, P> Chan<T, P> {
    /// What is done about overflow, if that was ever a question.
    #[inline]
    pub(super) fn policy(&self) -> Option<&Policy<T>> {
        // ORDERING: Acquire pairs with the Release in `set_policy`: the whole policy is seen.
        let policy = self.policy.load(Ordering::Acquire);
        // SAFETY: it came from `Box::into_raw` in `set_policy`, is set once, and is freed when the
        // channel is.
        unsafe { policy.as_ref() }
    }

    /// The position behind the newest message, in the chain or in a backlog.
    pub(super) fn sent(&self) -> usize {
        let tail = self.chain.tail();
        // ORDERING: Relaxed, no pair: see `Policy::set_stored`.
        let stored = self.policy().map_or(tail, |policy| policy.stored.load(Ordering::Relaxed));
        if stored.wrapping_sub(tail) < usize::MAX / 2 { stored } else { tail }
    }

    /// How many messages were evicted or discarded, if there is a policy.
    pub(crate) fn evicted(&self) -> Option<u64> {
        self.policy().map(Policy::evicted)
    }
}

impl<T, P: RecvWaiters> Chan<T, P> {
    /// Sets it, unless it is set already.
    pub(crate) fn set_policy(&self, policy: Policy<T>) {
        let new = Box::into_raw(Box::new(policy));
        let null = ptr::null_mut();
        // ORDERING: Release pairs with the Acquire load in `policy`. Relaxed: the policy that is
        // there is not looked at here.
        let set = self.policy.compare_exchange(null, new, Ordering::Release, Ordering::Relaxed);
        if set.is_err() {
            // SAFETY: it came from `Box::into_raw` above, and was not published.
            drop(unsafe { Box::from_raw(new) });
        }
    }

    /// The messages of the backlog, oldest first, if the channel has a policy.
    pub(super) fn backlog<'a>(&'a self, tx: &'a mut TxSide<T, P>) -> Option<&'a mut VecDeque<T>> {
        self.whole_backlog(tx).map(|backlog| &mut backlog.messages)
    }

    fn whole_backlog<'a>(&'a self, _tx: &'a mut TxSide<T, P>) -> Option<&'a mut Backlog<T>> {
        let policy = self.policy()?;
        // SAFETY: the backlog is accessed here alone, by the holder of the lock: `_tx` is what it
        // guards, and borrowed mutably for as long as the backlog is.
        Some(policy.backlog.with_mut(|backlog| unsafe { &mut *backlog }))
    }

    /// Begins the backlog, if the channel needs one to evict messages. It has a policy.
    pub(super) fn begin_backlog(&self, tx: &mut TxSide<T, P>) {
        if !P::NEEDS_BACKLOG || tx.storing != Storing::Chain {
            return;
        }
        tx.storing = Storing::Backlog;
        let tail = tx.producer.tail();
        if let Some(backlog) = self.whole_backlog(tx) {
            backlog.begun_at = tail;
        }
        self.publish_stored(tx);
        tx.permits_mut().set_backlog();
        self.set_flag(tx, HAS_BACKLOG);
    }

    /// Whether there is capacity for one more message if those that the receiver was given have no
    /// place any more (I4).
    pub(super) fn has_room_beside_given(&self, tx: &mut TxSide<T, P>) -> bool {
        if tx.storing != Storing::Backlog {
            return false;
        }
        let head = self.head();
        let queued = tx.producer.tail().wrapping_sub(head);
        let Some(backlog) = self.whole_backlog(tx) else { return false };
        // The receiver has passed it: all that is queued was given.
        if backlog.begun_at.wrapping_sub(head) > queued {
            backlog.begun_at = head;
        }
        let not_given = backlog.begun_at.wrapping_sub(head);
        tx.permits().available(not_given) > 0
    }

    /// Sets the policy of a channel that is new.
    pub(crate) fn start_with_policy(&self, policy: Policy<T>) {
        self.set_policy(policy);
        self.begin_backlog(&mut self.lock());
    }

    /// Stores a message that does not go into the chain, and wakes the receiver. Returns it if no
    /// receiver is left.
    #[cold]
    pub(super) fn push_elsewhere<'a>(
        &'a self,
        tx: LockGuard<'a, TxSide<T, P>>,
        value: T,
    ) -> Result<(), T> {
        let mut value = Some(value);
        let (tx, receiver) = self.push_to_backlog(tx, || value.take());
        drop(tx);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        value.map_or(Ok(()), Err)
    }

    /// Stores what `next` gives in the backlog, if a receiver is left, and takes the receiver that
    /// is to be woken. There is capacity for it.
    pub(super) fn push_to_backlog<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
        next: impl FnOnce() -> Option<T>,
    ) -> (LockGuard<'a, TxSide<T, P>>, Option<Waker>) {
        tx = self.grow_backlog(tx);
        if tx.storing != Storing::Backlog {
            return (tx, None);
        }
        let stored = self.backlog(&mut tx).map(|backlog| backlog.extend(next()));
        debug_assert!(stored.is_some(), "a channel with a backlog has a policy");
        // I1.
        tx.permits_mut().enter_backlog();
        self.publish_stored(&mut tx);
        let receiver = tx.receivers.grant_next();
        (tx, receiver)
    }

    /// Makes room for one message in the backlog. If that allocates, the lock is released
    /// meanwhile, and a permit reserves the message's place (I2).
    fn grow_backlog<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
    ) -> LockGuard<'a, TxSide<T, P>> {
        loop {
            if tx.storing != Storing::Backlog {
                return tx;
            }
            let Some(backlog) = self.backlog(&mut tx) else { return tx };
            let len = backlog.len();
            if len < backlog.capacity() {
                return tx;
            }
            tx.permits_mut().reserve(1);
            drop(tx);
            let mut longer = VecDeque::with_capacity((2 * len).max(FIRST_LEN));
            tx = self.lock();
            tx.permits_mut().release(1);
            if let Some(backlog) = self.backlog(&mut tx)
                && backlog.len() < longer.capacity()
                && backlog.capacity() < longer.capacity()
            {
                longer.append(backlog);
                core::mem::swap(backlog, &mut longer);
            }
            if longer.capacity() > 0 {
                // Freed outside the lock (chan, I4).
                tx.permits_mut().reserve(1);
                drop(tx);
                drop(longer);
                tx = self.lock();
                tx.permits_mut().release(1);
            }
        }
    }

    /// Drops the messages of the backlog, with the last receiver: in place, since a message may be
    /// larger than the stack has room for.
    #[cold]
    pub(super) fn drop_backlog(&self) {
        let mut left = {
            let mut tx = self.lock();
            let left = self.backlog(&mut tx).map(core::mem::take).unwrap_or_default();
            tx.permits_mut().leave_backlog(left.len(), true);
            self.publish_stored(&mut tx);
            // They were sent, and have no position any more.
            self.record().note_ahead(-(left.len() as isize));
            left
        };
        let mut panics = FirstPanic::default();
        while !left.is_empty() {
            panics.catch(|| drop(left.drain(..1)));
        }
        panics.resume();
    }

    /// Gives up to `want` messages of the backlog to the receiver, which calls this.
    #[cold]
    pub(super) fn give<'a>(
        &'a self,
        mut tx: LockGuard<'a, TxSide<T, P>>,
        want: usize,
    ) -> (LockGuard<'a, TxSide<T, P>>, usize) {
        let mut given = 0;
        while given < want {
            if self.backlog(&mut tx).is_none_or(|backlog| backlog.is_empty()) {
                break;
            }
            if tx.producer.room() == 0 {
                tx = self.make_room(tx);
            }
            // Messages may have been evicted meanwhile, and others stored in their places.
            let Some(message) = self.backlog(&mut tx).and_then(VecDeque::pop_front) else { break };
            let was_last = self.backlog(&mut tx).is_none_or(|backlog| backlog.is_empty());
            tx.permits_mut().leave_backlog(1, was_last);
            let position = tx.producer.tail();
            // How many were queued says little here: most of them were in the backlog.
            self.record().note_sent(count(position), || 0);
            // SAFETY: the producer and the chain were made together in `Chan::new`. The producer
            // has room: checked above, or by `make_room`, under the lock, which was held since.
            unsafe { tx.producer.push(&self.chain, message) };
            given += 1;
        }
        (tx, given)
    }

    /// Publishes what was sent, for snapshots. It stays when a message is given or evicted.
    fn publish_stored(&self, tx: &mut TxSide<T, P>) {
        let messages = self.backlog(tx).map_or(0, |backlog| backlog.len());
        if let Some(policy) = self.policy() {
            policy.set_stored(tx.producer.tail().wrapping_add(messages));
        }
    }

    /// Sets a bit of `rx_flags`.
    fn set_flag(&self, tx: &mut TxSide<T, P>, flag: u8) {
        tx.rx_flags_copy |= flag;
        // ORDERING: Relaxed, no pair: a hint for the receiver, which confirms it under the lock. A
        // receiver that knows of a message in the backlog knows of the flag as well.
        self.rx().rx_flags.store(tx.rx_flags_copy, Ordering::Relaxed);
    }
}
