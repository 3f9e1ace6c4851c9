//! The two words of a slot: the stamp, which says which message the slot is for, and the state,
//! which says what is in the slot and who may access it. Pure: [`slot`](super::slot) reads and
//! writes them.
#![forbid(unsafe_code)]

/// Which message a slot is for: its position, and three flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64);

/// The slot was borrowed when the message was sent: the message is in the
/// [overflow list](super::overflow).
const OVERFLOWED: u64 = 1;
/// Another thread requests that the thread that ends the borrow does the deferred skips, and
/// notifies.
const NOTIFY: u64 = 2;
/// A thread that ends a borrow makes a fence before it looks for `NOTIFY`.
const NEEDS_FENCE: u64 = 4;
const FLAGS: u32 = 3;

impl Stamp {
    /// Of a slot that was never used: no channel lives to send that many messages.
    pub(super) const VACANT: Self = Self(u64::MAX << FLAGS);

    /// Of the message at `pos`, in its slot.
    #[inline(always)]
    pub(super) fn new(pos: u64, needs_fence: bool) -> Self {
        Self(pos << FLAGS | if needs_fence { NEEDS_FENCE } else { 0 })
    }

    #[inline(always)]
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub(super) fn pos(self) -> u64 {
        self.0 >> FLAGS
    }

    /// Whether the message at `pos` is in the slot, or was until all its readers had read it.
    #[inline(always)]
    pub(super) fn holds(self, pos: u64) -> bool {
        self.0 & !(NOTIFY | NEEDS_FENCE) == pos << FLAGS
    }

    /// Whether it is the stamp of the message at `pos` without a flag: a thread that ends a borrow
    /// of that message is done.
    #[inline(always)]
    pub(super) fn is_plain(self, pos: u64) -> bool {
        self.0 == pos << FLAGS
    }

    #[inline(always)]
    pub(super) fn is_overflowed(self) -> bool {
        self.0 & OVERFLOWED != 0
    }

    pub(super) fn has_notify(self) -> bool {
        self.0 & NOTIFY != 0
    }

    pub(super) fn needs_fence(self) -> bool {
        self.0 & NEEDS_FENCE != 0
    }

    #[must_use]
    pub(super) fn overflowed(self) -> Self {
        Self(self.0 | OVERFLOWED)
    }

    #[must_use]
    pub(super) fn with_notify(self) -> Self {
        Self(self.0 | NOTIFY)
    }

    #[must_use]
    pub(super) fn without_notify(self) -> Self {
        Self(self.0 & !NOTIFY)
    }
}

/// What is in a slot, and which thread has it to itself. The low half is the count of readers left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotState(u64);

/// A thread has the slot to itself: a reader that clones, or a thread that subtracts readers or
/// moves the value out.
const BORROWED: u64 = 1 << 32;
/// The writer has the slot to itself, to write.
const WRITING: u64 = 1 << 33;

impl SlotState {
    /// There is no value.
    pub(super) const EMPTY: Self = Self(0);
    /// The writer is writing.
    pub(super) const WRITING: Self = Self(WRITING);

    /// There is a value, which `readers_left` readers have yet to read.
    #[inline(always)]
    pub(super) fn full(readers_left: u32) -> Self {
        Self(u64::from(readers_left))
    }

    #[inline(always)]
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    #[cfg(test)]
    pub(super) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Whether there is a value that is not borrowed.
    #[inline(always)]
    pub(super) fn is_full(self) -> bool {
        // Below `BORROWED`, and not zero.
        self.0.wrapping_sub(1) < BORROWED - 1
    }

    pub(super) fn is_borrowed(self) -> bool {
        self.0 & BORROWED != 0
    }

    /// How many readers have yet to read the value.
    #[inline(always)]
    pub(super) fn readers_left(self) -> u32 {
        self.0 as u32
    }

    /// After a thread has borrowed it.
    #[inline(always)]
    #[must_use]
    pub(super) fn borrowed(self) -> Self {
        Self(self.0 | BORROWED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_stamp() {
        for pos in [0, 1, 7, 1 << 40, (1 << 61) - 2] {
            for needs_fence in [false, true] {
                let stamp = Stamp::new(pos, needs_fence);
                assert_eq!((stamp.pos(), stamp.needs_fence()), (pos, needs_fence));
                assert_eq!(Stamp::from_bits(stamp.bits()), stamp);
                assert!(stamp.holds(pos) && !stamp.holds(pos + 1));
                assert_eq!(stamp.is_plain(pos), !needs_fence);
                assert!(!stamp.is_overflowed() && !stamp.has_notify());
                let requested = stamp.with_notify();
                assert!(requested.has_notify() && requested.holds(pos) && !requested.is_plain(pos));
                assert_eq!((requested.without_notify(), requested.pos()), (stamp, pos));
                let overflowed = requested.overflowed();
                assert!(
                    overflowed.is_overflowed()
                        && !overflowed.holds(pos)
                        && !overflowed.is_plain(pos)
                );
                assert_eq!((overflowed.pos(), overflowed.needs_fence()), (pos, needs_fence));
                assert_ne!(overflowed.without_notify(), Stamp::VACANT);
            }
        }
        assert!(!Stamp::VACANT.is_overflowed() && !Stamp::VACANT.has_notify());
        assert!(!Stamp::VACANT.holds(u64::MAX >> 4));
    }

    #[test]
    fn the_states_of_a_slot() {
        assert!(
            SlotState::EMPTY.is_empty()
                && !SlotState::EMPTY.is_full()
                && !SlotState::EMPTY.is_borrowed()
        );
        assert!(
            !SlotState::WRITING.is_empty()
                && !SlotState::WRITING.is_full()
                && !SlotState::WRITING.is_borrowed()
        );
        assert_eq!(SlotState::full(0), SlotState::EMPTY);
        for readers_left in [1, 2, 1000, u32::MAX] {
            let full = SlotState::full(readers_left);
            assert!(full.is_full() && !full.is_borrowed() && !full.is_empty());
            assert_eq!(
                (full.readers_left(), full.borrowed().readers_left()),
                (readers_left, readers_left)
            );
            assert!(
                full.borrowed().is_borrowed()
                    && !full.borrowed().is_full()
                    && !full.borrowed().is_empty()
            );
            assert_eq!(SlotState::from_bits(full.borrowed().bits()), full.borrowed());
        }
    }
}
