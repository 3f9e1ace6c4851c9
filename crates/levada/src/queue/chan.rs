//! The channel itself: who may touch what, and how it ends.
//!
//! # Layout
//! ```text
//! crowded, lock | producer, permits, parked receivers, edges      senders
//! counts, closed event                                            seldom
//! head, attention, consumer                                       the receiver
//! chain: its links                                                seldom
//!        tail, inline slots                                       both
//! ```
//! What is used seldom keeps the others' cache lines apart.
//!
//! Senders work under one lock: taking a slot, writing the message and looking whether a receiver
//! sleeps is one critical section of a few nanoseconds. The single receiver of an mpsc channel does
//! not take it: it reads `tail`, takes the message and publishes `head`. It takes the lock to go to
//! sleep, and to hand capacity to senders that wait. The receivers of an mpmc channel all work
//! under the lock.
//!
//! # States
//! | edge          | set by                              | what it means                                     |
//! |---------------|-------------------------------------|---------------------------------------------------|
//! | `closed`      | `close`, the last receiver's drop   | no new permits; permits that are out may be used  |
//! | `unreceived`  | the last receiver's drop            | messages are given back or dropped, none is stored |
//!
//! Both are set under the lock, once, and never cleared; the last receiver sets both at once. That
//! no sender is left is told by their count, which stays zero (refs, I1). A receiver has seen the
//! end when nothing is queued and either no sender is left, or `closed` holds and no permit is out
//! or promised.
//!
//! # Invariants
//! - **I1** `queued + reserved + granted <= capacity`, where `queued = tail - head`.
//! - **I2** Only the holder of the lock pushes, and looks at or changes permits, edges and parked
//!   receivers. Only the one receiver (mpsc), or the holder of the lock (mpmc), pops.
//! - **I3** `attention` contains HUNGRY whenever a sender waits in line that was granted nothing.
//!   It is written under the lock.
//! - **I4** No waker is cloned, woken or dropped, no message dropped and nothing allocated or freed
//!   under the lock.
//! - **I5** A receiver is parked only if nothing was queued for it when it parked, under the lock:
//!   no message at all (mpsc), or none that is not promised to another receiver (mpmc). A sender
//!   that pushes takes one parked receiver, promises it the message and wakes it.
//! - **I6** `credit` is at most what is available (permits), and at most the producer's room; it is
//!   0 if the channel is closed. So whoever changes permits forgets it.
//! - **I7** `unanswered` is set when the receiver is made FENCED, and cleared by the receiver while
//!   it has the lock, by which it sees that. Until then it may go by what `attention` was before.
//!
//! # Transitions
//! The races that do not go through the lock are two, between the single receiver and the senders:
//! - message against sleep: the receiver finds nothing queued, takes the lock and looks again
//!   before it parks. A sender pushes under the same lock, so either the receiver sees the message
//!   or the sender sees it parked.
//! - capacity against sleep: the receiver publishes `head` and then reads `attention`; a sender
//!   that waits sets HUNGRY there and then reads `head`. Both put a sequentially consistent fence
//!   between, so the receiver sees that somebody waits, or the sender sees the capacity and serves
//!   all in line. Senders that come while it is HUNGRY leave that to the one that made it so.
//!
//! | `attention`     | the receiver's fence             | the fence of a sender that waits                      |
//! |-----------------|----------------------------------|-------------------------------------------------------|
//! | FENCED          | its own                          | its own; it sets HUNGRY                               |
//! | FENCED, HUNGRY  | none: it sees that somebody waits | none: see above                                       |
//! | nothing         | the compiler's                   | its own and the receiver's: [`asymmetric::try_heavy_fence`] |
//!
//! A channel begins FENCED, and a sender that waits makes it so. After [`CALM`] messages for which
//! no sender waited the receiver lets its fence go. Each sender that waits while the receiver is
//! `unanswered` uses the heavy fence; if that is refused, which the receiver could not foresee, the
//! sender polls again and looks for capacity until the receiver has answered. So no sender relies
//! on another one's fence that failed.
//!
//! # Progress
//! Receiving from an open mpsc channel that has no senders in line, and finding out that it is
//! empty, is wait-free, but for the freeing of a segment of the storage. Everything else takes the
//! lock. Waiting senders are served in order; see [`crate::wait::permits`].
//!
//! # Unwinding
//! Foreign code (wakers, drops of messages) runs last and outside the lock; a panic in it leaves
//! the channel as if it had returned. Where a message would be lost by it (it was just received, or
//! is about to be given back to its sender), the panic ends there, reported by the panic hook.
//! Where several wakers or messages are to be served, all are before the first panic goes on, those
//! of others before one's own. What a later panic carries is dropped, and a panic in that drop ends
//! there, too.
//!
//! # Checked by
//! `mpsc::model`, `mpmc::model`.

use core::fmt;
use core::mem::offset_of;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::task::Waker;

use crate::prim::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use crate::prim::{Arc, IS_SMALL, Lock, LockGuard, UnsafeCell, asymmetric};
use crate::refs::{Counts, Hub};
use crate::storage::ring::{Chain, Consumer, Emptied, Producer, START};
use crate::util::{FirstPanic, Gap, LINE, WakeBatch, contain, wake_in_batches};
use crate::wait::permits::Permits;
use crate::wait::queue::WaitQueue;

/// The largest capacity of a bounded channel, as in tokio.
pub(crate) const MAX_CAPACITY: usize = usize::MAX >> 3;
/// A bit of `attention`: a sender waits that was granted nothing (I3).
pub(super) const HUNGRY: u8 = 1;
/// A bit of `attention`: the receiver puts a fence before it looks for HUNGRY. Without it senders
/// use the heavy one of an asymmetric pair.
pub(super) const FENCED: u8 = 2;
/// After how many messages that nobody waited to send the receiver is not FENCED any more.
pub(crate) const CALM: u16 = if IS_SMALL { 2 } else { 1024 };

/// The capacity that stands for none.
pub(crate) const UNBOUNDED: usize = usize::MAX;

/// Receivers that sleep: one waker (mpsc) or a line of them (mpmc).
pub(crate) trait Parked: Default {
    /// Whether senders that find the channel full are counted
    /// ([`take_overdue`](Self::take_overdue)).
    const COUNTS_REFUSED_SENDERS: bool = false;

    /// Takes the waker of the receiver that has waited longest, to be woken outside the lock: there
    /// is something to look at, and no message.
    #[must_use = "wake it after the lock is released"]
    fn take_one(&mut self) -> Option<Waker>;

    /// The same for a message that was just stored: it is promised to that receiver.
    #[must_use = "wake it after the lock is released"]
    fn grant_one(&mut self) -> Option<Waker> {
        self.take_one()
    }

    /// Whether receivers sleep that another one, which does not come, could hold up.
    fn has_more(&self) -> bool {
        false
    }

    /// Counts that the channel was used while messages are promised to receivers that do not come.
    /// If that happened too often while others sleep, one promise lapses, and a sleeping receiver
    /// is taken as by [`grant_one`](Self::grant_one).
    #[must_use = "wake it after the lock is released"]
    fn take_overdue(&mut self) -> Option<Waker> {
        None
    }

    /// Takes the wakers of all. Answers whether more remain than the batch has room for.
    fn take_all(&mut self, batch: &mut WakeBatch) -> bool;
}

/// Bytes of a channel between what senders use and what the receiver uses, without padding.
const SELDOM: usize =
    size_of::<Counts>() + size_of::<AtomicBool>() + size_of::<WaitQueue>() + size_of::<usize>();

/// A channel that delivers each message once. `P` says how receivers sleep.
#[repr(C)]
pub(crate) struct Chan<T, P> {
    tx: Guarded<T, P>,
    counts: Counts,
    /// A copy of the edge `closed`, to be read without the lock.
    closed: AtomicBool,
    /// Told once `closed`.
    closed_event: WaitQueue,
    /// A copy of the permits' capacity, to be read without the lock.
    capacity: usize,
    /// What the fields before lack of a cache line, where pointers are small.
    _gap: Gap<{ LINE.saturating_sub(SELDOM) }>,
    rx: RxSide<T>,
    pub(super) chain: Chain<T>,
}

/// Runs wakers for a sender or receiver with a message in hand, which a panic must not take along:
/// the panic hook has reported it, and it ends here.
#[cold]
pub(super) fn with_message_in_hand(wake: impl FnOnce()) {
    contain(wake);
}

/// The lock, and a copy of what a sender wants to know before it takes it.
struct Guarded<T, P> {
    /// Whether a sender that comes now has to stand in line, as far as the last change told.
    crowded: AtomicBool,
    side: Lock<TxSide<T, P>>,
}

/// What is under the lock.
pub(super) struct TxSide<T, P> {
    pub(super) producer: Producer<T>,
    /// A lower bound of the receiver's position: the receiver's line is read only when the channel
    /// looks full with this one.
    pub(super) head_seen: usize,
    /// How many messages may be stored, one after the other, with no look at permits, edges or
    /// storage (I6).
    pub(super) credit: usize,
    permits: Permits,
    /// What `attention` was last set to.
    attention_noted: u8,
    /// The receiver was made FENCED and may not know yet (I7).
    unanswered: bool,
    pub(super) parked: P,
    pub(super) unreceived: bool,
}

/// What the receiver writes.
pub(super) struct RxSide<T> {
    /// Messages ever received: published after each one, or each batch.
    pub(super) head: AtomicUsize,
    /// What the receiver has to do after it published `head`: [`HUNGRY`], [`FENCED`].
    pub(super) attention: AtomicU8,
    pub(super) consumer: UnsafeCell<RxOwned<T>>,
}

/// What only the receiver touches (I2).
pub(super) struct RxOwned<T> {
    pub(super) consumer: Consumer<T>,
    /// Where it stood when it last left its waker parked. Who goes on from there was woken, mostly
    /// with that waker.
    pub(super) parked_at: usize,
    /// How often it found capacity promised to a sender that did not come.
    pub(super) refusals: u16,
    /// How many messages it received, since it last found a sender hungry.
    pub(super) calm: u16,
    /// Whether it has told its caller of the end.
    pub(super) told_end: bool,
}

impl<T, P> TxSide<T, P> {
    #[inline]
    pub(super) fn permits(&self) -> &Permits {
        &self.permits
    }

    /// To change them: what was known of them is forgotten.
    #[inline]
    pub(super) fn permits_mut(&mut self) -> &mut Permits {
        self.credit = 0;
        &mut self.permits
    }

    /// The same, together with the parked receivers.
    pub(super) fn permits_and_parked(&mut self) -> (&mut Permits, &mut P) {
        self.credit = 0;
        (&mut self.permits, &mut self.parked)
    }

    /// Whether the receiver is told that somebody waits.
    #[inline]
    pub(super) fn is_hungry(&self) -> bool {
        self.attention_noted & HUNGRY != 0
    }

    /// The receiver has the lock (I7).
    #[inline]
    pub(super) fn answer(&mut self) {
        self.unanswered = false;
    }

    /// Finds out how much credit there is (I6).
    #[inline]
    pub(super) fn look_ahead(&mut self) {
        let queued = self.producer.tail().wrapping_sub(self.head_seen);
        let free = if self.permits.is_closed() { 0 } else { self.permits.available(queued) };
        self.credit = free.min(self.producer.room());
    }
}

// SAFETY: the cell around the consumer keeps it from being automatic. Who shares a channel gets
// into that cell as I2 says, one at a time, and moves messages out of it: that is `T: Send`; nobody
// looks at a message that is in the channel, so it need not be `Sync`.
unsafe impl<T: Send, P: Send> Sync for Chan<T, P> {}

// A panic in foreign code leaves the channel whole (see `# Unwinding`), and a message in the
// channel is not observed across it.
impl<T, P> UnwindSafe for Chan<T, P> {}
impl<T, P> RefUnwindSafe for Chan<T, P> {}

impl<T, P: Parked> Chan<T, P> {
    /// A channel with one sender and one receiver to be made from it.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        // Where nobody waits for capacity the receiver has nothing to look for.
        let attention = if capacity == UNBOUNDED { 0 } else { FENCED };
        const {
            let apart = offset_of!(Self, rx) - size_of::<Guarded<T, P>>();
            assert!(apart >= LINE - 1, "senders and receiver share a line");
            let apart = offset_of!(Self, chain) + Chain::<T>::TAIL - offset_of!(Self, rx);
            assert!(apart - size_of::<RxSide<T>>() >= LINE - 1, "the receiver's line is shared");
        }
        Arc::new(Self {
            tx: Guarded {
                crowded: AtomicBool::new(false),
                side: Lock::new(TxSide {
                    producer: Producer::new(),
                    head_seen: START,
                    credit: 0,
                    permits: Permits::new(capacity),
                    attention_noted: attention,
                    unanswered: false,
                    parked: P::default(),
                    unreceived: false,
                }),
            },
            rx: RxSide {
                head: AtomicUsize::new(START),
                attention: AtomicU8::new(attention),
                consumer: UnsafeCell::new(RxOwned {
                    consumer: Consumer::new(),
                    parked_at: START.wrapping_sub(1),
                    refusals: 0,
                    calm: 0,
                    told_end: false,
                }),
            },
            chain: Chain::new(capacity),
            counts: Counts::new(1),
            closed: AtomicBool::new(false),
            closed_event: WaitQueue::new(),
            capacity,
            _gap: Gap::new(),
        })
    }

    /// The bound, or [`UNBOUNDED`].
    pub(crate) fn max_capacity(&self) -> usize {
        self.capacity
    }

    /// Permits to be had at once.
    pub(crate) fn capacity(&self) -> usize {
        let tx = self.lock_settled();
        tx.permits().available(self.queued(&tx))
    }

    /// Whether new permits are refused.
    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `close_with`: who sees it closed also
        // sees what the receiver did before.
        self.closed.load(Ordering::Acquire)
    }

    /// Told once the channel is closed.
    pub(crate) fn closed_event(&self) -> &WaitQueue {
        &self.closed_event
    }

    #[inline]
    pub(super) fn lock(&self) -> LockGuard<'_, TxSide<T, P>> {
        self.tx.side.lock()
    }

    #[inline]
    pub(super) fn rx(&self) -> &RxSide<T> {
        &self.rx
    }

    /// The receiver's published position.
    #[inline]
    pub(super) fn head(&self) -> usize {
        // ORDERING: Acquire pairs with the Release store in `publish_head`: slots before it have
        // been read, and may be written again (storage::ring, I3).
        self.rx.head.load(Ordering::Acquire)
    }

    /// Publishes the receiver's position: slots before it may be used again.
    #[inline]
    pub(super) fn publish_head(&self, head: usize) {
        // ORDERING: Release pairs with the Acquire load in `head`.
        self.rx.head.store(head, Ordering::Release);
    }

    /// Messages in the channel, exactly or, beside a receiver without the lock, a few too many.
    #[inline]
    pub(super) fn queued(&self, tx: &TxSide<T, P>) -> usize {
        tx.producer.tail().wrapping_sub(self.head())
    }

    /// Keeps I3 and I7 after the line of waiting senders changed. Answers whether the receiver may
    /// not know yet that it is FENCED.
    #[inline]
    pub(super) fn note_hungry(&self, tx: &mut TxSide<T, P>) -> bool {
        let before = tx.attention_noted;
        let hungry = tx.permits.has_waiting();
        let now = if hungry { HUNGRY | FENCED } else { before & FENCED };
        // The receiver's line is written only if there is something new.
        if before != now {
            tx.attention_noted = now;
            // ORDERING: Relaxed pairs with the load in `single::attention`, by way of the fence
            // that a sender puts behind it (`send::poll_turn_in_line`) and the receiver's.
            self.rx.attention.store(now, Ordering::Relaxed);
            // ORDERING: Relaxed, no pair: a hint, which the lock confirms or not.
            self.tx.crowded.store(hungry, Ordering::Relaxed);
            tx.unanswered |= before & FENCED == 0;
        }
        tx.unanswered
    }

    /// Lets the receiver do without its fence, if nobody waits: the next who does pays for both.
    #[cold]
    pub(super) fn relax(&self) {
        if !asymmetric::is_available() {
            return;
        }
        let mut tx = self.lock();
        if !tx.permits.has_waiting() {
            tx.attention_noted = 0;
            tx.unanswered = false;
            // ORDERING: Relaxed, no pair: only the receiver reads it, who is writing it.
            self.rx.attention.store(0, Ordering::Relaxed);
        }
    }

    /// Whether a sender that comes now will probably have to stand in line.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        // ORDERING: Relaxed, no pair: a hint, which the lock confirms or not.
        self.tx.crowded.load(Ordering::Relaxed)
    }

    /// Whether no message can come any more, provided that none is queued. Whoever pushes holds the
    /// lock, and does so before its sender goes: so if none is left, what they sent is queued.
    #[inline]
    pub(super) fn is_ended(&self, tx: &TxSide<T, P>) -> bool {
        self.counts.senders() == 0 || tx.permits().is_exhausted()
    }

    /// Refuses new permits; wakes senders that wait for one, and receivers that may have seen the
    /// end. Calls after the first do nothing.
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
                self.note_hungry(&mut tx);
                // ORDERING: Release pairs with the Acquire load in `is_closed`.
                self.closed.store(true, Ordering::Release);
                more || tx.parked.take_all(batch)
            });
        });
        panics.catch(|| self.closed_event.notify_all());
        panics.resume();
    }
}

impl<T, P: Parked> Hub for Chan<T, P> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        wake_in_batches(|batch| self.lock().parked.take_all(batch));
    }

    fn receivers_gone(&self) {
        let mut panics = FirstPanic::default();
        // From here on a permit that is still out gives its message back instead of queueing it. In
        // one step with closing: a sender that was refused for good must not find the channel open.
        panics.catch(|| self.close_with(|tx| tx.unreceived = true));
        // A future that was forgotten, or (mpsc) dropped, may have left its waker.
        let left = || self.lock().parked.take_one();
        while let Some(waker) = left() {
            panics.catch(|| drop(waker));
        }
        // Messages are dropped one by one, outside the lock and where they are: one may be larger
        // than what is left of the stack. Nobody else is in the consumer: see `with_last_consumer`.
        while let Some(slot) = self.with_last_consumer(|consumer| {
            // SAFETY: the consumer and the chain belong to this channel.
            unsafe { consumer.front(&self.chain, &mut Emptied::default()) }
        }) {
            // SAFETY: the slot is alive until the consumer has stepped over it.
            let slot = unsafe { &*slot };
            // SAFETY: it holds a message that nobody else sees, and that is left behind next.
            panics.catch(|| slot.with_mut(|slot| unsafe { slot.cast::<T>().drop_in_place() }));
            self.with_last_consumer(|consumer| {
                consumer.step();
                self.publish_head(consumer.head());
            });
        }
        panics.resume();
    }
}

impl<T, P: Parked> Chan<T, P> {
    /// The consumer, once the last receiver is being dropped and pushes have ended. Not for foreign
    /// code.
    fn with_last_consumer<R>(&self, f: impl FnOnce(&mut Consumer<T>) -> R) -> R {
        self.rx.consumer.with_mut(|owned| {
            // SAFETY: there is no receiver, and `unreceived` keeps senders from the queue, so
            // nobody else is in the consumer (I2); `f` does not come back here.
            let owned = unsafe { &mut *owned };
            f(&mut owned.consumer)
        })
    }
}

impl<T, P> Drop for Chan<T, P> {
    fn drop(&mut self) {
        self.rx.consumer.with_mut(|owned| {
            // SAFETY: `&mut self` excludes every other access.
            let owned = unsafe { &mut *owned };
            // The last receiver has drained the channel, and nothing was stored after; what a
            // leaked receiver left is leaked with it. SAFETY: the consumer and the chain were made
            // together in `new`, and this is the end of both.
            unsafe { owned.consumer.free(&self.chain) };
        });
    }
}

impl<T, P> fmt::Debug for Chan<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan").field("counts", &self.counts).finish_non_exhaustive()
    }
}
