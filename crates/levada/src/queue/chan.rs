//! The state that mpsc and mpmc share: layout, invariants, and how a channel closes.
//!
//! # Layout
//! ```text
//! refusals, lock     | producer, permits, waiting receivers, edges    senders
//! counts, closed event                                                rarely used
//! head, rx_flags, consumer                                            the receiver
//! chain: its links                                                    rarely used
//!        tail, inline slots                                           both
//! ```
//! The fields that are rarely used keep the others on separate cache lines.
//!
//! Senders work under one lock: taking a slot, writing the message and checking for a sleeping
//! receiver is one critical section of a few nanoseconds. The single receiver of an mpsc channel
//! does not take the lock to receive: it reads `tail`, takes the message and publishes `head`. It
//! takes the lock to go to sleep, and to grant capacity to waiting senders. The receivers of an
//! mpmc channel all work under the lock.
//!
//! # States
//! | edge             | set by                            | meaning                                           |
//! |------------------|-----------------------------------|---------------------------------------------------|
//! | `closed`         | `close`, the last receiver's drop | no new permits; permits that are out may be used  |
//! | `receivers_gone` | the last receiver's drop          | messages are returned or dropped, none is stored  |
//!
//! Both are set under the lock, once, and never cleared; the last receiver sets both at once. That
//! no sender is left shows in the count of senders, which stays zero (refs, I1). A receiver has
//! reached the end when nothing is queued and either no sender is left, or `closed` is set and no
//! permit is out or granted.
//!
//! # Invariants
//! - **I1** `queued + reserved + granted <= capacity`, where `queued = tail - head`. Messages that
//!   were given from a backlog may be beyond it ([`super::backlog`], I4).
//! - **I2** Only the holder of the lock pushes, and reads or changes permits, edges and waiting
//!   receivers. Only the one receiver (mpsc), or the holder of the lock (mpmc), pops.
//! - **I3** `rx_flags` contains SENDERS_WAITING whenever a sender waits that was granted nothing.
//!   It is written under the lock.
//! - **I4** No waker is cloned, woken or dropped, no message dropped and no memory allocated or
//!   freed under the lock.
//! - **I5** A receiver registers to sleep, under the lock, only if nothing was queued for it: no
//!   message at all (mpsc), or only messages that are promised to other receivers (mpmc). A sender
//!   that pushes takes one sleeping receiver, promises it the message and wakes it.
//! - **I6** `cached_permits` is at most the available permits, and at most the producer's room; it
//!   is 0 if the channel is closed. So every change of the permits clears it.
//! - **I7** `fence_unseen` is set when `rx_flags` gets NEEDS_FENCE, and cleared by the receiver
//!   under the lock, where it sees the flag. Until then the receiver may act on the flags before.
//!
//! # Transitions
//! Two races between the single receiver and the senders are decided without the lock:
//! - Message against sleep. The receiver finds nothing queued, takes the lock and checks again
//!   before it registers its waker. A sender pushes under the same lock. So the receiver sees the
//!   message, or the sender sees the waker.
//! - Capacity against sleep. The receiver publishes `head` and then reads `rx_flags`. A sender that
//!   starts to wait sets SENDERS_WAITING there and then reads `head`. Each executes a sequentially
//!   consistent fence in between (Dekker's pattern). So the receiver sees the flag, or the sender
//!   sees the capacity and grants it to all waiting senders. Senders that start to wait while
//!   SENDERS_WAITING is set rely on the one that set it.
//!
//! | `rx_flags`                   | the receiver's fence              | the fence of a sender that starts to wait          |
//! |------------------------------|-----------------------------------|----------------------------------------------------|
//! | NEEDS_FENCE                  | its own                           | its own; it sets SENDERS_WAITING                   |
//! | NEEDS_FENCE, SENDERS_WAITING | none: it sees the flag            | none: see above                                    |
//! | none                         | a compiler fence                  | its own and the receiver's: [`asymmetric::try_heavy_fence`] |
//!
//! A channel starts with NEEDS_FENCE, and a sender that starts to wait sets it. After
//! [`UNFENCE_AFTER`] messages without a waiting sender, the receiver drops its fence and senders
//! use the heavy fence of the asymmetric pair instead. While `fence_unseen` is set, each sender
//! that starts to wait uses the heavy fence. If the system refuses it, which the receiver could not
//! foresee, the sender polls again and checks for capacity until the receiver has seen the flag. So
//! no sender relies on another sender's fence that failed.
//!
//! # Progress
//! Receiving from an open mpsc channel without waiting senders, and finding it empty, is wait-free,
//! except for freeing a segment of the storage. Every other operation takes the lock. Waiting
//! senders are served in order; see [`crate::wait::permits`].
//!
//! # Unwinding
//! Foreign code (wakers, drops of messages) runs last and outside the lock; a panic in it leaves
//! the channel as if the code had returned. Where the panic would lose a message (it was just
//! received, or is about to be returned to its sender), it is caught, after the panic hook has
//! reported it. Where several wakers or messages are handled, all are handled before the first
//! panic resumes, those of other tasks before the caller's own. The payload of a later panic is
//! dropped, and a panic in that drop is caught.
//!
//! # Checked by
//! `mpsc::model`, `mpmc::model`.

use core::fmt;
use core::mem::offset_of;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;
use core::task::Waker;

use super::policy::{Exchange, Policy};
use super::refusals::Refusals;
use crate::observe::{ChannelRecord, Done, Kind, Name};
use crate::prim::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use crate::prim::{Arc, IS_SMALL, Lock, LockGuard, UnsafeCell, asymmetric};
use crate::refs::{Counts, Hub};
use crate::storage::ring::{Chain, Consumer, Emptied, Producer, START};
use crate::util::{FirstPanic, LINE, Pad, WakeBatch, contain, wake_in_batches};
use crate::wait::permits::Permits;
use crate::wait::queue::WaitQueue;

/// The largest capacity of a bounded channel, as in tokio.
pub(crate) const MAX_CAPACITY: usize = usize::MAX >> 3;
/// A bit of `rx_flags`: a sender waits that was granted nothing (I3).
pub(super) const SENDERS_WAITING: u8 = 1;
/// A bit of `rx_flags`: the receiver executes a fence before it reads SENDERS_WAITING. Without this
/// bit, senders use the heavy fence of an asymmetric pair.
pub(super) const NEEDS_FENCE: u8 = 2;
/// A bit of `rx_flags`: the channel has a backlog (see [`super::backlog`]). Never cleared.
pub(super) const HAS_BACKLOG: u8 = 4;
/// After so many messages without a waiting sender, the receiver drops its fence.
pub(crate) const UNFENCE_AFTER: u16 = if IS_SMALL { 2 } else { 1024 };

/// The capacity of an unbounded channel.
pub(crate) const UNBOUNDED: usize = usize::MAX;

/// Where a message goes that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    /// Into the storage that receivers take it from.
    Chain,
    /// Into the backlog ([`super::backlog`]).
    Backlog,
    /// Back to its sender: no receiver is left.
    Nowhere,
}

/// The receivers that sleep: one waker (mpsc) or a queue of waiters (mpmc).
pub(crate) trait RecvWaiters: Default {
    /// Which channel it is.
    const KIND: Kind;
    /// Whether senders that find the channel full are counted
    /// ([`take_after_expiry`](Self::take_after_expiry)).
    const COUNTS_REFUSED_SENDERS: bool = false;
    /// Whether receiving takes no lock, so that only the messages of a backlog can be evicted.
    const NEEDS_BACKLOG: bool = false;

    /// Takes the waker of the receiver that has waited longest, without promising it a message. The
    /// caller wakes it outside the lock.
    #[must_use = "wake it after the lock is released"]
    fn take_next(&mut self) -> Option<Waker>;

    /// The same, after a message was stored, which is promised to that receiver.
    #[must_use = "wake it after the lock is released"]
    fn grant_next(&mut self) -> Option<Waker> {
        self.take_next()
    }

    /// Whether receivers sleep behind one that was woken but may not be polled.
    fn has_waiting(&self) -> bool {
        false
    }

    /// Counts one use of the channel while messages are promised to receivers that have not been
    /// polled. After too many of them a promise expires, and the next sleeping receiver is taken as
    /// by [`grant_next`](Self::grant_next).
    #[must_use = "wake it after the lock is released"]
    fn take_after_expiry(&mut self) -> Option<Waker> {
        None
    }

    /// Takes all wakers. Answers whether the batch had no room for more.
    fn take_all(&mut self, batch: &mut WakeBatch) -> bool;

    /// Evicts the oldest message and stores `value` as the newest. Nothing else changes, so no task
    /// is woken. What is to be freed goes to `emptied`.
    fn exchange_oldest<T>(
        chan: &Chan<T, Self>,
        tx: &mut TxSide<T, Self>,
        value: T,
        emptied: &mut Emptied<T>,
    ) -> Exchange<T>;

    /// Evicts the newest message and stores `value` in its place.
    fn exchange_newest<T>(chan: &Chan<T, Self>, tx: &mut TxSide<T, Self>, value: T) -> Exchange<T>;
}

/// Bytes of a channel between the fields of senders and those of the receiver, without padding.
const RARELY_USED: usize =
    size_of::<Counts>() + size_of::<AtomicBool>() + size_of::<WaitQueue>() + size_of::<usize>();

/// A channel that delivers each message once. `P` is how receivers sleep.
#[repr(C)]
pub(crate) struct Chan<T, P> {
    tx: Guarded<T, P>,
    counts: Counts,
    /// A copy of the edge `closed`, for reads without the lock.
    closed: AtomicBool,
    /// Tasks that wait for `closed`.
    closed_event: WaitQueue,
    /// What is done about overflow, if a policy was set or a message was ever evicted. Set once.
    pub(super) policy: AtomicPtr<Policy<T>>,
    /// Fills the cache line, where pointers are small.
    _pad: Pad<{ LINE.saturating_sub(RARELY_USED) }>,
    rx: RxSide<T>,
    pub(super) chain: Chain<T>,
    pub(super) record: ChannelRecord,
}

/// Wakes tasks for a caller that holds a message. A panic is caught, after the panic hook has
/// reported it, so that the message is not lost.
#[cold]
pub(super) fn with_message_in_hand(wake: impl FnOnce()) {
    contain(wake);
}

/// A clone of a waker that may not be needed: dropped after the lock is released (I4). A
/// panic in its drop is caught, because the caller may hold a message or permits.
pub(super) struct SpareWaker(pub(super) Option<Waker>);

impl Drop for SpareWaker {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            with_message_in_hand(|| drop(waker));
        }
    }
}

/// The lock, and a hint for senders that have not taken it.
struct Guarded<T, P> {
    /// What refused a sender, after the last change: written under the lock.
    refusals: Refusals,
    side: Lock<TxSide<T, P>>,
}

/// What the lock guards.
pub(crate) struct TxSide<T, P> {
    pub(super) producer: Producer<T>,
    /// The receiver's position, possibly stale (too low). It is read again from the receiver's
    /// cache line when the channel looks full with this one.
    pub(super) head_seen: usize,
    /// How many sends may proceed without checking permits, edges or storage (I6).
    pub(super) cached_permits: usize,
    permits: Permits,
    /// The last value of `rx_flags`.
    pub(super) rx_flags_copy: u8,
    /// NEEDS_FENCE was set, and the receiver may not have seen it (I7).
    fence_unseen: bool,
    pub(super) receivers: P,
    pub(super) storing: Storing,
}

/// The receiver's cache line.
pub(super) struct RxSide<T> {
    /// Number of messages received so far: published after each one, or each batch.
    pub(super) head: AtomicUsize,
    /// What the receiver does after it has published `head`: [`SENDERS_WAITING`], [`NEEDS_FENCE`].
    pub(super) rx_flags: AtomicU8,
    pub(super) consumer: UnsafeCell<RxOwned<T>>,
}

/// What only the receiver accesses (I2).
pub(super) struct RxOwned<T> {
    pub(super) consumer: Consumer<T>,
    /// `head` when the receiver last registered its waker. If unchanged, the same waker is probably
    /// still registered.
    pub(super) parked_at_head: usize,
    /// How often the receiver found an unclaimed grant of a sender.
    pub(super) refusals: u16,
    /// Messages received since SENDERS_WAITING was last seen.
    pub(super) uncontended: u16,
    /// Whether the receiver has returned the end to its caller.
    pub(super) returned_none: bool,
}

impl<T, P> TxSide<T, P> {
    #[inline]
    pub(super) fn permits(&self) -> &Permits {
        &self.permits
    }

    /// The permits, to be changed: clears the cached ones (I6).
    #[inline]
    pub(super) fn permits_mut(&mut self) -> &mut Permits {
        self.cached_permits = 0;
        &mut self.permits
    }

    /// The same, together with the waiting receivers.
    pub(super) fn permits_and_receivers(&mut self) -> (&mut Permits, &mut P) {
        self.cached_permits = 0;
        (&mut self.permits, &mut self.receivers)
    }

    /// Whether SENDERS_WAITING is set.
    #[inline]
    pub(super) fn has_waiting_senders(&self) -> bool {
        self.rx_flags_copy & SENDERS_WAITING != 0
    }

    /// The receiver holds the lock (I7).
    #[inline]
    pub(super) fn acknowledge_fence(&mut self) {
        self.fence_unseen = false;
    }

    /// Counts the permits that can be cached (I6).
    #[inline]
    pub(super) fn refill_cached_permits(&mut self) {
        let queued = self.producer.tail().wrapping_sub(self.head_seen);
        let free = if self.permits.is_closed() { 0 } else { self.permits.available(queued) };
        self.cached_permits = free.min(self.producer.room());
    }
}

// SAFETY: the cell around the consumer prevents the automatic implementation. Threads that share a
// channel access that cell one at a time (I2), and move messages out of it, which `T: Send` allows.
// A reference to a message in the channel is lent only by the one receiver of mpsc, to its caller
// (`UniqueRx::peek`), so `T` need not be `Sync`.
unsafe impl<T: Send, P: Send> Sync for Chan<T, P> {}

// A panic in foreign code leaves the channel whole (see `# Unwinding`), and a message in the
// channel is not observed across it.
impl<T, P> UnwindSafe for Chan<T, P> {}
impl<T, P> RefUnwindSafe for Chan<T, P> {}

impl<T, P: RecvWaiters> Chan<T, P> {
    /// A channel with one sender and one receiver to be made from it.
    #[cfg_attr(feature = "observe", track_caller)]
    pub(crate) fn new(capacity: usize, name: Name) -> Arc<Self> {
        // No sender of an unbounded channel waits.
        let rx_flags = if capacity == UNBOUNDED { 0 } else { NEEDS_FENCE };
        const {
            let apart = offset_of!(Self, rx) - size_of::<Guarded<T, P>>();
            assert!(apart >= LINE - 1, "senders and receiver share a line");
            let apart = offset_of!(Self, chain) + Chain::<T>::TAIL - offset_of!(Self, rx);
            assert!(apart - size_of::<RxSide<T>>() >= LINE - 1, "the receiver's line is shared");
        }
        Arc::new(Self {
            tx: Guarded {
                refusals: Refusals::new(),
                side: Lock::new(TxSide {
                    producer: Producer::new(),
                    head_seen: START,
                    cached_permits: 0,
                    permits: Permits::new(capacity),
                    rx_flags_copy: rx_flags,
                    fence_unseen: false,
                    receivers: P::default(),
                    storing: Storing::Chain,
                }),
            },
            rx: RxSide {
                head: AtomicUsize::new(START),
                rx_flags: AtomicU8::new(rx_flags),
                consumer: UnsafeCell::new(RxOwned {
                    consumer: Consumer::new(),
                    parked_at_head: START.wrapping_sub(1),
                    refusals: 0,
                    uncontended: 0,
                    returned_none: false,
                }),
            },
            chain: Chain::new(capacity),
            counts: Counts::new(1),
            closed: AtomicBool::new(false),
            closed_event: WaitQueue::new(),
            policy: AtomicPtr::new(ptr::null_mut()),
            _pad: Pad::new(),
            record: ChannelRecord::new::<T>(P::KIND, name),
        })
    }

    /// The bound, or [`UNBOUNDED`]. Read without the lock.
    pub(crate) fn max_capacity(&self) -> usize {
        self.chain.capacity()
    }

    /// Permits that can be acquired now.
    pub(crate) fn capacity(&self) -> usize {
        let tx = self.lock_after_granting();
        tx.permits().available(self.queued(&tx))
    }

    /// Messages in the channel, at one point in time: never more than its capacity, but for those
    /// that the receiver has in hand while others are evicted ([`super::backlog`], I4).
    pub(crate) fn len(&self) -> usize {
        let mut tx = self.lock();
        self.queued(&tx) + self.backlog(&mut tx).map_or(0, |backlog| backlog.len())
    }

    /// Whether new permits are refused.
    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `close_with`: a thread that sees the
        // channel closed also sees what the receiver did before.
        self.closed.load(Ordering::Acquire)
    }

    /// Whether there seems to be nothing to receive: a hint for a thread that is about to block,
    /// read without the lock. The end is not looked for.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.chain.tail() == self.head()
    }

    /// Tasks that wait until the channel is closed.
    pub(crate) fn closed_event(&self) -> &WaitQueue {
        &self.closed_event
    }

    pub(super) fn refusals(&self) -> &Refusals {
        &self.tx.refusals
    }

    /// The lock, if it is free.
    #[cfg(feature = "observe")]
    pub(super) fn try_lock(&self) -> Option<LockGuard<'_, TxSide<T, P>>> {
        self.tx.side.try_lock()
    }

    #[inline]
    pub(super) fn lock(&self) -> LockGuard<'_, TxSide<T, P>> {
        self.tx.side.lock()
    }

    #[inline]
    pub(super) fn rx(&self) -> &RxSide<T> {
        &self.rx
    }

    /// Publishes the receiver's position: slots before it may be used again.
    #[inline]
    pub(super) fn publish_head(&self, head: usize) {
        // ORDERING: Release pairs with the Acquire load in `head`.
        self.rx.head.store(head, Ordering::Release);
    }

    /// Messages in the channel. If the receiver takes some meanwhile (mpsc), a few too many.
    #[inline]
    pub(super) fn queued(&self, tx: &TxSide<T, P>) -> usize {
        tx.producer.tail().wrapping_sub(self.head())
    }

    /// Keeps I3 and I7 after the queue of waiting senders changed. Answers whether the receiver may
    /// not have seen NEEDS_FENCE yet.
    #[inline]
    pub(super) fn publish_waiting(&self, tx: &mut TxSide<T, P>) -> bool {
        let before = tx.rx_flags_copy;
        let senders_waiting = tx.permits.has_waiting();
        let waiting = if senders_waiting { SENDERS_WAITING | NEEDS_FENCE } else { 0 };
        let now = before & !SENDERS_WAITING | waiting;
        // The receiver's cache line is written only if something changed.
        if before != now {
            tx.rx_flags_copy = now;
            // ORDERING: Relaxed pairs with the load in `single::rx_flags`, by way of the fence
            // that a sender puts behind it (`send::poll_acquire_slow`) and the receiver's.
            self.rx.rx_flags.store(now, Ordering::Relaxed);
            self.refusals().note(senders_waiting);
            tx.fence_unseen |= before & NEEDS_FENCE == 0;
        }
        tx.fence_unseen
    }

    /// Drops the receiver's fence, if no sender waits: the next one that starts to wait executes
    /// the heavy fence.
    #[cold]
    pub(super) fn drop_receiver_fence(&self) {
        if !asymmetric::is_available() {
            return;
        }
        let mut tx = self.lock();
        if !tx.permits.has_waiting() {
            tx.rx_flags_copy &= HAS_BACKLOG;
            tx.fence_unseen = false;
            // ORDERING: Relaxed, no pair: only the receiver reads it, and it is the caller.
            self.rx.rx_flags.store(tx.rx_flags_copy, Ordering::Relaxed);
        }
    }

    /// Whether the channel has ended, provided that nothing is queued. A sender pushes under the
    /// lock and before it is dropped, so if no sender is left, all their messages are queued.
    #[inline]
    pub(super) fn is_ended(&self, tx: &TxSide<T, P>) -> bool {
        self.counts.senders() == 0 || tx.permits().is_exhausted()
    }

    /// Whether the channel may have ended, or may have a backlog, provided that nothing is queued.
    #[inline]
    pub(super) fn may_be_ended(&self, tx: &TxSide<T, P>) -> bool {
        self.counts.senders() == 0 || tx.permits().may_be_exhausted()
    }

    /// Refuses new permits; wakes waiting senders, and receivers, for which this may be the end.
    /// Calls after the first do nothing.
    pub(crate) fn close(&self) {
        if !self.is_closed() {
            self.close_with(|_| ());
        }
    }

    /// Closes, and sets another edge in the same step.
    fn close_with(&self, also: impl Fn(&mut TxSide<T, P>)) {
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            wake_in_batches(|batch| {
                let mut tx = self.lock();
                also(&mut tx);
                let queued = self.queued(&tx);
                let more = tx.permits_mut().close(queued, batch);
                self.publish_waiting(&mut tx);
                // ORDERING: Release pairs with the Acquire load in `is_closed`.
                self.closed.store(true, Ordering::Release);
                more || tx.receivers.take_all(batch)
            });
        });
        panics.catch(|| self.closed_event.notify_all());
        panics.resume();
    }
}

impl<T, P: RecvWaiters> Hub for Chan<T, P> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        wake_in_batches(|batch| self.lock().receivers.take_all(batch));
    }

    fn receivers_gone(&self) {
        let mut panics = FirstPanic::default();
        // From here on, a permit that is still out returns its message instead of storing it. This
        // is one step with the close: a sender that got `Closed` must not find the channel open.
        panics.catch(|| self.close_with(|tx| tx.storing = Storing::Nowhere));
        // A future that was forgotten, or (mpsc) dropped, may have left its waker.
        let left = || self.lock().receivers.take_next();
        while let Some(waker) = left() {
            panics.catch(|| drop(waker));
        }
        if P::NEEDS_BACKLOG && self.policy().is_some() {
            panics.catch(|| self.drop_backlog());
        }
        // Messages are dropped one by one, outside the lock and in place: a message may be larger
        // than the stack has room for. `with_last_consumer` makes the access exclusive.
        while let Some(slot) = self.with_last_consumer(|consumer| {
            // SAFETY: the consumer and the chain belong to this channel.
            unsafe { consumer.front(&self.chain, &mut Emptied::default()) }
        }) {
            // SAFETY: the slot is alive until the consumer has stepped over it.
            let slot = unsafe { &*slot };
            // SAFETY: the slot holds a message, this thread alone accesses it (see
            // `with_last_consumer`), and the consumer steps over it next.
            panics.catch(|| slot.with_mut(|slot| unsafe { slot.cast::<T>().drop_in_place() }));
            self.with_last_consumer(|consumer| {
                consumer.step();
                self.publish_head(consumer.head());
            });
        }
        panics.resume();
    }
}

impl<T, P: RecvWaiters> Chan<T, P> {
    /// The consumer, once the last receiver is being dropped and pushes have ended. Not for foreign
    /// code.
    fn with_last_consumer<R>(&self, f: impl FnOnce(&mut Consumer<T>) -> R) -> R {
        self.rx.consumer.with_mut(|owned| {
            // SAFETY: there is no receiver, and `receivers_gone` stops senders from storing, so no
            // other thread accesses the consumer (I2); `f` does not re-enter this function.
            let owned = unsafe { &mut *owned };
            f(&mut owned.consumer)
        })
    }
}

/// How many messages come before `position`.
#[inline(always)]
pub(super) fn count(position: usize) -> usize {
    position.wrapping_sub(START)
}

impl<T, P> Chan<T, P> {
    /// The receiver's published position.
    #[inline]
    pub(super) fn head(&self) -> usize {
        // ORDERING: Acquire pairs with the Release store in `publish_head`: slots before it have
        // been read, and may be written again (storage::ring, I3).
        self.rx.head.load(Ordering::Acquire)
    }
}

/// A function of its own, since most channels have no policy.
///
/// # Safety
/// The policy came from `Box::into_raw`, and nothing uses it after this call.
#[cold]
unsafe fn free_policy<T>(policy: *mut Policy<T>) {
    // SAFETY: what `from_raw` asks is what our caller promised.
    drop(unsafe { Box::from_raw(policy) });
}

impl<T, P> Drop for Chan<T, P> {
    fn drop(&mut self) {
        self.record.unregister(|| Done {
            sent: count(self.sent()).wrapping_sub(self.record.ahead()) as u64,
            evicted: self.evicted().unwrap_or(0),
        });
        self.rx.consumer.with_mut(|owned| {
            // SAFETY: `&mut self` excludes every other access.
            let owned = unsafe { &mut *owned };
            // The last receiver has drained the channel, and nothing was stored after; what a
            // leaked receiver left is leaked with it. SAFETY: the consumer and the chain were made
            // together in `new`, and this is the end of both.
            unsafe { owned.consumer.free(&self.chain) };
        });
        // ORDERING: Acquire pairs with the Release in `backlog::set_policy`.
        let policy = self.policy.load(Ordering::Acquire);
        if !policy.is_null() {
            // SAFETY: it came from `Box::into_raw` in `set_policy`, and this is its end.
            unsafe { free_policy(policy) };
        }
    }
}

impl<T, P> fmt::Debug for Chan<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan").field("counts", &self.counts).finish_non_exhaustive()
    }
}
