//! A split reference count: how readers enter the current node without the lock, and leave any.
//!
//! One word of the channel, the *external* count, says which node readers enter, and counts them:
//! so a reader learns the node and is counted in it by one read-modify-write. Each node has an
//! *internal* count, from which readers are subtracted when they leave. When another node becomes
//! current, its writer replaces the external word and adds the readers that it counted to the
//! internal count, which is the number of readers from then on (A. Williams, "C++ Concurrency in
//! Action", 2012, 7.2.4). There the external word has a pointer beside the count, which takes a
//! compare-and-swap of two words; here it has the number of one of two nodes.
//!
//! # The external word
//! | state | meaning | a reader |
//! |---|---|---|
//! | open, index, count | `count` readers have entered the node `index` | adds 1 and is in |
//! | closed | the count has no meaning | takes the lock |
//!
//! # The internal word
//! `n` is a signed number of readers.
//!
//! | state | flags | `n` |
//! |---|---|---|
//! | free | `RETIRED` | 0 |
//! | current and open | none | those counted here, less those that left |
//! | current and closed | `CLOSED` | the readers, or one writer |
//! | earlier | `CLOSED`, `RETIRED` | the readers, or one writer |
//! | earlier and claimed | `CLOSED`, `RETIRED`, `CLAIMED` | the same |
//!
//! # Transitions
//! | operation | external | internal |
//! |---|---|---|
//! | a reader enters | count + 1 | |
//! | a user under the lock | | n + 1 |
//! | any of them leaves | | n - 1 |
//! | `restart` | count = 0 | n + count |
//! | close | closed | n + count, `CLOSED` |
//! | open | open, the index, 0 | not `CLOSED` |
//! | retire, if it was open | the next node, or closed | n + count, `CLOSED`, `RETIRED` |
//! | retire, if it was closed | the next node, or closed | `RETIRED` |
//!
//! The user that leaves 0 in a closed node is the last one: [`Left`] says what it has to do.
#![forbid(unsafe_code)]

use crate::prim::atomic::{AtomicUsize, Ordering};

/// What the external word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(usize);

/// The number of the node that readers enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    First,
    Second,
}

impl Entry {
    const OPEN: usize = 1 << (usize::BITS - 1);
    const SECOND: usize = Self::OPEN >> 1;

    pub(super) const CLOSED: Self = Self(0);

    pub(super) fn open(index: Index) -> Self {
        match index {
            Index::First => Self(Self::OPEN),
            Index::Second => Self(Self::OPEN | Self::SECOND),
        }
    }

    #[inline(always)]
    pub(super) fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    #[inline(always)]
    pub(super) fn index(self) -> Index {
        if self.0 & Self::SECOND == 0 { Index::First } else { Index::Second }
    }

    /// How many readers have entered; 0 if it is closed.
    #[inline(always)]
    pub(super) fn count(self) -> usize {
        if self.is_open() { self.0 & (Self::SECOND - 1) } else { 0 }
    }
}

/// The external count.
pub(super) struct External(AtomicUsize);

impl External {
    pub(super) fn new(entry: Entry) -> Self {
        Self(AtomicUsize::new(entry.0))
    }

    /// Counts a reader. Returns the entry as it was before, if it is open.
    #[inline(always)]
    pub(super) fn enter(&self) -> Option<Entry> {
        // ORDERING: Relaxed, no pair: a hint, so that readers do not count in a closed entry for
        // ever, which would overflow.
        if !Entry(self.0.load(Ordering::Relaxed)).is_open() {
            return None;
        }
        // ORDERING: Acquire pairs with the Release operations in `replace` and `open`: the value of
        // the node is there. The read-modify-writes of other readers between continue their release
        // sequence.
        Some(Entry(self.0.fetch_add(1, Ordering::Acquire))).filter(|entry| entry.is_open())
    }

    /// What it is, without the count, for the lock holder.
    #[inline(always)]
    pub(super) fn locked(&self) -> Entry {
        // ORDERING: Relaxed, no pair: only lock holders change more than the count.
        Entry(self.0.load(Ordering::Relaxed))
    }

    /// Replaces the entry, under the lock. The caller adds the readers that the previous one
    /// counted to its node.
    #[inline(always)]
    pub(super) fn replace(&self, entry: Entry) -> Entry {
        // ORDERING: Release pairs with the Acquire in `enter`. What the readers that are counted
        // here did is no concern of the caller until they leave.
        Entry(self.0.swap(entry.0, Ordering::Release))
    }

    /// Opens a closed entry, under the lock.
    pub(super) fn open(&self, index: Index) {
        // Not a store: readers that were late may have added to the closed entry. They stand before
        // this either way, but loom knows that of a read-modify-write only.
        //
        // ORDERING: Release pairs with the Acquire in `enter`.
        self.0.swap(Entry::open(index).0, Ordering::Release);
    }
}

/// The internal word, or what it was at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage(usize);

impl Usage {
    const CLOSED: usize = 1;
    const RETIRED: usize = 2;
    const CLAIMED: usize = 4;
    /// One user.
    const ONE: usize = 8;

    const FREE: usize = Self::RETIRED;

    /// No more than flags.
    #[inline(always)]
    fn is_unused(self) -> bool {
        self.0 < Self::ONE
    }
}

/// What a user that leaves has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: there are other users, or the entry is open.
    Others,
    /// The current node, which is closed, is idle now: threads may wait for that.
    Idle,
    /// The value of an earlier node belongs to the user.
    Value,
    /// The value of an earlier node belongs to its claimer, which may wait for it.
    Claimed,
}

/// The internal count of a node.
pub(super) struct Internal(AtomicUsize);

impl Internal {
    /// Of a node without a value.
    pub(super) fn free() -> Self {
        Self(AtomicUsize::new(Usage::FREE))
    }

    /// Of a current node that is open.
    pub(super) fn open() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Whether the node is free. Then the caller, under the lock, may write to it.
    #[inline(always)]
    pub(super) fn is_free(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `set_free`: the last user of the
        // previous value has taken that out.
        self.0.load(Ordering::Acquire) == Usage::FREE
    }

    /// The node is about to become current.
    #[inline(always)]
    pub(super) fn set_current(&self, is_open: bool) {
        let usage = if is_open { 0 } else { Usage::CLOSED };
        // ORDERING: Relaxed, no pair: readers find the node by the external count, or under the
        // lock.
        self.0.store(usage, Ordering::Relaxed);
    }

    /// The value was taken out.
    #[inline(always)]
    pub(super) fn set_free(&self) {
        // ORDERING: Release pairs with the Acquire load in `is_free`.
        self.0.store(Usage::FREE, Ordering::Release);
    }

    /// Counts a user, under the lock, of a node that is current.
    pub(super) fn enter(&self) {
        self.add(Usage::ONE);
    }

    /// Adds the readers that the external count has counted.
    pub(super) fn restart(&self, before: Entry) {
        self.add(before.count().wrapping_mul(Usage::ONE));
    }

    /// The node, which is current, is closed.
    pub(super) fn close(&self, before: Entry) {
        if self.is_left_by_all(before) {
            return self.set_current(false);
        }
        self.add(before.count().wrapping_mul(Usage::ONE).wrapping_add(Usage::CLOSED));
    }

    /// The node, which is current and closed, is about to be open.
    pub(super) fn open_again(&self) {
        if !self.is_in_use() {
            return self.set_current(true);
        }
        // ORDERING: Relaxed, no pair: the flag is for users that leave, and a user that finds it
        // set although it is not makes one look too many.
        self.0.fetch_and(!Usage::CLOSED, Ordering::Relaxed);
    }

    /// Counts a writer in a node that is current, closed and not in use.
    pub(super) fn enter_alone(&self) {
        // ORDERING: Relaxed, no pair: until the writer leaves, only lock holders access it.
        self.0.store(Usage::CLOSED | Usage::ONE, Ordering::Relaxed);
    }

    /// Whether all readers that entered by this entry, which was open, have left. No thread but the
    /// caller, which has closed it, uses the node then.
    #[inline(always)]
    fn is_left_by_all(&self, before: Entry) -> bool {
        let counted = before.count().wrapping_mul(Usage::ONE);
        // ORDERING: Acquire pairs with the Release half of `leave`: they are done.
        self.0.load(Ordering::Acquire) == 0_usize.wrapping_sub(counted)
    }

    /// Whether a closed node has users. If not, the lock holder may access its value.
    pub(super) fn is_in_use(&self) -> bool {
        // ORDERING: Acquire pairs with the Release half of `leave`: the users are done.
        !Usage(self.0.load(Ordering::Acquire)).is_unused()
    }

    /// The node is not current any more; `before` is the entry that was replaced. Returns whether
    /// it has no users, so that its value is the caller's.
    #[inline(always)]
    pub(super) fn retire(&self, before: Entry, claim: bool) -> bool {
        if before.is_open() && self.is_left_by_all(before) {
            return true;
        }
        let counted = before.count().wrapping_mul(Usage::ONE);
        let closed = if before.is_open() { Usage::CLOSED } else { 0 };
        let claimed = if claim { Usage::CLAIMED } else { 0 };
        self.add(counted.wrapping_add(closed | Usage::RETIRED | claimed)).is_unused()
    }

    /// A user leaves.
    #[inline(always)]
    pub(super) fn leave(&self) -> Left {
        // ORDERING: Release pairs with the Acquire in `leave`, `add`, `is_in_use`, `is_left_by_all`
        // or `give_up_claim`; Acquire is for that thread.
        let now = self.0.fetch_sub(Usage::ONE, Ordering::AcqRel).wrapping_sub(Usage::ONE);
        if now == 0 || !Usage(now).is_unused() {
            return Left::Others;
        }
        Self::last(now)
    }

    #[cold]
    fn last(now: usize) -> Left {
        match now & (Usage::RETIRED | Usage::CLAIMED) {
            0 => Left::Idle,
            Usage::RETIRED => Left::Value,
            _ => Left::Claimed,
        }
    }

    /// Whether a node that is claimed has no users, so that its value is the claimer's.
    pub(super) fn is_released(&self) -> bool {
        !self.is_in_use()
    }

    /// The claimer gives up. Returns whether the node has no users, so that its value is the
    /// claimer's all the same.
    pub(super) fn give_up_claim(&self) -> bool {
        // ORDERING: Acquire pairs with the Release half of `leave`; Release with the Acquire in
        // `leave`, for the user that gets the value instead.
        Usage(self.0.fetch_and(!Usage::CLAIMED, Ordering::AcqRel)).is_unused()
    }

    /// Returns the sum.
    #[inline(always)]
    fn add(&self, more: usize) -> Usage {
        // ORDERING: Acquire pairs with the Release half of `leave`, for a caller that finds the
        // node unused; Release with the Acquire in `leave`, for the user that will be the last one.
        let now = self.0.fetch_add(more, Ordering::AcqRel).wrapping_add(more);
        // A count of 64 bits never overflows.
        if usize::BITS < 64 && now.cast_signed() > isize::MAX / 2 {
            // Snapshots were leaked until the count is about to wrap around, which would free a
            // value that is read.
            std::process::abort();
        }
        Usage(now)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_node_and_a_count() {
        for index in [Index::First, Index::Second] {
            let external = External::new(Entry::open(index));
            for count in 0..3 {
                let entry = external.enter().unwrap();
                assert_eq!((entry.index(), entry.count()), (index, count));
            }
            let before = external.replace(Entry::CLOSED);
            assert_eq!((before.is_open(), before.index(), before.count()), (true, index, 3));
            assert_eq!((external.enter(), external.locked().count()), (None, 0));
        }
        // A reader that found the entry open before it was closed.
        assert_eq!(Entry(Entry::CLOSED.0 + 1).count(), 0);
    }

    /// The tables above, with readers that leave before and after each step.
    #[test]
    fn the_last_user_knows_what_to_do() {
        for early in 0..=3 {
            let (external, internal) = (External::new(Entry::open(Index::First)), Internal::open());
            let enter = || (0..3).for_each(|_| assert!(external.enter().is_some()));
            enter();
            for _ in 0..early {
                assert_eq!(internal.leave(), Left::Others);
            }
            internal.close(external.replace(Entry::CLOSED));
            assert_eq!(internal.is_in_use(), early < 3);
            for left in (early..3).rev() {
                assert_eq!(internal.leave() == Left::Idle, left == early, "{left} after {early}");
            }
            internal.enter();
            internal.open_again();
            external.open(Index::First);
            enter();
            assert_eq!(internal.leave(), Left::Others);
            internal.restart(external.replace(Entry::open(Index::First)));
            enter();
            for _ in 0..early {
                assert_eq!(internal.leave(), Left::Others);
            }
            let claim = early == 1;
            assert!(!internal.retire(external.replace(Entry::CLOSED), claim));
            for left in (1..=6 - early).rev() {
                let last = if claim { Left::Claimed } else { Left::Value };
                assert_eq!(internal.leave(), if left == 1 { last } else { Left::Others });
            }
            assert!(internal.is_released() && !internal.is_free());
            internal.set_free();
            assert!(internal.is_free());
        }
    }

    #[test]
    fn a_node_that_all_have_left_belongs_to_its_writer() {
        for is_open in [true, false] {
            let (external, internal) =
                (External::new(Entry::open(Index::Second)), Internal::open());
            for _ in 0..2 {
                assert!(external.enter().is_some());
                internal.leave();
            }
            if !is_open {
                internal.close(external.replace(Entry::CLOSED));
            }
            assert!(internal.retire(external.replace(Entry::CLOSED), true));
        }
    }

    #[test]
    fn a_claim_that_is_given_up_leaves_the_value_to_the_last_user() {
        let internal = Internal::open();
        internal.enter();
        assert!(!internal.retire(Entry::open(Index::First), true));
        assert!(!internal.give_up_claim());
        assert_eq!(internal.leave(), Left::Value);
        internal.set_current(false);
        internal.enter();
        assert!(!internal.retire(Entry::CLOSED, true));
        assert_eq!(internal.leave(), Left::Claimed);
        assert!(internal.give_up_claim());
    }
}
