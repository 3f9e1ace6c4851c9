//! Which objects this thread holds a counted reference to: a small multiset of addresses in a
//! thread-local.
//!
//! The first [`SLOTS`] addresses are stored; of further ones only their number. So a thread that
//! holds more may be taken to hold any address. An address that is never released, because the
//! reference was forgotten, keeps its slot.
#![forbid(unsafe_code)]

use core::cell::Cell;

/// Addresses that are stored one by one.
const SLOTS: usize = 4;

struct Held {
    /// An address each, or 0.
    slots: [Cell<usize>; SLOTS],
    /// How many further addresses the thread holds.
    more: Cell<usize>,
}

impl Held {
    const fn nothing() -> Self {
        Self { slots: [const { Cell::new(0) }; SLOTS], more: Cell::new(0) }
    }

    #[cold]
    fn hold_further(&self, address: usize) {
        match self.slots.iter().find(|slot| slot.get() == 0) {
            Some(slot) => slot.set(address),
            None => self.more.set(self.more.get().wrapping_add(1)),
        }
    }

    #[cold]
    fn release_further(&self, address: usize) {
        match self.slots.iter().find(|slot| slot.get() == address) {
            Some(slot) => slot.set(0),
            None => self.more.set(self.more.get().wrapping_sub(1)),
        }
    }
}

#[cfg(not(any(all(loom, feature = "loom"), levada_shuttle)))]
thread_local! {
    static HELD: Held = const { Held::nothing() };
}

#[cfg(all(loom, feature = "loom"))]
loom::thread_local! {
    static HELD: Held = Held::nothing();
}

#[cfg(levada_shuttle)]
shuttle::thread_local! {
    static HELD: Held = Held::nothing();
}

/// Adds `address`, which is not 0, once.
#[inline(always)]
pub(crate) fn hold(address: usize) {
    HELD.with(|held| {
        let [first, ..] = &held.slots;
        if first.get() == 0 {
            first.set(address);
        } else {
            held.hold_further(address);
        }
    });
}

/// Removes `address` once.
#[inline(always)]
pub(crate) fn release(address: usize) {
    HELD.with(|held| {
        let [first, ..] = &held.slots;
        if first.get() == address {
            first.set(0);
        } else {
            held.release_further(address);
        }
    });
}

/// Whether this thread may hold `address`. Never `false` for an address that it holds; but `true`
/// for any address while it holds more than [`SLOTS`].
#[cold]
pub(crate) fn is_held(address: usize) -> bool {
    HELD.with(|held| held.more.get() > 0 || held.slots.iter().any(|slot| slot.get() == address))
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn few_addresses_are_known() {
        for address in 1..=SLOTS {
            hold(address);
        }
        assert!((1..=SLOTS).all(is_held) && !is_held(SLOTS + 1));
        release(1);
        assert!(!is_held(1) && is_held(2));
        hold(2);
        release(2);
        assert!(is_held(2), "it is held once more");
        (2..=SLOTS).for_each(release);
        assert!(!(1..=SLOTS).any(is_held));
    }

    #[test]
    fn with_more_addresses_any_may_be_held() {
        (1..=SLOTS + 2).for_each(hold);
        assert!(is_held(SLOTS + 2) && is_held(SLOTS + 3));
        (1..=SLOTS + 2).rev().for_each(release);
        assert!(!(1..=SLOTS + 3).any(is_held));
    }
}
