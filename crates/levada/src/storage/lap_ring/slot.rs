//! A slot: the cell of one message, its stamp and its state. See the docs of the ring for states,
//! transitions and invariants.

use core::fmt;
use core::mem::{self, MaybeUninit};

use super::state::{SlotState, Stamp};
use crate::prim::atomic::{AtomicU64, Ordering};
use crate::prim::{IS_MODEL, UnsafeCell};

/// The cell of one message.
pub(super) struct Slot<T> {
    /// A [`Stamp`]. The writer stores it; other threads change `NOTIFY` only, by an exchange.
    stamp: AtomicU64,
    /// A [`SlotState`].
    state: AtomicU64,
    /// The message (I3), unless it is overflowed.
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the cell keeps it from being automatic. One thread at a time accesses the value (I3), and
// it is sent from one to the other, which is what `T: Send` allows.
unsafe impl<T: Send> Sync for Slot<T> {}

/// The result of an attempt to borrow the value of a message.
pub(super) enum Attempt {
    /// The caller has borrowed it; the slot was in this state.
    Borrowed(SlotState),
    /// The writer has put another message there in between. The caller has borrowed that one.
    Overwritten(SlotState),
    /// Another thread has borrowed it.
    Busy,
    /// Another thread was faster; the value may be free again.
    Raced,
    /// The slot does not have the message.
    Absent,
}

/// The slot is borrowed.
pub(super) struct IsBorrowed;

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Self {
            stamp: AtomicU64::new(Stamp::VACANT.bits()),
            state: AtomicU64::new(SlotState::EMPTY.bits()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Accesses the cell, as a reader of a new slot may.
    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.value.with(|_| ());
    }

    #[inline(always)]
    pub(super) fn stamp(&self) -> Stamp {
        // ORDERING: Acquire pairs with the Release store in `fill`: a thread that sees a stamp does
        // not see the slot borrowed as it was before that message. For loads after a fence see
        // `SlotRef::request_notify`.
        Stamp::from_bits(self.stamp.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn state(&self) -> SlotState {
        // ORDERING: Acquire pairs with the Release store in `release`: a thread that sees that the
        // value was taken, or read by all its readers, comes after the threads that did that.
        SlotState::from_bits(self.state.load(Ordering::Acquire))
    }

    /// From `full` to `new`, after which the caller has the slot to itself.
    #[inline(always)]
    pub(super) fn acquire(&self, full: SlotState, new: SlotState) -> Result<(), SlotState> {
        // ORDERING: Acquire pairs with the Release stores in `release` and `fill`: the thread that
        // had the slot before, and what was written there, comes before us; also if the exchange
        // fails, as in `state`.
        self.state
            .compare_exchange(full.bits(), new.bits(), Ordering::Acquire, Ordering::Acquire)
            .map(|_| ())
            .map_err(SlotState::from_bits)
    }

    /// Borrows the value of the message at `pos`, if it is in the slot.
    #[inline(always)]
    pub(super) fn try_borrow(&self, pos: u64) -> Attempt {
        if !self.stamp().holds(pos) {
            return Attempt::Absent;
        }
        let state = self.state();
        if !state.is_full() {
            return if state.is_borrowed() { Attempt::Busy } else { Attempt::Absent };
        }
        match self.acquire(state, state.borrowed()) {
            // The writer may have put another message there since we looked, for as many readers.
            Ok(()) if self.stamp().holds(pos) => Attempt::Borrowed(state),
            Ok(()) => Attempt::Overwritten(state),
            Err(_) => Attempt::Raced,
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Safety
    /// The caller has the slot to itself, and it was full.
    #[inline(always)]
    pub(super) unsafe fn with_value<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.value.with_mut(|value| {
            // SAFETY: by contract the caller has the slot to itself (I3).
            let value = unsafe { &*value };
            // SAFETY: a slot that was full is initialised (I3).
            f(unsafe { value.assume_init_ref() })
        })
    }

    /// Releases the slot, which the caller has to itself, in this state.
    #[inline(always)]
    pub(super) fn release(&self, state: SlotState) {
        // ORDERING: Release pairs with the Acquire in `acquire` and `state`: what was done to the
        // value is done.
        self.state.store(state.bits(), Ordering::Release);
    }

    /// Moves the value out of the slot, which the caller has to itself, and releases the slot.
    #[inline(always)]
    pub(super) fn move_out(&self) -> T {
        // SAFETY: the slot was full and the caller has it to itself (I3).
        let value = self.value.with_mut(|value| unsafe { &*value });
        // SAFETY: a slot that was full is initialised (I3). It is empty from now on, so the value
        // is not read again.
        let value = unsafe { value.assume_init_read() };
        self.release(SlotState::EMPTY);
        value
    }

    /// Changes the flags of the stamp, if it is as the caller read it.
    pub(super) fn change_flags(&self, stamp: Stamp, new: Stamp) -> Result<(), Stamp> {
        // ORDERING: Relaxed, no pair: the thread that the flag is for loads it after a fence
        // (`SlotRef::request_notify`), and this continues the release sequence of the store that
        // published the stamp.
        self.stamp
            .compare_exchange(stamp.bits(), new.bits(), Ordering::Relaxed, Ordering::Relaxed)
            .map(|_| ())
            .map_err(Stamp::from_bits)
    }

    // For the writer, which holds its lock.

    /// Acquires the slot for the writer to [`fill`](Self::fill), unless it is borrowed. Returns the
    /// overwritten value, if it has to be dropped.
    #[inline(always)]
    pub(super) fn begin_write(&self) -> Result<Option<T>, IsBorrowed> {
        let mut state = self.state();
        loop {
            if state.is_borrowed() {
                return Err(IsBorrowed);
            }
            if !state.is_full() {
                return Ok(None);
            }
            match self.acquire(state, SlotState::WRITING) {
                Ok(()) => break,
                Err(newer) => state = newer,
            }
        }
        if !mem::needs_drop::<T>() {
            return Ok(None);
        }
        // SAFETY: the slot was full, and is the writer's alone since the exchange (I3).
        let value = self.value.with_mut(|value| unsafe { &*value });
        // SAFETY: a slot that was full is initialised (I3). It is overwritten next.
        Ok(Some(unsafe { value.assume_init_read() }))
    }

    /// Puts a message into the slot, for so many readers.
    ///
    /// # Safety
    /// The caller holds the writer's lock, and has [begun](Self::begin_write) to write under it.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, stamp: Stamp, readers: u32, value: T) {
        // SAFETY: the slot is the writer's alone, as it is empty or `WRITING` (I3).
        self.value.with_mut(|cell| unsafe { (*cell).write(value) });
        if IS_MODEL {
            // As an exchange: loom does not know that the store comes after an exchange in
            // `request_notify` that found the previous stamp.
            self.exchange_stamp(stamp);
        } else {
            // ORDERING: Release pairs with the Acquire load in `stamp`: `begin_write` happened
            // before.
            self.stamp.store(stamp.bits(), Ordering::Release);
        }
        // ORDERING: Release pairs with the Acquire in `acquire`: the value is there.
        self.state.store(SlotState::full(readers).bits(), Ordering::Release);
    }

    /// Stores the stamp, and returns the previous one.
    pub(super) fn exchange_stamp(&self, stamp: Stamp) -> Stamp {
        // ORDERING: Release pairs with the Acquire load in `stamp`. Acquire, no pair: for the model
        // of `fill`. The overflow list is under its lock; the rest is ordered by the fences of
        // `fence_against_readers` and `has_no_request`.
        Stamp::from_bits(self.stamp.swap(stamp.bits(), Ordering::AcqRel))
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() && self.state().is_full() {
            drop(self.move_out());
        }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
