//! An overwriting ring with several readers: the storage of `broadcast`.
//!
//! The ring keeps the newest messages, each for several readers; a sender that has gone once around
//! overwrites the oldest one, and a reader that has not read it has *lagged*. tokio's
//! `broadcast::Slot { rem, pos, val }` is the same idea with each slot under a lock; the stamp is
//! that of crossbeam's `ArrayQueue` (D. Vyukov's bounded queue).
//!
//! What this ring adds: a reader clones the value without a lock, so a slow `Clone` blocks neither
//! the sender nor the readers of other messages. During the clone the slot is *borrowed*: by one
//! thread at a time, because `T` need not be `Sync`. A sender that comes round to a borrowed slot
//! does not wait. It puts the new message into the [overflow list](overflow), and the thread that
//! ends the borrow drops the value that was overwritten.
//!
//! # Layout
//! Messages are numbered: the n-th one sent has position n. The message at `pos` is in slot
//! `(pos - origin) % capacity`. The slot is stamped with the position of its message, so a reader
//! that finds another stamp knows that its message has not been written yet, or was overwritten.
//!
//! Slots are in chunks of 16, 32, 64 ... that are allocated when the writer first gets there. When
//! everything sent so far has been read, the writer [starts again](Writer::restart) at the first
//! slot: its position becomes the origin. So the ring is as large as the backlog that it had to
//! hold, rounded up, however large the capacity.
//!
//! # States
//! A slot has two words: its `state` says what is in it and which thread may access that; its
//! `stamp` says which message it is for.
//!
//! | `state`                    | value                          | access                              |
//! |----------------------------|--------------------------------|-------------------------------------|
//! | empty                      | none                           | the writer                          |
//! | full, n readers left       | n readers have yet to read it  | no thread                           |
//! | borrowed, n readers left   | the same                       | the thread that made it so          |
//! | writing                    | being overwritten              | the writer                          |
//!
//! | `stamp`                        | where the message is                                              |
//! |--------------------------------|-------------------------------------------------------------------|
//! | vacant, or of another position | nowhere                                                           |
//! | its position                   | in the slot; if that is empty, all its readers have read it       |
//! | its position, `OVERFLOWED`     | in the overflow list; if it is not there, all its readers have read it. A value in the slot is overwritten |
//!
//! Two more flags of a stamp are `NOTIFY`: another thread requests something of the thread that
//! ends the borrow; and `NEEDS_FENCE`: a thread that ends a borrow makes a fence before it looks
//! for such a request.
//!
//! # Transitions
//! | from          | to                      | thread                                                | operation |
//! |---------------|-------------------------|-------------------------------------------------------|-----------|
//! | full          | borrowed                | a reader: `borrow`, `skip`; `finish_skips`; `reclaim_overwritten` | exchange  |
//! | borrowed      | full, one reader less   | a reader that cloned or skipped                       | store     |
//! | borrowed      | full                    | a reader that finds that its message was overwritten  | store     |
//! | borrowed      | empty                   | the last reader; `reclaim_overwritten`                | store     |
//! | full          | writing                 | the writer: `begin_write`                             | exchange  |
//! | empty, writing| full, new stamp         | the writer: `fill`                                    | stores    |
//! | stamp         | `NOTIFY`                | `request_notify`, by a reader that waits or skips     | exchange  |
//! | `NOTIFY`      | stamp                   | `finish_for_others`, by a thread that ended a borrow  | exchange  |
//! | stamp         | new stamp, `OVERFLOWED` | the writer: `put_overflowed`, while the slot is borrowed | swap   |
//!
//! The end of a borrow is a store, although another thread may want something of the thread that
//! ends it: the writer has overflowed a message, so the value is garbage; a reader waits for the
//! value; or a receiver that leaves has to be subtracted. Such a thread changes the stamp and then
//! looks whether the slot is still borrowed; the thread that ends the borrow releases the slot and
//! then looks at the stamp. A fence between the two steps on both sides makes sure that one of them
//! sees the other (Dekker's pattern). Ends of borrows come with every message and requests seldom,
//! so the fences are [asymmetric], with the heavy one on the side of the requests, once the channel
//! has carried [`UNFENCE_AFTER`] messages; until then, or without that system call, stamps have
//! `NEEDS_FENCE`.
//!
//! # Invariants
//! - **I1** The readers left of a slot, or of an overflowed message, are those that have not been
//!   subtracted yet: each is subtracted once, when it has read, skips, or by the thread that ends a
//!   borrow and does its deferred skip.
//! - **I2** A reader that has borrowed a value is still among the readers left, and no other reader
//!   gets the value: at most one clone of it is made at a time.
//! - **I3** Only the thread that made a slot borrowed accesses its value, until it stores another
//!   state; and the writer, under its lock, while the slot is empty or writing. The value is
//!   initialised while the slot is full or borrowed.
//! - **I4** A value leaves a slot only by being returned from one of these functions: nothing is
//!   dropped under a lock, so no foreign code runs there.
//! - **I5** `origin` changes only while the writer's lock is held, and only when no reader is left
//!   that may still read. A reader that uses an old origin finds a slot without its stamp, never a
//!   wrong message.
//! - **I6** A chunk's pointer is null, or to as many initialised slots as
//!   [`chunk_len`](LapRing::chunk_len) says, which covers every index below the capacity that is
//!   located in it. Once set it stays until the ring is dropped. There is a pointer for each such
//!   chunk.
//! - **I7** A thread that finds that a borrow [will notify](SlotRef::notify_on_return) is notified:
//!   the borrow had not ended after its fence. A slot whose message is overflowed is changed under
//!   the lock of the overflow list, but for the end of the borrow that was in the way.
//!
//! # Progress
//! A reader waits for another one only if that has borrowed the same value; the writer's lock is
//! held for the move of one value. The lock of the overflow list is taken only where a slot was
//! borrowed. Chunks and boxes are allocated without a lock.
//!
//! # Checked by
//! `tests` and `model`, and the models of broadcast.

mod overflow;
mod slot;
mod slot_ref;
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

use self::overflow::Overflow;
use self::slot::{IsBorrowed, Slot};
pub(crate) use self::slot_ref::{Borrow, Deferred, Found, Missed, SlotRef};
use self::state::Stamp;
use crate::prim::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::prim::{IS_MODEL, IS_SMALL, Lock, LockGuard, asymmetric};
use crate::util::{LINE, Pad};

/// Slots in the first chunk. Two in models, so that they reach the second chunk.
const FIRST: usize = if IS_MODEL { 2 } else { 16 };

/// After how many messages, a power of two, readers may do without fences of their own.
pub(crate) const UNFENCE_AFTER: u64 = if IS_SMALL { 2 } else { 1024 };

/// An overwriting ring. `W` is the data of the channel that the writer's lock guards as well.
#[repr(C)]
pub(crate) struct LapRing<T, W> {
    capacity: u64,
    /// The position of the message in the first slot. The writer stores it, under its lock.
    origin: AtomicU64,
    /// The first slot of each chunk; null until it is allocated.
    chunks: Box<[AtomicPtr<Slot<T>>]>,
    /// What could not be done in a slot because it was borrowed.
    overflow: Lock<Overflow<T>>,
    /// Every send writes what follows; readers read what comes before.
    _pad: Pad<{ LINE - 1 }>,
    writer: Lock<Inner<W>>,
    _owns: PhantomData<Slot<T>>,
}

struct Inner<W> {
    /// Whether readers make fences of their own: new stamps have `NEEDS_FENCE`.
    fenced: bool,
    user: W,
}

/// The chunk that the slot of an index is in, and the offset in that chunk.
#[inline(always)]
fn locate(index: usize) -> (usize, usize) {
    let shifted = index + FIRST;
    // `shifted` has the bit of `FIRST` or a higher one; saying so saves the test for zero.
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
            overflow: Lock::new(Overflow::EMPTY),
            _pad: Pad::new(),
            writer: Lock::new(Inner { fenced: true, user }),
            _owns: PhantomData,
        }
    }

    /// How many of the newest messages are kept.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The position of the message in the first slot.
    #[inline]
    pub(crate) fn origin(&self) -> u64 {
        // ORDERING: Relaxed, no pair: an old value does no harm (I5). A thread that took the
        // writer's lock since the change sees the new one, because the lock orders it.
        self.origin.load(Ordering::Relaxed)
    }

    /// Takes the writer's lock.
    #[inline]
    pub(crate) fn lock(&self) -> Writer<'_, T, W> {
        Writer { ring: self, inner: self.writer.lock() }
    }

    /// Takes the writer's lock, if it is free.
    #[cfg(feature = "observe")]
    pub(crate) fn try_lock(&self) -> Option<Writer<'_, T, W>> {
        self.writer.try_lock().map(|inner| Writer { ring: self, inner })
    }

    /// The slot of `pos`, if it is allocated.
    #[inline(always)]
    pub(crate) fn slot(&self, pos: u64) -> Option<SlotRef<'_, T>> {
        self.slot_from(self.origin(), pos)
    }

    /// The slot that `pos` had while the origin was `origin`.
    #[inline(always)]
    pub(crate) fn slot_from(&self, origin: u64, pos: u64) -> Option<SlotRef<'_, T>> {
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
        Some(SlotRef { slot, overflow: &self.overflow })
    }

    /// Whether the message at `pos`, which has been sent, was read by all its readers.
    pub(crate) fn is_read(&self, pos: u64) -> bool {
        self.slot(pos).is_none_or(|slot| slot.is_read(pos))
    }

    /// Lets readers do without fences of their own, if there is a heavy fence. Called without a
    /// lock.
    #[cold]
    pub(crate) fn unfence_readers(&self) {
        let is_fenced = self.writer.lock().fenced;
        if is_fenced && asymmetric::is_available() {
            self.writer.lock().fenced = false;
        }
    }

    /// Allocates the chunk that the slot of `pos` is in. Called without a lock.
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
            // SAFETY: it is from the box above, and was not installed, so no other thread has it.
            unsafe { self.free(chunk, first) };
        }
    }

    /// Frees a chunk.
    ///
    /// # Safety
    /// `grow` got `first` from its box for this chunk, and it is not used any more.
    unsafe fn free(&self, chunk: usize, first: *mut Slot<T>) {
        let slots = ptr::slice_from_raw_parts_mut(first, self.chunk_len(chunk));
        // SAFETY: by contract it is from a box, of as many slots as `grow` took from `chunk_len`.
        drop(unsafe { Box::from_raw(slots) });
    }

    /// Slots in a chunk: twice as many as in the previous one, except for the last.
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
            // ORDERING: Acquire pairs with the Release exchange in `grow`: its slots, which are
            // dropped here, are initialised.
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

/// The guard of the writer's lock.
pub(crate) struct Writer<'a, T, W> {
    ring: &'a LapRing<T, W>,
    inner: LockGuard<'a, Inner<W>>,
}

/// The writer at a slot.
pub(crate) struct SlotWriter<'a, T, W> {
    writer: Writer<'a, T, W>,
    slot_ref: SlotRef<'a, T>,
}

/// A message in a box, for the overflow list.
#[derive(Debug)]
pub(crate) struct Boxed<T>(Box<overflow::Entry<T>>);

impl<T> Boxed<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(overflow::Entry::message(Box::new(value)))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_value().expect("it was not in the list")
    }
}

/// A message was put into the overflow list.
#[derive(Debug)]
#[must_use]
pub(crate) struct Overflowed<'a, T> {
    slot_ref: SlotRef<'a, T>,
    pos: u64,
    fenced: bool,
}

impl<T> Overflowed<'_, T> {
    /// Makes sure that the overwritten value does not stay in the slot. Called without a lock.
    pub(crate) fn finish(self) -> Deferred<T> {
        self.slot_ref.finish_overflowed(self.pos, self.fenced)
    }
}

impl<'a, T, W> Writer<'a, T, W> {
    /// Goes to the slot of `pos`, if it is allocated.
    #[inline(always)]
    pub(crate) fn at(self, pos: u64) -> Result<SlotWriter<'a, T, W>, Self> {
        match self.ring.slot(pos) {
            Some(slot_ref) => Ok(SlotWriter { writer: self, slot_ref }),
            None => Err(self),
        }
    }

    /// Makes `pos`, the next position to be written, the origin, if that is worth while and all
    /// messages before it have been read. Returns whether it did.
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

impl<T, W> Deref for SlotWriter<'_, T, W> {
    type Target = W;

    #[inline(always)]
    fn deref(&self) -> &W {
        &self.writer
    }
}

impl<T, W> DerefMut for SlotWriter<'_, T, W> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut W {
        &mut self.writer
    }
}

impl<'a, T, W> SlotWriter<'a, T, W> {
    /// Writes a message for `readers` readers, over the previous one. Returns what is left to do
    /// after the lock is released; or the message, if the slot is borrowed.
    #[inline(always)]
    pub(crate) fn put(&mut self, pos: u64, readers: u32, value: T) -> Result<Deferred<T>, T> {
        let mut deferred = Deferred::NONE;
        if self.slot_ref.slot.stamp().is_overflowed() && !self.clear_overflowed(&mut deferred) {
            return Err(value);
        }
        match self.slot_ref.slot.begin_write() {
            Ok(overwritten) => {
                deferred.garbage.value = deferred.garbage.value.or(overwritten);
            }
            Err(IsBorrowed) => return Err(value),
        }
        let stamp = Stamp::new(pos, self.writer.inner.fenced);
        // SAFETY: the guard inside `writer` is the writer's lock, and `begin_write` has just
        // succeeded under it.
        unsafe { self.slot_ref.slot.fill(stamp, readers, value) };
        Ok(deferred)
    }

    /// Removes the overflowed message of the slot, if the slot is not borrowed any more.
    #[cold]
    fn clear_overflowed(&self, deferred: &mut Deferred<T>) -> bool {
        let slot = self.slot_ref.slot;
        let mut overflow = self.slot_ref.overflow.lock();
        self.slot_ref.reclaim_overwritten(deferred);
        if slot.state().is_borrowed() {
            return false;
        }
        self.remove_overflowed(slot.stamp(), &mut overflow, deferred);
        true
    }

    /// Removes the message of the stamp from the overflow list.
    fn remove_overflowed(
        &self,
        stamp: Stamp,
        overflow: &mut Overflow<T>,
        deferred: &mut Deferred<T>,
    ) {
        if let Some(message) = overflow.message(stamp.pos()) {
            deferred.notify |= message.notify;
        }
        deferred.garbage.overflow.extend(overflow.remove_message(stamp.pos()));
    }

    /// As [`put`](Self::put), but into the overflow list. The caller then calls
    /// [`Overflowed::finish`].
    pub(crate) fn put_overflowed(
        &mut self,
        pos: u64,
        readers: u32,
        message: Boxed<T>,
    ) -> (Deferred<T>, Overflowed<'a, T>) {
        let (slot_ref, fenced) = (self.slot_ref, self.writer.inner.fenced);
        let mut deferred = Deferred::NONE;
        let mut overflow = slot_ref.overflow.lock();
        let stamp = slot_ref.slot.exchange_stamp(Stamp::new(pos, fenced).overflowed());
        if stamp.is_overflowed() {
            self.remove_overflowed(stamp, &mut overflow, &mut deferred);
        }
        deferred.notify |= stamp.has_notify();
        overflow.push(message.0.for_readers(pos, readers));
        (deferred, Overflowed { slot_ref, pos, fenced })
    }
}
