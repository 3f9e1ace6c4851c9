//! The two words of a slot, and how they change. Pure: who reads and writes them, and in which
//! order, is up to [`slot`](super::slot).
#![forbid(unsafe_code)]

/// Which message a slot is for: its position, and three flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64);

/// The message is not in the slot: it came over a clone and is [aside](super::aside).
const LATE: u64 = 1;
/// Somebody wants to be seen to at the end of the loan.
const CALLED: u64 = 2;
/// Whoever ends a loan puts a fence before it looks for `CALLED`.
const FENCED: u64 = 4;
const FLAGS: u32 = 3;

impl Stamp {
    /// Of a slot that was never used: no channel lives to send that many messages.
    pub(super) const VACANT: Self = Self(u64::MAX << FLAGS);

    /// Of the message at `pos`, in its slot.
    #[inline(always)]
    pub(super) fn new(pos: u64, fenced: bool) -> Self {
        Self(pos << FLAGS | if fenced { FENCED } else { 0 })
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

    /// Whether the message at `pos` is in the slot, or was.
    #[inline(always)]
    pub(super) fn is_home_of(self, pos: u64) -> bool {
        self.0 & !(CALLED | FENCED) == pos << FLAGS
    }

    /// Whether a loan of the message at `pos` can just end: nobody calls, and it needs no fence.
    #[inline(always)]
    pub(super) fn is_calm(self, pos: u64) -> bool {
        self.0 == pos << FLAGS
    }

    #[inline(always)]
    pub(super) fn is_late(self) -> bool {
        self.0 & LATE != 0
    }

    pub(super) fn is_called(self) -> bool {
        self.0 & CALLED != 0
    }

    pub(super) fn is_fenced(self) -> bool {
        self.0 & FENCED != 0
    }

    #[must_use]
    pub(super) fn late(self) -> Self {
        Self(self.0 | LATE)
    }

    #[must_use]
    pub(super) fn called(self) -> Self {
        Self(self.0 | CALLED)
    }

    #[must_use]
    pub(super) fn not_called(self) -> Self {
        Self(self.0 & !CALLED)
    }
}

/// What the home of a slot holds, and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home(u64);

/// Somebody has the home to himself: a reader that clones, or who ends a claim or moves the value
/// out.
const LENT: u64 = 1 << 32;
/// The writer has the home to itself, to write.
const WRITTEN: u64 = 1 << 33;

impl Home {
    /// Nothing is there.
    pub(super) const EMPTY: Self = Self(0);
    /// The writer is writing.
    pub(super) const WRITTEN: Self = Self(WRITTEN);

    /// A value is there, on which `claims` readers have a claim.
    #[inline(always)]
    pub(super) fn held(claims: u32) -> Self {
        Self(u64::from(claims))
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

    /// Whether a value is there that nobody has to himself.
    #[inline(always)]
    pub(super) fn is_held(self) -> bool {
        // Below `LENT`, and not zero.
        self.0.wrapping_sub(1) < LENT - 1
    }

    pub(super) fn is_lent(self) -> bool {
        self.0 & LENT != 0
    }

    /// How many readers have a claim on the value.
    #[inline(always)]
    pub(super) fn claims(self) -> u32 {
        self.0 as u32
    }

    /// After somebody took it to himself.
    #[inline(always)]
    #[must_use]
    pub(super) fn lent(self) -> Self {
        Self(self.0 | LENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_stamp() {
        for pos in [0, 1, 7, 1 << 40, (1 << 61) - 2] {
            for fenced in [false, true] {
                let stamp = Stamp::new(pos, fenced);
                assert_eq!((stamp.pos(), stamp.is_fenced()), (pos, fenced));
                assert_eq!(Stamp::from_bits(stamp.bits()), stamp);
                assert!(stamp.is_home_of(pos) && !stamp.is_home_of(pos + 1));
                assert_eq!(stamp.is_calm(pos), !fenced);
                assert!(!stamp.is_late() && !stamp.is_called());
                let called = stamp.called();
                assert!(called.is_called() && called.is_home_of(pos) && !called.is_calm(pos));
                assert_eq!((called.not_called(), called.pos()), (stamp, pos));
                let late = called.late();
                assert!(late.is_late() && !late.is_home_of(pos) && !late.is_calm(pos));
                assert_eq!((late.pos(), late.is_fenced()), (pos, fenced));
                assert_ne!(late.not_called(), Stamp::VACANT);
            }
        }
        assert!(!Stamp::VACANT.is_late() && !Stamp::VACANT.is_called());
        assert!(!Stamp::VACANT.is_home_of(u64::MAX >> 4));
    }

    #[test]
    fn the_states_of_a_home() {
        assert!(Home::EMPTY.is_empty() && !Home::EMPTY.is_held() && !Home::EMPTY.is_lent());
        assert!(!Home::WRITTEN.is_empty() && !Home::WRITTEN.is_held() && !Home::WRITTEN.is_lent());
        assert_eq!(Home::held(0), Home::EMPTY);
        for claims in [1, 2, 1000, u32::MAX] {
            let held = Home::held(claims);
            assert!(held.is_held() && !held.is_lent() && !held.is_empty());
            assert_eq!((held.claims(), held.lent().claims()), (claims, claims));
            assert!(held.lent().is_lent() && !held.lent().is_held() && !held.lent().is_empty());
            assert_eq!(Home::from_bits(held.lent().bits()), held.lent());
        }
    }
}
