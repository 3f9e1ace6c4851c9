//! What readers do in a slot, and what they leave to one another; see the docs of the ring.

use core::mem;

use super::overflow::{Entry, Overflow};
use super::slot::{Attempt, Slot};
use super::state::{SlotState, Stamp};
use crate::prim::atomic::{Ordering, fence};
use crate::prim::{Lock, asymmetric};
use crate::util::FirstPanic;

/// A slot of a ring, with the ring's overflow list.
#[derive(Debug)]
pub(crate) struct SlotRef<'a, T> {
    pub(super) slot: &'a Slot<T>,
    pub(super) overflow: &'a Lock<Overflow<T>>,
}

impl<T> Clone for SlotRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SlotRef<'_, T> {}

/// What a reader finds when it wants to read a message.
#[derive(Debug)]
pub(crate) enum Found<'a, T> {
    /// The value, borrowed: the reader clones it and [`ends`](Borrow::end) the borrow; or, as the
    /// last reader, [moves the value out](Borrow::into_value).
    InSlot(Borrow<'a, T>),
    /// The value of an overflowed message, borrowed: the reader clones it and
    /// [returns](SlotRef::return_box) the box.
    InBox(Box<T>),
    /// The value of an overflowed message, for its last reader, which keeps it.
    LastInBox(Box<T>),
    /// Another reader has borrowed the value.
    Busy,
    /// The slot does not have this message.
    Absent,
    /// The slot does not have this message. The borrow is of another one, and has to be ended.
    Overwritten(Borrow<'a, T>),
}

/// Why a message could not be read on the fast path.
#[derive(Debug)]
pub(crate) enum Missed<'a, T> {
    /// The slot does not have this message.
    Absent,
    /// Another thread has borrowed the value, or the message is overflowed.
    Busy,
    /// The slot does not have this message. The borrow is of another one, and has to be ended.
    Overwritten(Borrow<'a, T>),
}

/// Values that will not be read any more, to be dropped without a lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct Garbage<T> {
    pub(super) value: Option<T>,
    pub(super) boxed: Option<Box<T>>,
    pub(super) overflow: Overflow<T>,
}

impl<T> Garbage<T> {
    /// Drops all of them, though one may panic.
    pub(crate) fn drop_all(self) {
        let Self { value, boxed, overflow } = self;
        let mut panics = FirstPanic::default();
        panics.catch(|| drop(value));
        panics.catch(|| drop(boxed));
        panics.catch(|| drop(overflow));
        panics.resume();
    }
}

/// What a change of a slot has left to do, without a lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct Deferred<T> {
    pub(crate) garbage: Garbage<T>,
    /// A reader may wait for the end of a borrow: the readers that wait have to be notified.
    pub(crate) notify: bool,
}

impl<T> Deferred<T> {
    pub(super) const NONE: Self = Self {
        garbage: Garbage { value: None, boxed: None, overflow: Overflow::EMPTY },
        notify: false,
    };

    /// Whether there is anything to do.
    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        self.notify
            || self.garbage.value.is_some()
            || self.garbage.boxed.is_some()
            || !self.garbage.overflow.is_empty()
    }
}

impl<'a, T> SlotRef<'a, T> {
    /// Borrows the message at `pos`, if it is in the slot and not borrowed.
    /// [`borrow`](Self::borrow) finds out more.
    #[inline(always)]
    pub(crate) fn borrow_fast(self, pos: u64) -> Result<Borrow<'a, T>, Missed<'a, T>> {
        match self.slot.try_borrow(pos) {
            Attempt::Borrowed(state) => {
                Ok(Borrow { slot_ref: self, pos, readers_left: state.readers_left() - 1 })
            }
            Attempt::Overwritten(state) => {
                let readers_left = state.readers_left();
                Err(Missed::Overwritten(Borrow { slot_ref: self, pos, readers_left }))
            }
            Attempt::Busy | Attempt::Raced => Err(Missed::Busy),
            Attempt::Absent if self.slot.stamp().is_overflowed() => Err(Missed::Busy),
            Attempt::Absent => Err(Missed::Absent),
        }
    }

    /// Borrows the message at `pos`.
    pub(crate) fn borrow(self, pos: u64) -> Found<'a, T> {
        loop {
            return match self.slot.try_borrow(pos) {
                Attempt::Borrowed(state) => {
                    let readers_left = state.readers_left() - 1;
                    Found::InSlot(Borrow { slot_ref: self, pos, readers_left })
                }
                Attempt::Overwritten(state) => {
                    let readers_left = state.readers_left();
                    Found::Overwritten(Borrow { slot_ref: self, pos, readers_left })
                }
                Attempt::Busy => Found::Busy,
                Attempt::Raced => continue,
                Attempt::Absent if self.slot.stamp().is_overflowed() => self.borrow_overflowed(pos),
                Attempt::Absent => Found::Absent,
            };
        }
    }

    #[cold]
    fn borrow_overflowed(self, pos: u64) -> Found<'a, T> {
        let mut overflow = self.overflow.lock();
        let Some(message) = overflow.message(pos) else {
            return Found::Absent;
        };
        let Some(value) = message.value.take() else {
            return Found::Busy;
        };
        if message.readers_left > 1 {
            return Found::InBox(value);
        }
        let entry = overflow.remove_message(pos);
        drop(overflow);
        drop(entry);
        Found::LastInBox(value)
    }

    /// Returns the box of the overflowed message at `pos`; its reader has read it.
    pub(crate) fn return_box(self, pos: u64, value: Box<T>) -> Deferred<T> {
        let mut deferred = Deferred::NONE;
        let mut overflow = self.overflow.lock();
        match overflow.message(pos) {
            Some(message) => {
                deferred.notify = mem::take(&mut message.notify);
                message.value = Some(value);
                self.subtract_overflowed(&mut overflow, pos, &mut deferred);
            }
            // It was overwritten meanwhile.
            None => deferred.garbage.boxed = Some(value),
        }
        deferred
    }

    /// Subtracts one reader of the overflowed message at `pos`.
    fn subtract_overflowed(self, overflow: &mut Overflow<T>, pos: u64, deferred: &mut Deferred<T>) {
        if let Some(message) = overflow.message(pos) {
            message.readers_left -= 1;
            if message.readers_left == 0 {
                deferred.garbage.overflow.extend(overflow.remove_message(pos));
            }
        }
    }

    /// Subtracts a reader that will not read the message at `pos`.
    pub(crate) fn skip(self, pos: u64) -> Deferred<T> {
        loop {
            match self.slot.try_borrow(pos) {
                Attempt::Borrowed(state) => {
                    let readers_left = state.readers_left() - 1;
                    let borrow = Borrow { slot_ref: self, pos, readers_left };
                    if !borrow.is_last() {
                        return borrow.end();
                    }
                    let mut deferred = Deferred::NONE;
                    deferred.garbage.value = Some(borrow.into_value());
                    return deferred;
                }
                Attempt::Overwritten(state) => {
                    let readers_left = state.readers_left();
                    return Borrow { slot_ref: self, pos, readers_left }.end();
                }
                Attempt::Busy if self.defer_skip(pos) => return Deferred::NONE,
                Attempt::Busy | Attempt::Raced => {}
                Attempt::Absent => {
                    let mut deferred = Deferred::NONE;
                    if self.slot.stamp().is_overflowed() {
                        self.subtract_overflowed(&mut self.overflow.lock(), pos, &mut deferred);
                    }
                    return deferred;
                }
            }
        }
    }

    /// Leaves a skip of the message at `pos`, which is borrowed, to the thread that ends the
    /// borrow. Returns whether the skip is done, or will be.
    #[cold]
    fn defer_skip(self, pos: u64) -> bool {
        let entry = Entry::skip(pos);
        let unused = self.overflow.lock().add_skip(entry);
        drop(unused);
        let is_fenced = self.request_notify(pos);
        let mut overflow = self.overflow.lock();
        if is_fenced && self.will_notify(pos) {
            return true;
        }
        let (is_taken_back, unused) = overflow.remove_skip(pos);
        drop(overflow);
        drop(unused);
        // If the skip is not there any more, another thread has done it.
        !is_taken_back
    }

    /// Whether the message at `pos` is borrowed. If so, the thread that ends the borrow notifies.
    pub(crate) fn notify_on_return(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        if stamp.holds(pos) {
            return self.slot.state().is_borrowed()
                && self.request_notify(pos)
                && self.will_notify(pos);
        }
        if !stamp.is_overflowed() {
            return false;
        }
        let mut overflow = self.overflow.lock();
        let message = overflow.message(pos).filter(|message| message.value.is_none());
        message.is_some_and(|message| {
            message.notify = true;
            true
        })
    }

    /// Requests that the thread that has borrowed the message at `pos` does the deferred skips, and
    /// notifies. A caller that then finds that it [will](Self::will_notify) can rely on that.
    /// Returns whether the fence for this was made; if not, the caller polls until the borrow has
    /// ended.
    fn request_notify(self, pos: u64) -> bool {
        let mut stamp = self.slot.stamp();
        while stamp.holds(pos) && !stamp.has_notify() {
            // The thread that ends the borrow sees it by way of the fences below and there: if the
            // slot is not released before our fence, that thread looks at the stamp after it.
            match self.slot.change_flags(stamp, stamp.with_notify()) {
                Ok(()) => break,
                Err(newer) => stamp = newer,
            }
        }
        fence_against_readers(stamp.needs_fence())
    }

    /// Whether the message at `pos` is borrowed by a thread that will see the request.
    fn will_notify(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        stamp.holds(pos) && stamp.has_notify() && self.slot.state().is_borrowed()
    }

    /// For the writer, which has overflowed a message: if the borrow that was in its way has ended
    /// without seeing that, takes the overwritten value out. `fenced` if all threads that end
    /// borrows have a fence of their own.
    #[cold]
    pub(super) fn finish_overflowed(self, pos: u64, fenced: bool) -> Deferred<T> {
        // If it fails, the overwritten value may stay until its slot is used again, or the channel
        // is dropped.
        let _is_fenced = fence_against_readers(fenced);
        self.finish_for_others(pos)
    }

    /// Whether no other thread wants anything of the thread that has just ended a borrow of the
    /// message at `pos`.
    #[cold]
    fn has_no_request(self, pos: u64) -> bool {
        // ORDERING: SeqCst pairs with the fence in `fence_against_readers`: either we see below
        // that another thread requested something or overflowed a message, or that thread sees that
        // the slot was released.
        fence(Ordering::SeqCst);
        self.slot.stamp() == Stamp::new(pos, true)
    }

    /// Called after the slot was released by a thread that had borrowed it for the message at
    /// `pos`, or may have been: does what other threads deferred meanwhile.
    #[cold]
    fn finish_for_others(self, pos: u64) -> Deferred<T> {
        let mut deferred = Deferred::NONE;
        loop {
            let mut overflow = self.overflow.lock();
            let stamp = self.slot.stamp();
            if !stamp.holds(pos) {
                deferred.garbage.overflow.extend(overflow.remove_skips(pos));
                deferred.notify = true;
            }
            if stamp.is_overflowed() {
                if self.reclaim_overwritten(&mut deferred) {
                    return deferred;
                }
                // ORDERING: SeqCst pairs with the fence in `fence_against_readers`, as in
                // `has_no_request`.
                fence(Ordering::SeqCst);
                continue;
            }
            if !stamp.has_notify() {
                return deferred;
            }
            deferred.notify = true;
            if !self.finish_skips(stamp.pos(), &mut overflow, &mut deferred) {
                return deferred;
            }
            // The requests so far are done, or will be by the notification. If this fails, there is
            // a new message, without a request so far, or an overflowed one.
            let _ = self.slot.change_flags(stamp, stamp.without_notify());
            // ORDERING: SeqCst pairs with the fence in `fence_against_readers`, for what was
            // borrowed here, as in `has_no_request`.
            fence(Ordering::SeqCst);
            if deferred.garbage.value.is_some() {
                // That was the last reader; and there is room for one value, which the caller
                // drops.
                return deferred;
            }
        }
    }

    /// Does the deferred skips of the message at `pos`. Returns `false` if another thread has
    /// borrowed the slot, and will do them.
    fn finish_skips(
        self,
        pos: u64,
        overflow: &mut Overflow<T>,
        deferred: &mut Deferred<T>,
    ) -> bool {
        let skips = overflow.skips(pos);
        if skips == 0 {
            return true;
        }
        loop {
            match self.slot.try_borrow(pos) {
                Attempt::Busy => return false,
                Attempt::Raced => continue,
                Attempt::Borrowed(state)
                    if state.readers_left() == skips && mem::needs_drop::<T>() =>
                {
                    deferred.garbage.value = Some(self.slot.move_out());
                }
                // A request that comes meanwhile is seen in the next round.
                Attempt::Borrowed(state) => {
                    self.slot.release(SlotState::full(state.readers_left() - skips));
                }
                Attempt::Overwritten(state) => self.slot.release(state),
                Attempt::Absent => {}
            }
            deferred.garbage.overflow.extend(overflow.remove_skips(pos));
            return true;
        }
    }

    /// Takes the value out of a slot whose message is overflowed, unless another thread has
    /// borrowed it, which will. Returns `false` if the message is not overflowed any more: then the
    /// caller looks at the slot again.
    pub(super) fn reclaim_overwritten(self, deferred: &mut Deferred<T>) -> bool {
        let state = self.slot.state();
        if !state.is_full() || self.slot.acquire(state, state.borrowed()).is_err() {
            return true;
        }
        // The writer may have put the next message there since we looked.
        if !self.slot.stamp().is_overflowed() {
            self.slot.release(state);
            return false;
        }
        if mem::needs_drop::<T>() {
            deferred.garbage.value = Some(self.slot.move_out());
        } else {
            self.slot.release(SlotState::EMPTY);
        }
        true
    }

    /// Whether the message at `pos`, which has been sent, was read by all its readers.
    pub(super) fn is_read(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        if stamp.holds(pos) {
            return self.slot.state().readers_left() == 0;
        }
        !stamp.is_overflowed() || self.overflow.lock().message(pos).is_none()
    }
}

/// The fence of a thread that requests a notification, or overflows a message: between what it
/// wrote and what it looks at. Such threads are rare, so they pay for the threads that end borrows
/// as well, unless those have a fence of their own. Returns `false` if the system call for it is
/// refused: then it is not certain that they see what was written.
fn fence_against_readers(fenced: bool) -> bool {
    if !fenced {
        return asymmetric::try_heavy_fence();
    }
    // ORDERING: SeqCst pairs with the fence in `SlotRef::finish_for_others`.
    fence(Ordering::SeqCst);
    true
}

/// The right to clone the value in a slot.
#[derive(Debug)]
#[must_use = "the borrow has to be ended"]
pub(crate) struct Borrow<'a, T> {
    slot_ref: SlotRef<'a, T>,
    pos: u64,
    /// How many readers are left after this one.
    readers_left: u32,
}

#[cfg(test)]
#[cfg(not(loom))]
impl<'a, T> Borrow<'a, T> {
    /// Of a reader that finds that its message was overwritten.
    pub(super) fn for_test(slot_ref: SlotRef<'a, T>, pos: u64, readers_left: u32) -> Self {
        Self { slot_ref, pos, readers_left }
    }
}

impl<T> Borrow<'_, T> {
    /// Whether no other reader is left and the value has to be moved out. A value that needs no
    /// drop stays, to be overwritten.
    #[inline(always)]
    pub(crate) fn is_last(&self) -> bool {
        self.readers_left == 0 && mem::needs_drop::<T>()
    }

    /// The value, for the last reader. As there is no other reader, no thread waits for the end of
    /// this borrow.
    ///
    /// # Panics
    /// If it is not the last.
    #[inline(always)]
    pub(crate) fn into_value(self) -> T {
        assert!(self.is_last(), "other readers are left");
        self.slot_ref.slot.move_out()
    }

    /// A clone of the value.
    #[inline(always)]
    pub(crate) fn clone_value(&self) -> T
    where
        T: Clone,
    {
        // SAFETY: a thread that makes a `Borrow` has the slot to itself (I3), until `end` or
        // `into_value`, which consume it.
        unsafe { self.slot_ref.slot.with_value(T::clone) }
    }

    /// Returns the value; its reader has read it.
    #[inline(always)]
    pub(crate) fn end(self) -> Deferred<T> {
        let Self { slot_ref, pos, readers_left } = self;
        slot_ref.slot.release(SlotState::full(readers_left));
        // Pairs with the heavy fence in `fence_against_readers`: either we see that another thread
        // requested something or overflowed a message, or that thread sees that the slot was
        // released.
        asymmetric::light_fence();
        if slot_ref.slot.stamp().is_plain(pos) || slot_ref.has_no_request(pos) {
            Deferred::NONE
        } else {
            slot_ref.finish_for_others(pos)
        }
    }
}
