//! The home of one message, and its stamp; see the ring's docs for states, transitions and
//! invariants.

use core::fmt;
use core::mem::{self, MaybeUninit};

use super::state::{Home, Stamp};
use crate::prim::atomic::{AtomicU64, Ordering};
use crate::prim::{IS_MODEL, UnsafeCell};

/// One message and its readers.
pub(super) struct Slot<T> {
    /// A [`Stamp`]. The writer sets it; others only `CALLED`, and that only while it is as they
    /// read it.
    stamp: AtomicU64,
    /// A [`Home`].
    home: AtomicU64,
    /// The message (I3), unless it is aside.
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the cell keeps it from being automatic. The value is reached by one thread at a time
// (I3), and sent from one to the other, which is what `T: Send` allows.
unsafe impl<T: Send> Sync for Slot<T> {}

/// What came of the wish to have the home of a message to oneself.
pub(super) enum Lending {
    /// One has it; it was in this state.
    Done(Home),
    /// Another message came first. One has its home.
    Lapped(Home),
    /// Somebody else has it.
    Out,
    /// Somebody else was faster; it may be free again.
    Raced,
    /// The message is not there.
    Absent,
}

/// Somebody has the home of a slot to himself.
pub(super) struct Busy;

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Self {
            stamp: AtomicU64::new(Stamp::VACANT.bits()),
            home: AtomicU64::new(Home::EMPTY.bits()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// What a reader of a slot relies on: that its cell is there.
    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.value.with(|_| ());
    }

    #[inline(always)]
    pub(super) fn stamp(&self) -> Stamp {
        // ORDERING: Acquire pairs with the Release store in `fill`: who sees a stamp does not see
        // the home as it was lent before that message. Where it is looked at after a fence, see
        // `Place::call`.
        Stamp::from_bits(self.stamp.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn home(&self) -> Home {
        // ORDERING: Acquire pairs with the Release store in `give_back`: who sees that the
        // value is gone, or read by all, comes after those who did that.
        Home::from_bits(self.home.load(Ordering::Acquire))
    }

    /// From `held` to `new`, after which the caller has the home to itself.
    #[inline(always)]
    pub(super) fn exchange(&self, held: Home, new: Home) -> Result<(), Home> {
        // ORDERING: Acquire pairs with the Release stores in `give_back` and `fill`: whoever had
        // the home before, and what was written there, comes before us; also if the exchange fails,
        // as in `home`.
        self.home
            .compare_exchange(held.bits(), new.bits(), Ordering::Acquire, Ordering::Acquire)
            .map(|_| ())
            .map_err(Home::from_bits)
    }

    /// Takes the home of the message at `pos` to oneself, if the message is there.
    #[inline(always)]
    pub(super) fn lend(&self, pos: u64) -> Lending {
        if !self.stamp().is_home_of(pos) {
            return Lending::Absent;
        }
        let home = self.home();
        if !home.is_held() {
            return if home.is_lent() { Lending::Out } else { Lending::Absent };
        }
        match self.exchange(home, home.lent()) {
            // The writer may have lapped since we looked, and left the same number of claims.
            Ok(()) if self.stamp().is_home_of(pos) => Lending::Done(home),
            Ok(()) => Lending::Lapped(home),
            Err(_) => Lending::Raced,
        }
    }

    /// Looks at the value.
    ///
    /// # Safety
    /// The caller has the home to itself, and it was held.
    #[inline(always)]
    pub(super) unsafe fn with_value<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.value.with_mut(|value| {
            // SAFETY: nobody else touches the home (I3), by contract.
            let value = unsafe { &*value };
            // SAFETY: a home that was held is initialised (I3).
            look(unsafe { value.assume_init_ref() })
        })
    }

    /// Gives the home back, which the caller has to itself.
    #[inline(always)]
    pub(super) fn give_back(&self, home: Home) {
        // ORDERING: Release pairs with the Acquire in `exchange` and `home`: what was done to the
        // value is done.
        self.home.store(home.bits(), Ordering::Release);
    }

    /// Moves the value out of the home, which the caller has to itself, and gives the home back.
    #[inline(always)]
    pub(super) fn move_out(&self) -> T {
        // SAFETY: the home was held and is the caller's alone (I3).
        let value = self.value.with_mut(|value| unsafe { &*value });
        // SAFETY: a home that was held is initialised (I3). It is empty from now on, so the value
        // is not read again.
        let value = unsafe { value.assume_init_read() };
        self.give_back(Home::EMPTY);
        value
    }

    /// Changes the flags of a stamp, if it is as the caller read it.
    pub(super) fn flag(&self, stamp: Stamp, new: Stamp) -> Result<(), Stamp> {
        // ORDERING: Relaxed, no pair: whoever it is for looks at it after a fence (`Place::call`),
        // and the store that published the stamp is the one that this continues.
        self.stamp
            .compare_exchange(stamp.bits(), new.bits(), Ordering::Relaxed, Ordering::Relaxed)
            .map(|_| ())
            .map_err(Stamp::from_bits)
    }

    // The writer's; the caller holds its lock.

    /// Empties the home, if nobody has it, for the writer to [`fill`](Self::fill); gives what was
    /// there, if it has to be dropped.
    #[inline(always)]
    pub(super) fn vacate(&self) -> Result<Option<T>, Busy> {
        let mut home = self.home();
        loop {
            if home.is_lent() {
                return Err(Busy);
            }
            if !home.is_held() {
                return Ok(None);
            }
            match self.exchange(home, Home::WRITTEN) {
                Ok(()) => break,
                Err(newer) => home = newer,
            }
        }
        if !mem::needs_drop::<T>() {
            return Ok(None);
        }
        // SAFETY: the home was held, and is ours alone since the exchange (I3).
        let value = self.value.with_mut(|value| unsafe { &*value });
        // SAFETY: a home that was held is initialised (I3). It is written over next.
        Ok(Some(unsafe { value.assume_init_read() }))
    }

    /// Puts a message into the home.
    ///
    /// # Safety
    /// The caller holds the writer's lock, and has [`vacated`](Self::vacate) the slot under it.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, stamp: Stamp, claims: u32, value: T) {
        // SAFETY: the home is the writer's alone, as it is empty or `WRITTEN` (I3).
        self.value.with_mut(|home| unsafe { (*home).write(value) });
        if IS_MODEL {
            // As an exchange: loom does not know that the store comes after an exchange in `call`
            // that found the stamp before it.
            self.exchange_stamp(stamp);
        } else {
            // ORDERING: Release pairs with the Acquire load in `stamp`: the home was vacated
            // before.
            self.stamp.store(stamp.bits(), Ordering::Release);
        }
        // ORDERING: Release pairs with the Acquire in `exchange`: the value is there.
        self.home.store(Home::held(claims).bits(), Ordering::Release);
    }

    /// Changes the stamp; gives the one that was there.
    pub(super) fn exchange_stamp(&self, stamp: Stamp) -> Stamp {
        // ORDERING: Release pairs with the Acquire load in `stamp`. Acquire, no pair: for the model
        // of `fill`. What is aside is under its lock; the rest goes by the fences of `far_fence`
        // and `is_calm_fenced`.
        Stamp::from_bits(self.stamp.swap(stamp.bits(), Ordering::AcqRel))
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() && self.home().is_held() {
            drop(self.move_out());
        }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
