//! What may happen next in a broadcast channel.
//!
//! # Layout
//! The messages are in a [`LapRing`]. Everything that has to be decided in one order for all is in
//! the [`Tail`], under the lock of the ring's writer: the position of the next message, and how
//! many receivers it will be for. That there will be none is told by the count of senders, which
//! stays zero (refs, I1). A receiver's own state is a single number, the position of the message it
//! reads next, and lives in its handle.
//!
//! # States
//! For a receiver whose next position is `next`:
//!
//! | where `next` is                           | what it is told                      |
//! |-------------------------------------------|--------------------------------------|
//! | the tail's, with senders                  | nothing yet                          |
//! | the tail's, without                       | closed                               |
//! | at most one capacity behind the tail      | the message                          |
//! | further behind                            | lagged; goes on one capacity behind  |
//!
//! # Transitions
//! | operation | locks and read-modify-writes, one after the other                               |
//! |-----------|---------------------------------------------------------------------------------|
//! | send      | tail; one exchange in it, if a message is overwritten that somebody has not read |
//! | read      | one exchange, and a store after the clone                                       |
//! | look      | tail; only if the slot does not have the message                                |
//! | join      | tail                                                                            |
//! | leave     | tail, then one exchange for each unread message                                 |
//!
//! If a clone is being made in the slot, a send takes the tail a second time, with the message in a
//! box.
//!
//! # Invariants
//! - **I1** A receiver has a claim on each message from its position to the tail's that has not
//!   been lapped, and on no other: `join` takes the position and adds to the count in one step,
//!   `send` gives the message the count and moves the position in one step.
//! - **I2** So if the newest message has been read by all its readers, all older ones have, but for
//!   those that a receiver is just leaving behind.
//! - **I3** A message is written under the tail's lock: who learns from the tail that it was sent
//!   finds it. A message is never reported as lagged because it is not written yet.
//! - **I4** No lock is held while a message is cloned: the receiver has a loan, which its slot's
//!   state tells to everybody else.
//! - **I5** Nobody sleeps through a message: a receiver enters the line of `news` and then looks at
//!   the tail and marks it `awaited`; the sender takes the mark under the same lock as it moves the
//!   position, and then notifies. Either the receiver sees the position, or the sender the mark.
//! - **I6** Nobody sleeps through a return: a receiver enters the line of `returns` and then calls
//!   on the slot; whoever ends the loan, by returning the value or by lapping it, is told of that,
//!   and then notifies.
//!
//! # Progress
//! Operations take locks held for a few nanoseconds each. A receiver that is not polled holds up
//! nobody, and the sender never waits for a clone. Only a receiver that wants the value that
//! another one is cloning at this moment waits for that clone.
//!
//! # Unwinding
//! Values are cloned and dropped, and wakers called, outside all locks. A panicking clone counts as
//! read and returns the value to the others. If a drop or a waker panics, the other values are
//! still dropped and the others still woken; the first panic then goes on to the caller, unless
//! that is a receiver that has its message: there it ends, reported by the panic hook.
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
use crate::prim::IS_MODEL;
use crate::refs::{Counts, Hub};
use crate::storage::lap_ring::{
    Aftermath, Boxed, CALM, Entry, LapRing, Loan, Missed, Place, Taken, Writer,
};
use crate::util::{FirstPanic, contain};
use crate::wait::list::Node;
use crate::wait::queue::WaitQueue;

/// How often a receiver looks whether another one's clone is done, waiting twice as long each time,
/// before it sleeps: less than a tenth of a microsecond in all, enough for most clones.
const LOOKS: u32 = if IS_MODEL { 0 } else { 5 };

/// A broadcast channel.
pub(super) struct Shared<T> {
    counts: Counts,
    ring: LapRing<T, Tail>,
    /// Receivers that wait for a message to be sent.
    news: WaitQueue,
    /// Receivers that wait for another one to return the value it is cloning.
    returns: WaitQueue,
    /// Senders that wait for the last receiver to go.
    desertion: WaitQueue,
}

pub(super) struct Tail {
    /// The position of the next message.
    next: u64,
    /// How many receivers the next message is for.
    receivers: u32,
    /// Somebody waits for `next` to move.
    awaited: bool,
    /// Somebody has read everything; so perhaps everybody has.
    caught_up: bool,
}

/// Why [`Shared::read`] gave no message.
pub(super) enum Miss {
    /// Its slot does not have it; [`Shared::look`] tells why.
    Absent,
    /// Another receiver is cloning it.
    Lent,
}

impl<T> Shared<T> {
    /// A channel with one sender and `receivers` receivers.
    pub(super) fn new(capacity: usize, receivers: u32) -> Self {
        let tail = Tail { next: 0, receivers, awaited: false, caught_up: false };
        Self {
            counts: Counts::new(receivers as usize),
            ring: LapRing::new(capacity, tail),
            news: WaitQueue::new(),
            returns: WaitQueue::new(),
            desertion: WaitQueue::new(),
        }
    }

    // Send

    #[inline]
    pub(super) fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let Some(mut tail) = self.lock_next() else {
            return Err(SendError(value));
        };
        let (pos, receivers) = (tail.next, tail.receivers);
        match tail.put(pos, receivers, value) {
            Ok(aftermath) => Ok(self.publish(tail, aftermath)),
            Err(value) => {
                drop(tail);
                self.send_late(Boxed::new(value))
            }
        }
    }

    /// Sends over a message that is being cloned at the moment.
    #[cold]
    fn send_late(&self, message: Boxed<T>) -> Result<usize, SendError<T>> {
        let Some(mut tail) = self.lock_next() else {
            return Err(SendError(message.into_inner()));
        };
        let (pos, receivers) = (tail.next, tail.receivers);
        let (aftermath, lapped) = tail.put_late(pos, receivers, message);
        let mut panics = FirstPanic::default();
        panics.catch(|| {
            self.publish(tail, aftermath);
        });
        panics.catch(|| self.settle(lapped.see_to()));
        panics.resume();
        Ok(receivers as usize)
    }

    /// Locks the tail and goes to the slot of the next message, if that is for anybody.
    #[inline(always)]
    fn lock_next(&self) -> Option<Entry<'_, T, Tail>> {
        let mut tail = self.ring.lock();
        if tail.caught_up {
            tail.caught_up = false;
            let next = tail.next;
            tail.restart(next);
        }
        loop {
            if tail.receivers == 0 {
                return None;
            }
            let next = tail.next;
            match tail.at(next) {
                Ok(entry) => return Some(entry),
                Err(full) => tail = self.make_room(full),
            }
        }
    }

    /// Moves on from the next message, which has been written, and tells of it. Gives how many it
    /// is for.
    #[inline(always)]
    fn publish(&self, mut tail: Entry<'_, T, Tail>, aftermath: Aftermath<T>) -> usize {
        let (pos, receivers, awaited) = (tail.next, tail.receivers, tail.awaited);
        tail.next = pos + 1;
        if awaited {
            tail.awaited = false;
        }
        drop(tail);
        if awaited || pos % CALM == CALM - 1 || aftermath.is_some() {
            self.tell(pos, awaited, aftermath);
        }
        receivers as usize
    }

    #[inline(never)]
    fn tell(&self, pos: u64, awaited: bool, aftermath: Aftermath<T>) {
        let mut panics = FirstPanic::default();
        if awaited {
            panics.catch(|| self.news.notify_all());
        }
        if pos % CALM == CALM - 1 {
            self.ring.relax();
        }
        panics.catch(|| self.settle(aftermath));
        panics.resume();
    }

    /// Finds a slot for the next message in a chunk that is there, or adds the chunk.
    #[cold]
    fn make_room<'a>(&'a self, mut tail: Writer<'a, T, Tail>) -> Writer<'a, T, Tail> {
        let next = tail.next;
        if tail.restart(next) {
            return tail;
        }
        drop(tail);
        self.ring.grow(next);
        self.ring.lock()
    }

    /// Does outside the locks what a change of a slot left to do.
    #[inline(always)]
    fn settle(&self, aftermath: Aftermath<T>) {
        if aftermath.is_some() {
            self.settle_rest(aftermath);
        }
    }

    /// The same for a receiver with a message in hand, which a panic must not take along: it ends
    /// here.
    #[inline(always)]
    fn settle_with_message_in_hand(&self, aftermath: Aftermath<T>) {
        if aftermath.is_some() {
            contain(|| self.settle_rest(aftermath));
        }
    }

    #[cold]
    fn settle_rest(&self, aftermath: Aftermath<T>) {
        let mut panics = FirstPanic::default();
        if aftermath.awaited {
            panics.catch(|| self.returns.notify_all());
        }
        panics.catch(|| aftermath.dead.drop_all());
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
        match slot.take_at_once(pos) {
            Ok(loan) => {
                *next = pos + 1;
                Ok(self.read_lent(loan))
            }
            Err(Missed::Absent) => Err(Miss::Absent),
            Err(Missed::Out) => self.read_otherwise(slot, next),
            Err(Missed::Lapped(loan)) => {
                self.settle(loan.end());
                Err(Miss::Absent)
            }
        }
    }

    #[inline(always)]
    fn read_lent(&self, loan: Loan<'_, T>) -> T
    where
        T: Clone,
    {
        if loan.is_last() {
            return loan.into_value();
        }
        let reading = Reading { shared: self, loan: Some(loan) };
        reading.clone_value()
    }

    #[cold]
    #[inline(never)]
    fn read_otherwise(&self, slot: Place<'_, T>, next: &mut u64) -> Result<T, Miss>
    where
        T: Clone,
    {
        let pos = *next;
        let mut taken = slot.take(pos);
        if matches!(taken, Taken::Out) {
            taken = take_when_returned(slot, pos);
        }
        let value = match taken {
            Taken::Lent(loan) => {
                *next = pos + 1;
                self.read_lent(loan)
            }
            Taken::LentBox(boxed) => {
                *next = pos + 1;
                self.clone_boxed(slot, pos, boxed)
            }
            Taken::LastBox(boxed) => {
                *next = pos + 1;
                // What owns nothing is cloned, as tokio does, for the sake of a `Clone` that does
                // more than copy.
                if mem::needs_drop::<T>() { *boxed } else { T::clone(&boxed) }
            }
            Taken::Out => return Err(Miss::Lent),
            Taken::Absent => return Err(Miss::Absent),
            Taken::Lapped(loan) => {
                self.settle(loan.end());
                return Err(Miss::Absent);
            }
        };
        Ok(value)
    }

    #[cold]
    fn clone_boxed(&self, slot: Place<'_, T>, pos: u64, boxed: Box<T>) -> T
    where
        T: Clone,
    {
        let clone = catch_unwind(AssertUnwindSafe(|| T::clone(&boxed)));
        self.settle_with_message_in_hand(slot.return_box(pos, boxed));
        clone.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Tells whether the message at `next` has been sent and is still there; after a lag, moves on
    /// to the oldest that is.
    pub(super) fn look(&self, next: &mut u64) -> Result<(), TryRecvError> {
        self.look_at(&mut self.ring.lock(), next)
    }

    fn look_at(&self, tail: &mut Tail, next: &mut u64) -> Result<(), TryRecvError> {
        let behind = tail.next - *next;
        if behind > self.ring.capacity() {
            let missed = behind - self.ring.capacity();
            *next += missed;
            Err(TryRecvError::Lagged(missed))
        } else if behind > 0 {
            Ok(())
        } else if self.counts.senders() == 0 {
            // Whoever sends holds the tail's lock, and does so before it goes: nothing was missed.
            Err(TryRecvError::Closed)
        } else {
            tail.caught_up = true;
            Err(TryRecvError::Empty)
        }
    }

    /// Waits until [`look`](Self::look) tells something else than "empty".
    pub(super) fn poll_news(
        &self,
        node: Pin<&Node>,
        cx: &mut Context<'_>,
        next: &mut u64,
    ) -> Poll<Result<(), TryRecvError>> {
        // The slot has just been looked at; the first look at the tail can be the one in line.
        let mut in_line = false;
        self.news.poll_wait(node, cx, || {
            if !mem::replace(&mut in_line, true) {
                return None;
            }
            let mut tail = self.ring.lock();
            let seen = self.look_at(&mut tail, next);
            let empty = seen == Err(TryRecvError::Empty);
            tail.awaited |= empty;
            (!empty).then_some(seen)
        })
    }

    /// Waits until nobody is cloning the message at `pos`.
    pub(super) fn poll_return(&self, node: Pin<&Node>, cx: &mut Context<'_>, pos: u64) -> Poll<()> {
        // As in `poll_news`; to call on who is cloning is dear.
        let mut in_line = false;
        self.returns.poll_wait(node, cx, || {
            (mem::replace(&mut in_line, true) && !self.await_return(pos)).then_some(())
        })
    }

    /// Whether another receiver is cloning the message at `pos`; if so, `returns` will be notified.
    pub(super) fn await_return(&self, pos: u64) -> bool {
        self.ring.slot(pos).is_some_and(|slot| slot.await_return(pos))
    }

    pub(super) fn news(&self) -> &WaitQueue {
        &self.news
    }

    pub(super) fn returns(&self) -> &WaitQueue {
        &self.returns
    }

    // Close

    /// Waits until there is no receiver.
    pub(super) fn poll_deserted(&self, node: Pin<&Node>, cx: &mut Context<'_>) -> Poll<()> {
        self.desertion.poll_wait(node, cx, || (self.receivers() == 0).then_some(()))
    }

    pub(super) fn desertion(&self) -> &WaitQueue {
        &self.desertion
    }

    // Join and leave

    /// Adds a receiver and gives its first position.
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

    /// Takes a receiver away that would have read `next` next.
    pub(super) fn leave(&self, next: u64) {
        let mut tail = self.ring.lock();
        tail.receivers -= 1;
        let deserted = tail.receivers == 0;
        let end = tail.next;
        // Once it is not counted, nobody waits for it before starting again at the first slot.
        let origin = self.ring.origin();
        drop(tail);

        let mut panics = FirstPanic::default();
        let start = next.max(end.saturating_sub(self.ring.capacity()));
        for pos in start..end {
            if let Some(slot) = self.ring.slot_from(origin, pos) {
                let aftermath = slot.skip(pos);
                panics.catch(|| self.settle(aftermath));
            }
        }
        if deserted {
            panics.catch(|| self.desertion.notify_all());
        }
        panics.resume();
    }

    // Ask

    pub(super) fn receivers(&self) -> usize {
        self.ring.lock().receivers as usize
    }

    /// Messages that somebody has yet to read.
    pub(super) fn len(&self) -> usize {
        let tail = self.ring.lock();
        // What is read is read by all, and so is everything before it (I2).
        let mut unread = tail.next.saturating_sub(self.ring.capacity());
        let mut end = tail.next;
        while unread < end {
            let middle = unread + (end - unread) / 2;
            if self.ring.is_read(middle) {
                unread = middle + 1;
            } else {
                end = middle;
            }
        }
        usize::try_from(tail.next - unread).unwrap_or(usize::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        let tail = self.ring.lock();
        tail.next == 0 || self.ring.is_read(tail.next - 1)
    }

    /// Messages sent since `next`, lapped ones included.
    pub(super) fn sent_since(&self, next: u64) -> usize {
        usize::try_from(self.ring.lock().next - next).unwrap_or(usize::MAX)
    }
}

/// A loan that ends when this is dropped, whether the clone was made or panicked.
struct Reading<'a, T> {
    shared: &'a Shared<T>,
    /// There until this is dropped.
    loan: Option<Loan<'a, T>>,
}

impl<T: Clone> Reading<'_, T> {
    #[inline(always)]
    fn clone_value(&self) -> T {
        self.loan.as_ref().expect("it has not ended").clone_value()
    }
}

impl<T> Drop for Reading<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(loan) = self.loan.take() {
            self.shared.settle_with_message_in_hand(loan.end());
        }
    }
}

/// Takes the message at `pos`, which is lent, if it comes back soon.
fn take_when_returned<T>(slot: Place<'_, T>, pos: u64) -> Taken<'_, T> {
    for look in 0..LOOKS {
        (0..1 << look).for_each(|_| spin_loop());
        let taken = slot.take(pos);
        if !matches!(taken, Taken::Out) {
            return taken;
        }
    }
    Taken::Out
}

impl<T> Hub for Shared<T> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn senders_gone(&self) {
        self.news.notify_all();
    }

    /// Nothing: the last receiver has said so in [`Shared::leave`], where it is one step with the
    /// position that the next receiver begins at.
    fn receivers_gone(&self) {}
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("counts", &self.counts).finish_non_exhaustive()
    }
}
