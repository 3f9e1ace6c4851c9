//! How much weight is in the channel, and which senders wait for room.
//!
//! # The word
//! `word` is four times the weight that is taken, by messages, by permits and by what senders in
//! the line were granted, plus two flags: [`LINE`], a sender in the line was granted nothing, and
//! [`GRANTED`], one was granted its room and has not claimed it. It is changed by exchanges only,
//! so each of them sees what the one before has left; the flags are changed under the lock only.
//!
//! | LINE | weight is added by                    | weight is given back by                    |
//! |------|---------------------------------------|--------------------------------------------|
//! | no   | any sender, if there is room          | the receiver, or the drop of a permit      |
//! | yes  | a thread that holds the lock          | the same, which then locks and grants      |
//!
//! # Invariants
//! - **I1** Weight is added only if it [`fits`]: it and what is taken is at most the maximum, or
//!   nothing is taken. So what is taken never exceeds [`MAX_WEIGHT`].
//! - **I2** LINE is set while a sender in the line was granted nothing, and while a thread that
//!   adds weight in the line holds the lock.
//! - **I3** A sender enters the line only after it has set LINE and found no room. So weight that
//!   is given back is seen by that sender, or the thread that gives it back sees LINE.
//! - **I4** While the lock is free, the word has all that was granted, and `granted_in_word` is
//!   that. What is granted or expires under the lock comes into the word when it is released.
#![forbid(unsafe_code)]

use core::mem;
use core::ops::{Deref, DerefMut};
use core::pin::Pin;
use core::task::Waker;

use crate::prim::atomic::{AtomicUsize, Ordering};
use crate::prim::{Lock, LockGuard};
use crate::util::WakeBatch;
use crate::wait::list::Node;
use crate::wait::permits::{Permits, PollAcquire};

/// The largest weight, of a message and of all together.
pub(super) const MAX_WEIGHT: usize = usize::MAX >> 3;

/// The capacity of the permits, which is never what refuses: the gate decides what fits.
const UNLIMITED: usize = usize::MAX >> 1;

/// A flag of the word: weight is added under the lock only.
const LINE: usize = 1;

/// A flag of the word: a grant is out. A sender that does not wait counts if it is refused.
const GRANTED: usize = 2;

const FLAGS: usize = LINE | GRANTED;

/// Where the weight begins.
const SHIFT: u32 = FLAGS.count_ones();

/// The bound of a channel.
#[derive(Debug)]
pub(super) struct Gate {
    /// The weight that is taken, and the flags.
    word: AtomicUsize,
    /// Written under the lock.
    max: AtomicUsize,
    line: Lock<Line>,
}

/// The senders that wait.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) permits: Permits,
    /// How much of the weight in the word is granted (I4).
    granted_in_word: usize,
}

/// What became of an attempt to take room without the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Taken,
    /// There is not enough room, and no sender is in the line.
    Full,
    /// A sender is in the line and matters, or another thread adds weight: the lock decides.
    Line,
}

/// Whether this weight may be added to what is `taken`.
fn fits(weight: usize, taken: usize, max: usize) -> bool {
    taken == 0 || weight <= max.saturating_sub(taken)
}

impl Gate {
    pub(super) fn new(max: usize) -> Self {
        let line = Line { permits: Permits::new(UNLIMITED), granted_in_word: 0 };
        Self {
            word: AtomicUsize::new(0),
            max: AtomicUsize::new(max.min(MAX_WEIGHT)),
            line: Lock::new(line),
        }
    }

    #[inline]
    pub(super) fn max(&self) -> usize {
        // ORDERING: Relaxed, no pair: a number by itself.
        self.max.load(Ordering::Relaxed)
    }

    /// The weight that messages and permits hold.
    pub(super) fn held(&self) -> usize {
        let line = self.look();
        self.taken() - line.granted_in_word
    }

    /// What is held, and what the word has of the grants.
    pub(super) fn taken(&self) -> usize {
        // ORDERING: Acquire pairs with the Release exchange in `give_back`: what was done before
        // the weight was given back is done.
        self.word.load(Ordering::Acquire) >> SHIFT
    }

    /// Whether a sender may be in the line that was granted nothing: a hint.
    #[inline]
    pub(super) fn may_have_line(&self) -> bool {
        // ORDERING: Relaxed, no pair: a hint, to be confirmed under the lock.
        self.word.load(Ordering::Relaxed) & LINE != 0
    }

    /// Takes room without the lock, if there is some and no sender is in the line.
    #[inline]
    pub(super) fn try_take(&self, weight: usize) -> Tried {
        // ORDERING: Relaxed, no pair: the exchange confirms it.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & LINE != 0 {
                return Tried::Line;
            }
            if !fits(weight, word >> SHIFT, self.max()) {
                return if word & GRANTED != 0 { Tried::Line } else { Tried::Full };
            }
            let more = word + (weight << SHIFT);
            // ORDERING: Acquire pairs with the Release exchange in `give_back`: what the receiver
            // did before it gave the weight back happened before this message.
            match self.word.compare_exchange_weak(word, more, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return Tried::Taken,
                Err(now) => word = now,
            }
        }
    }

    /// Gives weight back. Returns whether senders may wait for it: then the caller grants.
    #[inline]
    pub(super) fn give_back(&self, weight: usize) -> bool {
        // ORDERING: Release pairs with the Acquire exchanges in `try_take` and `Locked::take`. For
        // LINE the order of the exchanges of this one word is enough (I3).
        let before = self.word.fetch_sub(weight << SHIFT, Ordering::Release);
        debug_assert!(before >> SHIFT >= weight, "weight is given back once");
        before & LINE != 0
    }

    /// Locks the line to look at it, to grant, or to take a sender out.
    pub(super) fn look(&self) -> Locked<'_> {
        Locked { gate: self, line: self.line.lock() }
    }

    /// Locks the line to add weight or to enter it (I2).
    pub(super) fn enter(&self) -> Locked<'_> {
        let line = self.line.lock();
        // ORDERING: Relaxed pairs with the exchanges of the same word in `try_take` and
        // `give_back`: they are ordered, and what they found is loaded again under the lock.
        self.word.fetch_or(LINE, Ordering::Relaxed);
        Locked { gate: self, line }
    }
}

/// The line, locked. When it is released, the word gets what has changed.
pub(super) struct Locked<'a> {
    gate: &'a Gate,
    line: LockGuard<'a, Line>,
}

impl Locked<'_> {
    /// What is held or granted.
    fn taken(&self) -> usize {
        self.gate.taken() - self.line.granted_in_word + self.line.permits.granted()
    }

    /// Takes room for a sender that has never waited, if there is some and no sender waits.
    pub(super) fn try_take(&mut self, weight: usize) -> bool {
        let fits = !self.permits.has_waiting() && fits(weight, self.taken(), self.gate.max());
        if fits {
            self.take(weight);
        }
        fits
    }

    /// Whether the sender was granted its room. If so, it has left the line and the room is its
    /// own.
    pub(super) fn claim(&mut self, node: Pin<&Node>, weight: usize) -> bool {
        let is_claimed = self.permits.acquire_granted(node);
        if is_claimed {
            // It stays in the word.
            self.line.granted_in_word -= weight;
        }
        is_claimed
    }

    /// Whether the sender, which was granted nothing, may have its room now. If so, it has left the
    /// line and the room is its own; a waker that it left is returned, to be dropped outside the
    /// lock.
    pub(super) fn poll_take(
        &mut self,
        node: Pin<&Node>,
        weight: usize,
    ) -> (PollAcquire, Option<Waker>) {
        let is_free = fits(weight, self.taken(), self.gate.max());
        let unfit = if is_free { 0 } else { UNLIMITED };
        let polled = self.permits.poll_acquire(node, weight, unfit);
        let mut left = None;
        if polled == PollAcquire::Acquired {
            left = self.permits.dequeue(node);
            self.take(weight);
        }
        (polled, left)
    }

    fn take(&self, weight: usize) {
        // ORDERING: Acquire pairs with the Release exchange in `give_back`, as in `try_take`.
        self.gate.word.fetch_add(weight << SHIFT, Ordering::Acquire);
    }

    /// Whether the first sender that waits could be granted its room.
    pub(super) fn has_grantable(&mut self) -> bool {
        let (taken, max) = (self.taken(), self.gate.max());
        self.permits.first_need().is_some_and(|need| fits(need, taken, max))
    }

    /// Grants room to senders that wait, in order. Answers whether the batch had no room for more.
    pub(super) fn grant(&mut self, batch: &mut WakeBatch) -> bool {
        while self.has_grantable() {
            if !batch.has_room() {
                return true;
            }
            if let Some(waker) = self.permits.grant_first(0).flatten() {
                batch.push(waker);
            }
        }
        false
    }

    pub(super) fn set_max(&mut self, max: usize) {
        // ORDERING: Relaxed, no pair: a number by itself.
        self.gate.max.store(max.min(MAX_WEIGHT), Ordering::Relaxed);
    }
}

impl Deref for Locked<'_> {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Line {
        &mut self.line
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let granted = self.line.permits.granted();
        let before = mem::replace(&mut self.line.granted_in_word, granted);
        let line = if self.line.permits.has_waiting() { LINE } else { 0 };
        let flags = if granted > 0 { line | GRANTED } else { line };
        // ORDERING: Relaxed, no pair: the flags are changed under the lock only.
        let old_flags = self.gate.word.load(Ordering::Relaxed) & FLAGS;
        // The sums may be less than nothing, and wrap; added to the word they are right again.
        let weight = granted.wrapping_sub(before) << SHIFT;
        let change = weight.wrapping_add(flags).wrapping_sub(old_flags);
        if change != 0 {
            // ORDERING: Relaxed pairs with the exchanges of the same word in `try_take` and
            // `give_back`, as that in `enter`. An Acquire exchange after it still pairs with the
            // Release one before it.
            self.gate.word.fetch_add(change, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        for (weight, taken, max, expected) in [
            (1, 0, 1, true),
            (1, 1, 1, false),
            (2, 1, 3, true),
            (3, 1, 3, false),
            (4, 0, 3, true),
            (1, 4, 3, false),
            (MAX_WEIGHT, 0, 1, true),
            (MAX_WEIGHT, MAX_WEIGHT, MAX_WEIGHT, false),
            (MAX_WEIGHT - 1, 1, MAX_WEIGHT, true),
        ] {
            assert_eq!(fits(weight, taken, max), expected, "{weight} to {taken} of {max}");
        }
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let gate = Gate::new(usize::MAX);
        assert_eq!(gate.try_take(MAX_WEIGHT), Tried::Taken);
        assert_eq!(gate.try_take(1), Tried::Full);
        let mut line = gate.enter();
        assert_eq!(gate.try_take(1), Tried::Line);
        assert!(!line.try_take(MAX_WEIGHT));
        drop(line);
        assert_eq!(gate.held(), MAX_WEIGHT);
        assert!(!gate.give_back(MAX_WEIGHT), "the line is empty");
        assert_eq!(gate.held(), 0);
    }
}
