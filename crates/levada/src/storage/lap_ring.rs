//! The newest messages of a channel, each for several readers, in a ring that its writer laps.
//!
//! # Layout
//! Messages are numbered: the n-th one sent has position n. The message at `pos` is in slot
//! `(pos - origin) % capacity`, and the slot is stamped with the position it holds, so that a
//! reader who finds another stamp than its own knows that its message is not there yet, or not any
//! more.
//!
//! Slots are in chunks of 16, 32, 64 ... that are allocated when the writer first gets there. When
//! everything sent so far has been read, it [starts again](Writer::restart) at the first slot: the
//! position it is at becomes the origin. So the ring is as large as the backlog it had to hold,
//! rounded up, however large the capacity.
//!
//! A value is cloned where it is, without a lock, by the one reader it is lent to. If the writer
//! comes round meanwhile it does not wait: it leaves the new message [aside](mod@aside), in a box.
//!
//! # States
//! Of a slot: its `home` tells what is there and who has it, its `stamp` which message it is for.
//!
//! | `home`                  | what is in the home                   | who may touch it                  |
//! |-------------------------|---------------------------------------|-----------------------------------|
//! | empty                   | nothing                               | the writer                        |
//! | held, n claims          | a value that n readers have to read   | nobody                            |
//! | lent, of n claims       | such a value                          | who took it from held             |
//! | written                 | whatever the writer has done          | the writer                        |
//!
//! | `stamp`                 | where the message is                                                      |
//! |-------------------------|---------------------------------------------------------------------------|
//! | vacant, or of another position | nowhere                                                            |
//! | its position            | at home; if that is empty, everyone has read it                           |
//! | its position, `LATE`    | aside; if it is not there, everyone has read it. What is at home is dead  |
//!
//! Two more flags of a stamp are `CALLED`: somebody wants to be seen to when the loan ends; and
//! `FENCED`: whoever ends a loan puts a fence before it looks for that.
//!
//! # Transitions
//! | from          | to                | who                                                   | operation |
//! |---------------|-------------------|-------------------------------------------------------|-----------|
//! | held          | lent              | a reader: `take`, `skip`, `end_left_claims`; `bury`   | exchange  |
//! | lent          | held, one less    | a reader that cloned or skipped                       | store     |
//! | lent          | held              | a reader that finds that it was lapped                | store     |
//! | lent          | empty             | the last reader; `bury`                               | store     |
//! | held          | written           | the writer: `vacate`                                  | exchange  |
//! | empty, written| held, new stamp   | the writer: `fill`                                    | stores    |
//! | stamp         | `CALLED`          | `call`, by who waits or leaves                        | exchange  |
//! | `CALLED`      | stamp             | `see_to`, by who ended a loan                         | exchange  |
//! | stamp         | new stamp, `LATE` | the writer: `put_late`, while the home is lent        | swap      |
//!
//! The end of a loan is a store, although others may want something of it: the writer has lapped
//! and the value is dead; somebody waits for it; somebody leaves, whose claim is to be ended. They
//! write that into the stamp and then look whether the home is lent still; the reader gives the
//! home back and then looks at the stamp. Between the two steps is a fence, so that one of them
//! sees the other. The reader comes with every message and they hardly ever, so theirs is the heavy
//! one of an asymmetric pair, once the channel has carried [`CALM`] messages; until then, or where
//! there is none, messages are `FENCED`.
//!
//! # Invariants
//! - **I1** The claims of a slot, or of a message aside, are the readers that have yet to end
//!   theirs: each does once, by reading, skipping or leaving it aside for who ends a loan.
//! - **I2** Who has a loan keeps its claim, and nobody else gets the value: there is never more
//!   than one clone of it being made.
//! - **I3** The home of a slot is touched only by who made it lent, until it stores something else;
//!   and by the writer, under its lock, while it is empty or written. It is initialised while it is
//!   held or lent.
//! - **I4** A value leaves a slot only by being returned from one of these functions: nothing is
//!   dropped under a lock, so nothing foreign runs there.
//! - **I5** `origin` changes only while the writer's lock is held, and only when no reader has a
//!   claim that it may still want to read. A reader that uses an old origin finds a slot without
//!   its stamp, never a wrong message.
//! - **I6** A chunk's pointer is null, or to as many initialised slots as
//!   [`chunk_len`](LapRing::chunk_len) says, which covers every index below the capacity that is
//!   located in it. Once set it stays until the ring is dropped. There is a pointer for each such
//!   chunk.
//! - **I7** Whoever is told that somebody [will see](Place::await_return) is seen to: the loan had
//!   not ended after its fence. A slot whose message is aside is changed under the lock of what is
//!   aside, but for the end of the loan that was in the way.
//!
//! # Progress
//! Readers do not wait for one another, but for a value that is lent; the writer's lock is held for
//! the moving of one value. The lock of what is aside is taken only where a home was lent. Chunks
//! and boxes are allocated outside all locks.
//!
//! # Checked by
//! `tests` and `model`, and the models of broadcast.

mod aside;
mod place;
mod slot;
mod state;

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr;

use self::aside::Aside;
pub(crate) use self::place::{Aftermath, Loan, Missed, Place, Taken};
use self::slot::{Busy, Slot};
use self::state::Stamp;
use crate::prim::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::prim::{IS_MODEL, IS_SMALL, Lock, LockGuard, asymmetric};
use crate::util::CachePadded;

/// Slots in the first chunk. Two in models, so that they come to the second.
const FIRST: usize = if IS_MODEL { 2 } else { 16 };

/// After how many messages, a power of two, readers may do without fences of their own.
pub(crate) const CALM: u64 = if IS_SMALL { 2 } else { 1024 };

/// A ring of the newest messages. `W` is what else the writer's lock guards.
pub(crate) struct LapRing<T, W> {
    capacity: u64,
    /// The position that is in the first slot. Written by the writer, under its lock.
    origin: AtomicU64,
    /// The first slot of each chunk; null until it is allocated.
    chunks: Box<[AtomicPtr<Slot<T>>]>,
    /// What could not be done in a slot because it was lent.
    aside: Lock<Aside<T>>,
    /// Written by every send; on its own cache line, away from what readers read.
    writer: CachePadded<Lock<Inner<W>>>,
    _owns: PhantomData<Slot<T>>,
}

struct Inner<W> {
    /// New messages are stamped `FENCED`.
    fenced: bool,
    user: W,
}

/// Where the slot of an index is: in which chunk, and where there.
#[inline(always)]
fn locate(index: usize) -> (usize, usize) {
    let shifted = index + FIRST;
    // It has at least the bit of `FIRST`, or a higher one; to say so spares the test for zero.
    let highest = (shifted | FIRST).ilog2();
    ((highest - FIRST.ilog2()) as usize, shifted & !(1 << highest))
}

impl<T, W> LapRing<T, W> {
    /// A ring of `capacity` slots, a power of two. None of them is allocated yet.
    pub(crate) fn new(capacity: usize, user: W) -> Self {
        debug_assert!(capacity.is_power_of_two());
        let (last, _) = locate(capacity - 1);
        Self {
            capacity: capacity as u64,
            origin: AtomicU64::new(0),
            chunks: (0..=last).map(|_| AtomicPtr::new(ptr::null_mut())).collect(),
            aside: Lock::new(Aside::EMPTY),
            writer: CachePadded::new(Lock::new(Inner { fenced: true, user })),
            _owns: PhantomData,
        }
    }

    /// How many of the newest messages are kept.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The position that is in the first slot.
    #[inline]
    pub(crate) fn origin(&self) -> u64 {
        // ORDERING: Relaxed, no pair: an old value does no harm (I5). Who took the writer's lock
        // since the change sees the new one, because the lock orders it.
        self.origin.load(Ordering::Relaxed)
    }

    /// Takes the writer's lock.
    #[inline]
    pub(crate) fn lock(&self) -> Writer<'_, T, W> {
        Writer { ring: self, inner: self.writer.lock() }
    }

    /// The slot of `pos`, if it is allocated.
    #[inline(always)]
    pub(crate) fn slot(&self, pos: u64) -> Option<Place<'_, T>> {
        self.slot_from(self.origin(), pos)
    }

    /// The slot that `pos` had while the origin was `origin`.
    #[inline(always)]
    pub(crate) fn slot_from(&self, origin: u64, pos: u64) -> Option<Place<'_, T>> {
        let (chunk, offset) = locate(self.index(origin, pos));
        // SAFETY: by I6 the directory has every chunk that an index below the capacity is located
        // in.
        let chunk = unsafe { self.chunks.get_unchecked(chunk) };
        // ORDERING: Acquire pairs with the Release exchange in `grow`: the slots are initialised.
        let first = chunk.load(Ordering::Acquire);
        if first.is_null() {
            return None;
        }
        // SAFETY: by I6 the chunk has a slot for each index below the capacity that is located in
        // it.
        let slot = unsafe { first.add(offset) };
        // SAFETY: by I6 it is initialised, and stays as long as the ring, which we borrow.
        let slot = unsafe { &*slot };
        Some(Place { slot, aside: &self.aside })
    }

    /// Whether the message at `pos`, which has been sent, was read by all its readers.
    pub(crate) fn is_read(&self, pos: u64) -> bool {
        self.slot(pos).is_none_or(|slot| slot.is_read(pos))
    }

    /// Lets readers do without fences of their own, if whoever wants something of them can pay for
    /// both. Called without any lock.
    #[cold]
    pub(crate) fn relax(&self) {
        let is_fenced = self.writer.lock().fenced;
        if is_fenced && asymmetric::is_available() {
            self.writer.lock().fenced = false;
        }
    }

    /// Allocates the chunk that the slot of `pos` is in. Called without any lock.
    #[cold]
    pub(crate) fn grow(&self, pos: u64) {
        let (chunk, _) = locate(self.index(self.origin(), pos));
        let slots: Box<[Slot<T>]> = (0..self.chunk_len(chunk)).map(|_| Slot::new()).collect();
        let first = Box::into_raw(slots).cast::<Slot<T>>();
        // ORDERING: Release pairs with the Acquire load in `slot_from`. Relaxed on failure: another
        // writer was faster, and its chunk is not looked at here.
        let grown = self.chunks[chunk].compare_exchange(
            ptr::null_mut(),
            first,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if grown.is_err() {
            // SAFETY: it is from the box above, and was not installed, so nobody else knows it.
            unsafe { self.free(chunk, first) };
        }
    }

    /// Frees a chunk.
    ///
    /// # Safety
    /// `grow` got `first` from its box for this chunk, and nobody uses it any more.
    unsafe fn free(&self, chunk: usize, first: *mut Slot<T>) {
        let slots = ptr::slice_from_raw_parts_mut(first, self.chunk_len(chunk));
        // SAFETY: by contract it is from a box, of as many slots as `grow` took from `chunk_len`.
        drop(unsafe { Box::from_raw(slots) });
    }

    /// Slots in a chunk: twice as many as in the one before, but for the last.
    fn chunk_len(&self, chunk: usize) -> usize {
        let before = (FIRST << chunk) - FIRST;
        let left = usize::try_from(self.capacity).map_or(usize::MAX, |all| all - before);
        left.min(FIRST << chunk)
    }

    #[inline]
    fn index(&self, origin: u64, pos: u64) -> usize {
        // Below the capacity, which is a usize. An origin that is newer than `pos` gives a slot
        // with another stamp.
        (pos.wrapping_sub(origin) & (self.capacity - 1)) as usize
    }
}

impl<T, W> Drop for LapRing<T, W> {
    fn drop(&mut self) {
        for chunk in 0..self.chunks.len() {
            // ORDERING: Acquire pairs with the Release exchange in `grow`: its slots are seen, to
            // be dropped.
            let first = self.chunks[chunk].load(Ordering::Acquire);
            if !first.is_null() {
                // SAFETY: `grow` installed it, and `&mut self` excludes every user.
                unsafe { self.free(chunk, first) };
            }
        }
    }
}

impl<T, W> fmt::Debug for LapRing<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LapRing").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// The writer's lock, held.
pub(crate) struct Writer<'a, T, W> {
    ring: &'a LapRing<T, W>,
    inner: LockGuard<'a, Inner<W>>,
}

/// The writer at a slot.
pub(crate) struct Entry<'a, T, W> {
    writer: Writer<'a, T, W>,
    place: Place<'a, T>,
}

/// A message in a box, to be put aside.
#[derive(Debug)]
pub(crate) struct Boxed<T>(Box<aside::Entry<T>>);

impl<T> Boxed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(aside::Entry::late(Box::new(value)))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_value().expect("nobody else had it")
    }
}

/// A message was left aside.
#[derive(Debug)]
#[must_use]
pub(crate) struct Lapped<'a, T> {
    place: Place<'a, T>,
    pos: u64,
    fenced: bool,
}

impl<T> Lapped<'_, T> {
    /// Sees to it that what was lapped does not stay. Called without any lock.
    pub(crate) fn see_to(self) -> Aftermath<T> {
        self.place.see_to_lapped(self.pos, self.fenced)
    }
}

impl<'a, T, W> Writer<'a, T, W> {
    /// Goes to the slot of `pos`, if it is allocated.
    #[inline(always)]
    pub(crate) fn at(self, pos: u64) -> Result<Entry<'a, T, W>, Self> {
        match self.ring.slot(pos) {
            Some(place) => Ok(Entry { writer: self, place }),
            None => Err(self),
        }
    }

    /// Makes `pos`, the next to be written, the first slot's, if that is worth while and everything
    /// before it has been read. Gives whether it did.
    pub(crate) fn restart(&mut self, pos: u64) -> bool {
        let ring = self.ring;
        if ring.index(ring.origin(), pos) < FIRST || !ring.is_read(pos - 1) {
            return false;
        }
        // ORDERING: Relaxed, no pair: a reader of an old origin finds a slot without its stamp
        // (I5).
        ring.origin.store(pos, Ordering::Relaxed);
        true
    }
}

impl<T, W> Deref for Writer<'_, T, W> {
    type Target = W;

    #[inline(always)]
    fn deref(&self) -> &W {
        &self.inner.user
    }
}

impl<T, W> DerefMut for Writer<'_, T, W> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut W {
        &mut self.inner.user
    }
}

impl<T, W> Deref for Entry<'_, T, W> {
    type Target = W;

    #[inline(always)]
    fn deref(&self) -> &W {
        &self.writer
    }
}

impl<T, W> DerefMut for Entry<'_, T, W> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut W {
        &mut self.writer
    }
}

impl<'a, T, W> Entry<'a, T, W> {
    /// Writes a message for `claims` readers over whatever was there. Gives what is left to do,
    /// after the lock is released; or the message, if somebody has the slot's home to himself.
    #[inline(always)]
    pub(crate) fn put(&mut self, pos: u64, claims: u32, value: T) -> Result<Aftermath<T>, T> {
        let mut after = Aftermath::NONE;
        if self.place.slot.stamp().is_late() && !self.clear_late(&mut after) {
            return Err(value);
        }
        match self.place.slot.vacate() {
            Ok(dead) => after.dead.value = after.dead.value.or(dead),
            Err(Busy) => return Err(value),
        }
        let stamp = Stamp::new(pos, self.writer.inner.fenced);
        // SAFETY: the guard inside `writer` is the writer's lock, and `vacate` has just said that
        // it did.
        unsafe { self.place.slot.fill(stamp, claims, value) };
        Ok(after)
    }

    /// Takes the message out that is aside, if the home is free again.
    #[cold]
    fn clear_late(&self, after: &mut Aftermath<T>) -> bool {
        let slot = self.place.slot;
        let mut aside = self.place.aside.lock();
        self.place.bury(after);
        if slot.home().is_lent() {
            return false;
        }
        self.displace_late(slot.stamp(), &mut aside, after);
        true
    }

    /// Takes the message of the stamp out of what is aside.
    fn displace_late(&self, stamp: Stamp, aside: &mut Aside<T>, after: &mut Aftermath<T>) {
        if let Some(late) = aside.late(stamp.pos()) {
            after.awaited |= late.awaited;
        }
        after.dead.aside.extend(aside.remove_late(stamp.pos()));
    }

    /// As [`put`](Self::put), but leaves the message aside. To be followed by [`Lapped::see_to`].
    pub(crate) fn put_late(
        &mut self,
        pos: u64,
        claims: u32,
        message: Boxed<T>,
    ) -> (Aftermath<T>, Lapped<'a, T>) {
        let (place, fenced) = (self.place, self.writer.inner.fenced);
        let mut after = Aftermath::NONE;
        let mut aside = place.aside.lock();
        let stamp = place.slot.exchange_stamp(Stamp::new(pos, fenced).late());
        if stamp.is_late() {
            self.displace_late(stamp, &mut aside, &mut after);
        }
        after.awaited |= stamp.is_called();
        aside.push(message.0.for_readers(pos, claims));
        (after, Lapped { place, pos, fenced })
    }
}
