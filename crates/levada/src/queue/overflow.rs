//! Sending to a full channel: it refuses, or does as its policy says.
//!
//! The policy is read only where a sender would wait or be refused: a channel that is not full, or
//! has no policy, pays nothing for it.
//!
//! A message is evicted and another one stored in one critical section, and nothing else changes:
//! the number of messages, the places that are reserved or granted, and what is promised to
//! receivers stay. So no task has to be woken. The evicted message is foreign code: it leaves the
//! critical section with its sender, which returns it, or gives it to the hook.
#![forbid(unsafe_code)]

use core::pin::Pin;

use super::chan::{Chan, RecvWaiters, TxSide};
use super::error::{Refused, TrySendError};
use super::policy::{Exchange, Offered, Overflow, Policy};
use super::refusals::Last;
use crate::storage::ring::Emptied;
use crate::wait::list::Node;

impl<T, P: RecvWaiters> Chan<T, P> {
    /// A sender that does not wait was refused: the next one looks at the positions first, if it
    /// was for the messages alone.
    pub(super) fn note_refusal(&self, tx: &TxSide<T, P>) {
        if !P::COUNTS_REFUSED_SENDERS && !tx.permits().has_waiting() && self.has_queued_all() {
            self.refusals().set(Last::FOUND_FULL);
        }
    }

    /// Whether a sender that does not wait is refused for the reason of the last one.
    #[inline(always)]
    pub(super) fn refuses_again(&self) -> bool {
        let last = self.last_refusal();
        last != Last::SENT && self.is_certainly_full(last)
    }

    /// What became of the last sender, where refusals need not be counted.
    #[inline(always)]
    pub(super) fn last_refusal(&self) -> Last {
        if P::COUNTS_REFUSED_SENDERS { Last::SENT } else { self.refusals().last() }
    }

    /// Whether a sender that does not wait is refused, where it need not be counted: as many
    /// messages are queued as fit, or some are while senders wait, so no grant can expire. Without
    /// the lock, which a loop of tries would keep from the waiting senders.
    #[cold]
    pub(super) fn is_certainly_full(&self, last: Last) -> bool {
        let full = if last == Last::WAITS { !self.looks_empty() } else { self.has_queued_all() };
        full && !self.is_closed()
    }

    /// Whether as many messages are queued as fit.
    fn has_queued_all(&self) -> bool {
        let capacity = self.chain.capacity();
        // The newest first: it only grows, so all of these are queued when the head is read.
        let tail = self.chain.tail();
        if tail.wrapping_sub(self.head()) >= capacity {
            return true;
        }
        // Some may be in a backlog.
        let sent = self.sent();
        sent.wrapping_sub(self.head()) >= capacity
    }

    /// Sends a message, if need be by evicting the oldest one, which is returned. Returns the
    /// message itself if none can be evicted. The error is the message: the channel is closed.
    pub(crate) fn force_send(&self, value: T) -> Result<Option<T>, T> {
        match self.offer_by(Overflow::EvictOldest, value)? {
            Offered::Queued { .. } => Ok(None),
            Offered::Evicted(message) | Offered::Discarded(message) => Ok(Some(message)),
        }
    }

    /// Sends a message by the policy of the channel. The error is the message: the channel is
    /// closed.
    pub(crate) fn offer(&self, value: T) -> Result<Offered<T>, T> {
        self.offer_by(self.overflow_policy(), value)
    }

    fn overflow_policy(&self) -> Overflow {
        self.policy().map_or(Overflow::Wait, |policy| policy.overflow)
    }

    /// Whether a sender that would have to wait does something else.
    #[inline]
    pub(super) fn may_overflow(&self) -> bool {
        self.policy().is_some_and(|policy| policy.overflow != Overflow::Wait)
    }

    /// For a sender that was refused: if the channel is full, its policy may have an answer.
    #[cold]
    pub(super) fn refuse(&self, refused: Refused, value: T) -> Result<(), TrySendError<T>> {
        let overflows =
            |policy: &&Policy<T>| refused == Refused::Full && policy.overflow != Overflow::Wait;
        let Some(policy) = self.policy().filter(overflows) else {
            return Err(TrySendError::new(refused, value));
        };
        match self.offer_by(policy.overflow, value) {
            Ok(Offered::Queued { .. }) => {}
            Ok(Offered::Evicted(message) | Offered::Discarded(message)) => policy.give_up(message),
            Err(value) => return Err(TrySendError::Closed(value)),
        }
        Ok(())
    }

    /// The same for a sender that has begun to wait.
    #[cold]
    pub(super) fn overflow_instead(
        &self,
        node: Pin<&Node>,
        value: &mut Option<T>,
    ) -> Result<(), Refused> {
        self.cancel(node);
        let message = value.take().expect("the caller has checked");
        self.refuse(Refused::Full, message).map_err(|error| {
            let refused = error.refused();
            *value = Some(error.into_inner());
            refused
        })
    }

    fn offer_by(&self, overflow: Overflow, value: T) -> Result<Offered<T>, T> {
        let evicts = matches!(overflow, Overflow::EvictOldest | Overflow::EvictNewest);
        if evicts && self.policy().is_none() {
            self.set_policy(Policy::new(Overflow::Wait, None));
        }
        if !evicts && self.refuses_again() {
            return Ok(self.discard(overflow, value));
        }
        // Freed after the lock is released (chan, I4).
        let mut emptied = Emptied::default();
        let mut tx = self.lock_after_granting();
        if evicts {
            self.begin_backlog(&mut tx);
        }
        let mut value = value;
        let offered = loop {
            let available = self.check_available(&mut tx, 1);
            if available == Err(Refused::Closed) {
                return Err(value);
            }
            if available.is_ok() || evicts && self.has_room_beside_given(&mut tx) {
                let free = tx.permits().available(self.queued(&tx)).saturating_sub(1);
                return self.push(tx, value).map(|()| Offered::Queued { free });
            }
            let exchanged = match overflow {
                Overflow::Wait | Overflow::DiscardIncoming => {
                    self.note_refusal(&tx);
                    drop(tx);
                    return Ok(self.discard(overflow, value));
                }
                Overflow::EvictOldest => P::exchange_oldest(self, &mut tx, value, &mut emptied),
                Overflow::EvictNewest => P::exchange_newest(self, &mut tx, value),
            };
            match exchanged {
                Exchange::Evicted(message) => break Offered::Evicted(message),
                Exchange::NothingToEvict(message) => break Offered::Discarded(message),
                Exchange::NeedsRoom(message) => value = message,
            }
            tx = self.make_room(tx);
        };
        drop(tx);
        self.count_given_up();
        Ok(offered)
    }

    /// Gives the message back. It counts as discarded if that is the policy.
    fn discard(&self, overflow: Overflow, message: T) -> Offered<T> {
        if overflow == Overflow::DiscardIncoming {
            self.count_given_up();
        }
        Offered::Discarded(message)
    }

    fn count_given_up(&self) {
        if let Some(policy) = self.policy() {
            policy.count();
        }
    }
}
