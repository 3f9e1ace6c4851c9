//! What a full channel does with one more message, as data.
#![forbid(unsafe_code)]

use core::fmt;
use std::collections::VecDeque;

use crate::prim::UnsafeCell;
use crate::prim::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::storage::ring::START;

/// What a bounded channel does with a message that is sent while it is full. The name says which
/// message goes.
///
/// It is the policy of `send`, `try_send`, `send_many`, `try_send_many`, `send_ref`, `offer`,
/// `send_until` and the blocking sends, also those with a limit. Under every policy but `Wait` they
/// do not wait, and do not report that the channel is full. What reserves a place (`reserve`,
/// sinks, and `send_timeout`, as in tokio) waits under every policy.
///
/// # Guarantees
/// 1. Each message that is sent is exactly one of: received, evicted (or discarded), dropped with
///    the channel, or returned in an error.
/// 2. A reserved place is never evicted. If all places are reserved, or belong to senders that
///    wait, no message can go, and the incoming one is discarded under every policy.
/// 3. Otherwise, under `EvictOldest` and `EvictNewest`, the incoming message is stored.
/// 4. What a receiver of mpsc has in hand is never evicted: a message that was
///    [looked at](crate::mpsc::Receiver::peek), or that it is taking at this moment. Its place is
///    free for what would evict it, so that the channel has one message more while it is looked at.
/// 5. The messages that stay keep their order.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, Overflow};
///
/// let (tx, mut rx) = mpsc::builder(2).overflow(Overflow::EvictOldest).build();
/// for reading in [20, 21, 22] {
///     assert!(tx.try_send(reading).is_ok());
/// }
/// assert_eq!(tx.evicted(), 1);
/// assert_eq!(rx.drain().collect::<Vec<_>>(), [21, 22]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The sender waits; one that does not wait (`try_send`) gets its message back.
    #[default]
    Wait,
    /// The oldest message goes.
    EvictOldest,
    /// The newest message in the channel goes, and the one that is sent takes its place.
    EvictNewest,
    /// The message that is sent goes.
    DiscardIncoming,
}

/// What became of a message that was offered to a channel: see `offer`.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, Offered, Overflow};
///
/// let (tx, _rx) = mpsc::builder(1).overflow(Overflow::EvictOldest).build();
/// assert_eq!(tx.offer("a"), Ok(Offered::Queued { free: 0 }));
/// assert_eq!(tx.offer("b"), Ok(Offered::Evicted("a")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered<T> {
    /// It is in the channel, which has room for so many more.
    Queued {
        /// How many messages could be sent then without waiting.
        free: usize,
    },
    /// It is in the channel, and this older message is not any more.
    Evicted(T),
    /// It is not in the channel, and comes back.
    Discarded(T),
}

/// The result of evicting a message and storing another one.
#[derive(Debug)]
pub(crate) enum Exchange<T> {
    /// This message was evicted.
    Evicted(T),
    /// No message can go. The one that was to be stored comes back.
    NothingToEvict(T),
    /// The storage has to grow first.
    NeedsRoom(T),
}

/// Takes each message that is evicted.
pub(crate) type OnEvicted<T> = Box<dyn Fn(T) + Send + Sync>;

/// The policy of one channel.
pub(crate) struct Policy<T> {
    pub(super) overflow: Overflow,
    on_evicted: Option<OnEvicted<T>>,
    evicted: AtomicU64,
    /// The position that the next message of the backlog will have in the chain: what was sent, for
    /// reads without the lock. Written under it.
    pub(super) stored: AtomicUsize,
    /// Of a channel whose receiver takes no lock ([`super::backlog`]). Guarded by the lock.
    pub(super) backlog: UnsafeCell<Backlog<T>>,
}

/// Messages that the single receiver was not given.
pub(super) struct Backlog<T> {
    /// Oldest first.
    pub(super) messages: VecDeque<T>,
    /// The position of the first message that comes from a backlog: those before it were stored in
    /// the chain by their senders.
    pub(super) begun_at: usize,
}

impl<T> Policy<T> {
    pub(crate) fn new(overflow: Overflow, on_evicted: Option<OnEvicted<T>>) -> Self {
        let backlog = UnsafeCell::new(Backlog { messages: VecDeque::new(), begun_at: START });
        let stored = AtomicUsize::new(START);
        Self { overflow, on_evicted, evicted: AtomicU64::new(0), stored, backlog }
    }

    /// Counts a message that goes.
    pub(super) fn count(&self) {
        // ORDERING: Relaxed, no pair: a count.
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages went.
    pub(super) fn evicted(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a count.
        self.evicted.load(Ordering::Relaxed)
    }

    /// The next message of the backlog will have this position.
    pub(super) fn set_stored(&self, position: usize) {
        // ORDERING: Relaxed, no pair: a number by itself. A snapshot that finds a later head in the
        // chain finds this as well, since its message went through the lock.
        self.stored.store(position, Ordering::Relaxed);
    }

    /// Gives a message that went to the hook, or drops it. Foreign code: not under the lock.
    pub(super) fn give_up(&self, message: T) {
        if let Some(on_evicted) = &self.on_evicted {
            on_evicted(message);
        }
    }
}

impl<T> fmt::Debug for Policy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("overflow", &self.overflow).finish_non_exhaustive()
    }
}
