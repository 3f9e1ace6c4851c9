//! What may happen next in a broadcast channel.
//!
//! # Layout
//! The messages are in an overwriting ring, [`LapRing`]. What has to be decided in one order for
//! all handles is in the [`Tail`], under the lock of the ring's writer: the position of the next
//! message, and how many receivers it will be for. That there will be no further one is said by the
//! count of senders, which stays zero (refs, I1). A receiver's own state is a single number, the
//! position of the message that it reads next, and lies in its handle.
//!
//! # States
//! For a receiver whose next position is `next`:
//!
//! | where `next` is                           | what a receive returns               |
//! |-------------------------------------------|--------------------------------------|
//! | the tail's, with senders                  | nothing yet                          |
//! | the tail's, without                       | closed                               |
//! | at most one capacity behind the tail      | the message                          |
//! | further behind                            | lagged; goes on one capacity behind  |
//!
//! # Transitions
//! | operation    | locks and read-modify-writes, one after the other                               |
//! |--------------|---------------------------------------------------------------------------------|
//! | `send`       | tail; one exchange in it, if it overwrites a message that is not read by all     |
//! | `read`       | one exchange, and a store after the clone                                       |
//! | `check_tail` | tail; only if the slot does not have the message                                |
//! | `join`       | tail                                                                            |
//! | `leave`      | tail, then one exchange for each unread message                                 |
//!
//! If the slot is borrowed for a clone, a send takes the tail a second time, with the message in a
//! box.
//!
//! # Invariants
//! - **I1** A receiver is counted in each message from its position to the tail's that has not been
//!   overwritten, and in no other: `join` takes the position and adds to the count in one step,
//!   `send` gives the message the count and moves the position in one step.
//! - **I2** So if the newest message has been read by all its readers, all older ones have, but for
//!   those that a receiver which leaves is skipping at the moment.
//! - **I3** A message is written under the tail's lock: a thread that learns from the tail that it
//!   was sent finds it. A message is never reported as lagged because it is not written yet.
//! - **I4** No lock is held while a message is cloned: the receiver has borrowed it, as the state
//!   of the slot says.
//! - **I5** No receiver sleeps through a message: it enters `recv_waiters` and then checks the tail
//!   and sets `has_waiters` there; the sender clears that flag under the same lock as it moves the
//!   position, and then notifies. Either the receiver sees the position, or the sender the flag.
//! - **I6** No receiver sleeps through the end of a clone: it enters `clone_waiters` and then
//!   requests a notification in the slot; the thread that ends the borrow, or that overwrites the
//!   message, sees the request, and then notifies.
//!
//! # Progress
//! Operations take locks that are held for a few nanoseconds each. A receiver that is not polled
//! blocks no other handle, and the sender never waits for a clone. Only a receiver that wants the
//! value that another one is cloning at this moment waits for that clone.
//!
//! # Unwinding
//! Values are cloned and dropped, and wakers called, without a lock. A clone that panics counts as
//! read and returns the value to the other receivers. If a drop or a waker panics, the other values
//! are still dropped and the other receivers still woken. The first panic is then resumed in the
//! caller, unless that is a receiver that has its message: there the panic ends, reported by the
//! panic hook.
//!
//! # Checked by
//! `model`, and the tests of `storage::lap_ring`.
#![forbid(unsafe_code)]

use core::fmt;
use core::hint::spin_loop;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::error::{SendError, TryRecvError};
use super::tail::{Admission, AtOnce, Tail};
use crate::observe::{ChannelRecord, Kind, Name};
use crate::prim::{IS_MODEL, park_on};
use crate::refs::{Counts, Hub};
use crate::storage::lap_ring::{
    Borrow, Boxed, Deferred, Found, LapRing, Missed, SlotRef, SlotWriter, UNFENCE_AFTER, Writer,
};
use crate::util::{FirstPanic, contain};
use crate::wait::list::Node;
use crate::wait::queue::WaitQueue;
use crate::wait::until::Until;

/// How often a receiver checks whether another one's clone is done, spinning twice as long each
/// time, before it sleeps: less than a tenth of a microsecond in all, enough for most clones.
const SPIN_ROUNDS: u32 = if IS_MODEL { 0 } else { 5 };

/// A broadcast channel. `G` is what the tail's lock guards as well: nothing, or in a
/// [lossless](super::lossless()) channel what holds the senders back.
pub(super) struct Shared<T, G = ()> {
    /// First, as [`ChannelRecord`] says.
    pub(super) record: ChannelRecord,
    counts: Counts,
    pub(super) ring: LapRing<T, Tail<G>>,
    /// Receivers that wait for a message, or for the close.
    recv_waiters: WaitQueue,
    /// Receivers that wait for another one to return the value that it clones.
    clone_waiters: WaitQueue,
    /// Senders that wait for the last receiver to drop.
    closed_waiters: WaitQueue,
}

/// Why [`Shared::read`] gave no message.
pub(super) enum Miss {
    /// Its slot does not have it; [`Shared::check_tail`] says why.
    Absent,
    /// Another receiver is cloning it.
    Busy,
}

impl<T> Shared<T> {
    #[inline]
    pub(super) fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.send_if(value, AtOnce)
    }
}

impl<T, G> Shared<T, G> {
    /// A channel with one sender and `receivers` receivers.
    #[cfg_attr(feature = "observe", track_caller)]
    pub(super) fn new(capacity: usize, receivers: u32, name: Name, gate: G) -> Self {
        let tail = Tail { next: 0, receivers, has_waiters: false, caught_up: false, gate };
        Self {
            record: ChannelRecord::new::<T>(Kind::Broadcast, name),
            counts: Counts::new(receivers as usize),
            ring: LapRing::new(capacity, tail),
            recv_waiters: WaitQueue::new(),
            clone_waiters: WaitQueue::new(),
            closed_waiters: WaitQueue::new(),
        }
    }

    // Send

    /// Sends a message, if it is admitted.
    #[inline(always)]
    pub(super) fn send_if(
        &self,
        value: T,
        mut admission: impl Admission<G>,
    ) -> Result<usize, SendError<T>> {
        let Some(mut tail) = self.lock_next(&mut admission) else {
            return Err(SendError(value));
        };
        let (pos, receivers) = (tail.next, tail.receivers);
        match tail.put(pos, receivers, value) {
            Ok(deferred) => {
                admission.commit(&mut tail);
                Ok(self.publish(tail, deferred))
            }
            Err(value) => {
                drop(tail);
                self.send_overflowed(Boxed::new(value), admission)
            }
        }
    }

    /// Sends a message whose slot is borrowed for a clone.
    #[cold]
    fn send_overflowed(
        &self,
        message: Boxed<T>,
        mut admission: impl Admission<G>,
    ) -> Result<usize, SendError<T>> {
        let Some(mut tail) = self.lock_next(&mut admission) else {
            return Err(SendError(message.into_inner()));
        };
        let (pos, receivers) = (tail.next, tail.receivers);
        let (deferred, overflowed) = tail.put_overflowed(pos, receivers, message);
        admission.commit(&mut tail);
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            self.publish(tail, deferred);
        });
        panics.catch(|| self.run_deferred(overflowed.finish()));
        panics.resume();
        Ok(receivers as usize)
    }

    /// Locks the tail and goes to the slot of the next message, if that is admitted.
    #[inline(always)]
    fn lock_next(&self, admission: &mut impl Admission<G>) -> Option<SlotWriter<'_, T, Tail<G>>> {
        let mut tail = self.ring.lock();
        if tail.caught_up {
            tail.caught_up = false;
            let next = tail.next;
            tail.restart(next);
        }
        loop {
            if !admission.admits(&mut tail) {
                return None;
            }
            let next = tail.next;
            match tail.at(next) {
                Ok(entry) => return Some(entry),
                Err(full) => tail = self.make_slot(full),
            }
        }
    }

    /// Publishes the next message, which has been written, and wakes receivers that wait. Returns
    /// how many receivers it is for.
    #[inline(always)]
    fn publish(&self, mut tail: SlotWriter<'_, T, Tail<G>>, deferred: Deferred<T>) -> usize {
        let (pos, receivers, had_waiters) = (tail.next, tail.receivers, tail.has_waiters);
        tail.next = pos + 1;
        self.record.publish_position(pos + 1);
        if had_waiters {
            tail.has_waiters = false;
        }
        drop(tail);
        if had_waiters || pos % UNFENCE_AFTER == UNFENCE_AFTER - 1 || deferred.is_some() {
            self.after_publish(pos, had_waiters, deferred);
        }
        receivers as usize
    }

    /// What [`publish`](Self::publish) has seldom to do, without a lock.
    #[inline(never)]
    fn after_publish(&self, pos: u64, had_waiters: bool, deferred: Deferred<T>) {
        let mut panics = FirstPanic::default();
        if had_waiters {
            panics.catch(|| self.recv_waiters.notify_all());
        }
        if pos % UNFENCE_AFTER == UNFENCE_AFTER - 1 {
            self.ring.unfence_readers();
        }
        panics.catch(|| self.run_deferred(deferred));
        panics.resume();
    }

    /// Finds a slot for the next message in the chunks that exist, or adds a chunk.
    #[cold]
    fn make_slot<'a>(&'a self, mut tail: Writer<'a, T, Tail<G>>) -> Writer<'a, T, Tail<G>> {
        let next = tail.next;
        if tail.restart(next) {
            return tail;
        }
        drop(tail);
        self.ring.grow(next);
        self.ring.lock()
    }

    /// Does without a lock what a change of a slot has left to do.
    #[inline(always)]
    fn run_deferred(&self, deferred: Deferred<T>) {
        if deferred.is_some() {
            self.run_some_deferred(deferred);
        }
    }

    /// The same for a receiver that holds a received message. A panic is caught, after the hook has
    /// reported it, so that the message is not lost.
    #[inline(always)]
    fn run_deferred_contained(&self, deferred: Deferred<T>) {
        if deferred.is_some() {
            contain(|| self.run_some_deferred(deferred));
        }
    }

    #[cold]
    fn run_some_deferred(&self, deferred: Deferred<T>) {
        let mut panics = FirstPanic::default();
        if deferred.notify {
            panics.catch(|| self.clone_waiters.notify_all());
        }
        panics.catch(|| deferred.garbage.drop_all());
        panics.resume();
    }

    // Receive

    /// Reads the message at `next` and moves on.
    #[inline(always)]
    pub(super) fn read(&self, next: &mut u64) -> Result<T, Miss>
    where
        T: Clone,
    {
        let pos = *next;
        let Some(slot) = self.ring.slot(pos) else {
            return Err(Miss::Absent);
        };
        match slot.borrow_fast(pos) {
            Ok(borrow) => {
                *next = pos + 1;
                Ok(self.read_borrowed(borrow))
            }
            Err(Missed::Absent) => Err(Miss::Absent),
            Err(Missed::Busy) => self.read_slow(slot, next),
            Err(Missed::Overwritten(borrow)) => {
                self.run_deferred(borrow.end());
                Err(Miss::Absent)
            }
        }
    }

    #[inline(always)]
    fn read_borrowed(&self, borrow: Borrow<'_, T>) -> T
    where
        T: Clone,
    {
        if borrow.is_last() {
            return borrow.into_value();
        }
        let guard = BorrowGuard { shared: self, borrow: Some(borrow) };
        guard.clone_value()
    }

    #[cold]
    #[inline(never)]
    fn read_slow(&self, slot: SlotRef<'_, T>, next: &mut u64) -> Result<T, Miss>
    where
        T: Clone,
    {
        let pos = *next;
        let mut found = slot.borrow(pos);
        if matches!(found, Found::Busy) {
            found = spin_and_borrow(slot, pos);
        }
        let value = match found {
            Found::InSlot(borrow) => {
                *next = pos + 1;
                self.read_borrowed(borrow)
            }
            Found::InBox(boxed) => {
                *next = pos + 1;
                self.clone_boxed(slot, pos, boxed)
            }
            Found::LastInBox(boxed) => {
                *next = pos + 1;
                // A value that needs no drop is cloned, as tokio does, for the sake of a `Clone`
                // that does more than copy.
                if mem::needs_drop::<T>() { *boxed } else { T::clone(&boxed) }
            }
            Found::Busy => return Err(Miss::Busy),
            Found::Absent => return Err(Miss::Absent),
            Found::Overwritten(borrow) => {
                self.run_deferred(borrow.end());
                return Err(Miss::Absent);
            }
        };
        Ok(value)
    }

    #[cold]
    fn clone_boxed(&self, slot: SlotRef<'_, T>, pos: u64, boxed: Box<T>) -> T
    where
        T: Clone,
    {
        let clone = catch_unwind(AssertUnwindSafe(|| T::clone(&boxed)));
        self.run_deferred_contained(slot.return_box(pos, boxed));
        clone.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Receives the message at `next`, which was not read because of `miss`: finds out why, and
    /// waits for the return of one that another receiver clones.
    pub(super) fn try_recv_after(&self, mut miss: Miss, next: &mut u64) -> Result<T, TryRecvError>
    where
        T: Clone,
    {
        loop {
            match miss {
                Miss::Absent => self.check_tail(next)?,
                Miss::Busy => {
                    let back = || (!self.notify_on_return(*next)).then_some(());
                    park_on(Until::new(&self.clone_waiters, back));
                }
            }
            match self.read(next) {
                Ok(value) => return Ok(value),
                Err(again) => miss = again,
            }
        }
    }

    /// Whether the message at `next` has been sent and is still there. After a lag, moves `next` to
    /// the oldest message that is.
    pub(super) fn check_tail(&self, next: &mut u64) -> Result<(), TryRecvError> {
        self.check_locked_tail(&mut self.ring.lock(), next)
    }

    fn check_locked_tail(&self, tail: &mut Tail<G>, next: &mut u64) -> Result<(), TryRecvError> {
        let behind = tail.next - *next;
        if behind > self.ring.capacity() {
            let missed = behind - self.ring.capacity();
            *next += missed;
            Err(TryRecvError::Lagged(missed))
        } else if behind > 0 {
            Ok(())
        } else if self.counts.senders() == 0 {
            // A sender sends under the tail's lock, and before it drops: no message was missed.
            Err(TryRecvError::Closed)
        } else {
            tail.caught_up = true;
            Err(TryRecvError::Empty)
        }
    }

    /// Waits until [`check_tail`](Self::check_tail) returns something else than "empty", or the
    /// receiver `is_ended`, for which the result is "closed". What ends it is under the tail's
    /// lock, and notifies `recv_waiters`.
    pub(super) fn poll_message(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        next: &mut u64,
        is_ended: impl Fn() -> bool,
    ) -> Poll<Result<(), TryRecvError>> {
        // The slot has just been checked, so the first check of the tail can be the one in the
        // queue.
        let mut is_queued = false;
        self.recv_waiters.poll_wait(node, cx, || {
            if !mem::replace(&mut is_queued, true) {
                return None;
            }
            let mut tail = self.ring.lock();
            if is_ended() {
                return Some(Err(TryRecvError::Closed));
            }
            let seen = self.check_locked_tail(&mut tail, next);
            let empty = seen == Err(TryRecvError::Empty);
            tail.has_waiters |= empty;
            (!empty).then_some(seen)
        })
    }

    /// Waits until no other receiver is cloning the message at `pos`.
    pub(super) fn poll_clone_done(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        pos: u64,
    ) -> Poll<()> {
        // As in `poll_message`; to request a notification is expensive.
        let mut is_queued = false;
        self.clone_waiters.poll_wait(node, cx, || {
            (mem::replace(&mut is_queued, true) && !self.notify_on_return(pos)).then_some(())
        })
    }

    /// Whether another receiver is cloning the message at `pos`. If so, `clone_waiters` will be
    /// notified.
    pub(super) fn notify_on_return(&self, pos: u64) -> bool {
        self.ring.slot(pos).is_some_and(|slot| slot.notify_on_return(pos))
    }

    pub(super) fn recv_waiters(&self) -> &WaitQueue {
        &self.recv_waiters
    }

    pub(super) fn clone_waiters(&self) -> &WaitQueue {
        &self.clone_waiters
    }

    // Close

    /// Waits until there are no receivers.
    pub(super) fn poll_closed(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<()> {
        self.closed_waiters.poll_wait(node, cx, || (self.receivers() == 0).then_some(()))
    }

    pub(super) fn closed_waiters(&self) -> &WaitQueue {
        &self.closed_waiters
    }

    // Join and leave

    /// Adds a receiver and returns its first position.
    #[track_caller]
    pub(super) fn join(&self) -> u64 {
        let mut tail = self.ring.lock();
        let Some(receivers) = tail.receivers.checked_add(1) else {
            drop(tail);
            panic!("max receivers");
        };
        tail.receivers = receivers;
        tail.next
    }

    /// Removes a receiver that would have read `next` next.
    pub(super) fn leave(&self, next: u64) {
        let mut tail = self.ring.lock();
        tail.receivers -= 1;
        let was_last = tail.receivers == 0;
        let end = tail.next;
        // Once it is not counted, the writer may start again at the first slot without it.
        let origin = self.ring.origin();
        drop(tail);

        let mut panics = FirstPanic::default();
        let start = next.max(end.saturating_sub(self.ring.capacity()));
        for pos in start..end {
            if let Some(slot) = self.ring.slot_from(origin, pos) {
                let deferred = slot.skip(pos);
                panics.catch(|| self.run_deferred(deferred));
            }
        }
        if was_last {
            panics.catch(|| self.closed_waiters.notify_all());
        }
        panics.resume();
    }
}

/// Ends a borrow when this drops, whether the clone was made or panicked.
struct BorrowGuard<'a, T, G> {
    shared: &'a Shared<T, G>,
    /// `Some` until this drops.
    borrow: Option<Borrow<'a, T>>,
}

impl<T: Clone, G> BorrowGuard<'_, T, G> {
    #[inline(always)]
    fn clone_value(&self) -> T {
        self.borrow.as_ref().expect("it has not ended").clone_value()
    }
}

impl<T, G> Drop for BorrowGuard<'_, T, G> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(borrow) = self.borrow.take() {
            self.shared.run_deferred_contained(borrow.end());
        }
    }
}

/// Borrows the message at `pos`, which is borrowed, if it is returned soon.
fn spin_and_borrow<T>(slot: SlotRef<'_, T>, pos: u64) -> Found<'_, T> {
    for round in 0..SPIN_ROUNDS {
        (0..1 << round).for_each(|_| spin_loop());
        let found = slot.borrow(pos);
        if !matches!(found, Found::Busy) {
            return found;
        }
    }
    Found::Busy
}

impl<T, G> Hub for Shared<T, G> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        self.recv_waiters.notify_all();
    }

    /// Does nothing: [`Shared::leave`] has counted the last receiver out, in one step with the
    /// position that the next receiver starts at.
    fn receivers_gone(&self) {}
}

impl<T, G> fmt::Debug for Shared<T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("counts", &self.counts).finish_non_exhaustive()
    }
}
