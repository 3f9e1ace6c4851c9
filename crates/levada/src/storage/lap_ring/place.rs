//! What readers do in a slot, and what they leave to one another; see the ring's docs.

use core::mem;

use super::aside::{Aside, Entry};
use super::slot::{Lending, Slot};
use super::state::{Home, Stamp};
use crate::prim::atomic::{Ordering, fence};
use crate::prim::{Lock, asymmetric};
use crate::util::FirstPanic;

/// A slot of a ring, and what could not be done in it.
#[derive(Debug)]
pub(crate) struct Place<'a, T> {
    pub(super) slot: &'a Slot<T>,
    pub(super) aside: &'a Lock<Aside<T>>,
}

impl<T> Clone for Place<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<'_, T> {}

/// What a reader finds in a slot.
#[derive(Debug)]
pub(crate) enum Taken<'a, T> {
    /// It is to clone the value and to [`end`](Loan::end) the loan; or, as the last, to
    /// [`take`](Loan::into_value) the value.
    Lent(Loan<'a, T>),
    /// It is to clone the value and to [`return`](Place::return_box) it.
    LentBox(Box<T>),
    /// It was the last reader: the value is its own.
    LastBox(Box<T>),
    /// Another reader has it at the moment.
    Out,
    /// The slot does not hold this message.
    Absent,
    /// The slot does not hold this message; the loan is to be ended.
    Lapped(Loan<'a, T>),
}

/// Why a message could not be read at once.
#[derive(Debug)]
pub(crate) enum Missed<'a, T> {
    /// The slot does not hold this message.
    Absent,
    /// Somebody has it, or it is aside.
    Out,
    /// The slot does not hold this message; the loan is to be ended.
    Lapped(Loan<'a, T>),
}

/// Values nobody will read any more, to be dropped outside all locks.
#[derive(Debug)]
#[must_use]
pub(crate) struct Dead<T> {
    pub(super) value: Option<T>,
    pub(super) boxed: Option<Box<T>>,
    pub(super) aside: Aside<T>,
}

impl<T> Dead<T> {
    /// Drops all of them, though one may panic.
    pub(crate) fn drop_all(self) {
        let Self { value, boxed, aside } = self;
        let mut panics = FirstPanic::default();
        panics.catch(|| drop(value));
        panics.catch(|| drop(boxed));
        panics.catch(|| drop(aside));
        panics.resume();
    }
}

/// What is left to do outside all locks after a slot changed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Aftermath<T> {
    pub(crate) dead: Dead<T>,
    /// Somebody may have asked to be told that a value is not lent any more.
    pub(crate) awaited: bool,
}

impl<T> Aftermath<T> {
    pub(super) const NONE: Self =
        Self { dead: Dead { value: None, boxed: None, aside: Aside::EMPTY }, awaited: false };

    /// Whether there is anything to do.
    #[inline(always)]
    pub(crate) fn is_some(&self) -> bool {
        self.awaited
            || self.dead.value.is_some()
            || self.dead.boxed.is_some()
            || !self.dead.aside.is_empty()
    }
}

impl<'a, T> Place<'a, T> {
    /// Reads the message at `pos`, if it is in the slot and nobody else has it.
    /// [`take`](Self::take) tells why not.
    #[inline(always)]
    pub(crate) fn take_at_once(self, pos: u64) -> Result<Loan<'a, T>, Missed<'a, T>> {
        match self.slot.lend(pos) {
            Lending::Done(home) => Ok(Loan { place: self, pos, left: home.claims() - 1 }),
            Lending::Lapped(home) => {
                Err(Missed::Lapped(Loan { place: self, pos, left: home.claims() }))
            }
            Lending::Out | Lending::Raced => Err(Missed::Out),
            Lending::Absent if self.slot.stamp().is_late() => Err(Missed::Out),
            Lending::Absent => Err(Missed::Absent),
        }
    }

    /// Reads the message at `pos`.
    pub(crate) fn take(self, pos: u64) -> Taken<'a, T> {
        loop {
            return match self.slot.lend(pos) {
                Lending::Done(home) => {
                    Taken::Lent(Loan { place: self, pos, left: home.claims() - 1 })
                }
                Lending::Lapped(home) => {
                    Taken::Lapped(Loan { place: self, pos, left: home.claims() })
                }
                Lending::Out => Taken::Out,
                Lending::Raced => continue,
                Lending::Absent if self.slot.stamp().is_late() => self.take_aside(pos),
                Lending::Absent => Taken::Absent,
            };
        }
    }

    #[cold]
    fn take_aside(self, pos: u64) -> Taken<'a, T> {
        let mut aside = self.aside.lock();
        let Some(late) = aside.late(pos) else {
            return Taken::Absent;
        };
        let Some(value) = late.value.take() else {
            return Taken::Out;
        };
        if late.claims > 1 {
            return Taken::LentBox(value);
        }
        let entry = aside.remove_late(pos);
        drop(aside);
        drop(entry);
        Taken::LastBox(value)
    }

    /// Returns the message at `pos`, which was lent in a box, and ends the claim of its reader.
    pub(crate) fn return_box(self, pos: u64, value: Box<T>) -> Aftermath<T> {
        let mut after = Aftermath::NONE;
        let mut aside = self.aside.lock();
        match aside.late(pos) {
            Some(late) => {
                after.awaited = mem::take(&mut late.awaited);
                late.value = Some(value);
                self.end_late_claim(&mut aside, pos, &mut after);
            }
            // It was lapped.
            None => after.dead.boxed = Some(value),
        }
        after
    }

    /// Ends a claim on the message at `pos`, which is aside.
    fn end_late_claim(self, aside: &mut Aside<T>, pos: u64, after: &mut Aftermath<T>) {
        if let Some(late) = aside.late(pos) {
            late.claims -= 1;
            if late.claims == 0 {
                after.dead.aside.extend(aside.remove_late(pos));
            }
        }
    }

    /// Ends the claim of a reader who will not read the message at `pos`.
    pub(crate) fn skip(self, pos: u64) -> Aftermath<T> {
        loop {
            match self.slot.lend(pos) {
                Lending::Done(home) => {
                    let loan = Loan { place: self, pos, left: home.claims() - 1 };
                    if !loan.is_last() {
                        return loan.end();
                    }
                    let mut after = Aftermath::NONE;
                    after.dead.value = Some(loan.into_value());
                    return after;
                }
                Lending::Lapped(home) => {
                    return Loan { place: self, pos, left: home.claims() }.end();
                }
                Lending::Out if self.leave_claim(pos) => return Aftermath::NONE,
                Lending::Out | Lending::Raced => {}
                Lending::Absent => {
                    let mut after = Aftermath::NONE;
                    if self.slot.stamp().is_late() {
                        self.end_late_claim(&mut self.aside.lock(), pos, &mut after);
                    }
                    return after;
                }
            }
        }
    }

    /// Leaves the claim on the message at `pos`, which is lent, to whoever ends the loan. Gives
    /// whether that is settled.
    #[cold]
    fn leave_claim(self, pos: u64) -> bool {
        let entry = Entry::skip(pos);
        let unused = self.aside.lock().add_skip(entry);
        drop(unused);
        let is_sure = self.call(pos);
        let mut aside = self.aside.lock();
        if is_sure && self.is_called(pos) {
            return true;
        }
        let (is_taken_back, unused) = aside.remove_skip(pos);
        drop(aside);
        drop(unused);
        // If it is not there, somebody has seen to it.
        !is_taken_back
    }

    /// Whether the message at `pos` is lent; if so, whoever ends that will be told to tell.
    pub(crate) fn await_return(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        if stamp.is_home_of(pos) {
            return self.slot.home().is_lent() && self.call(pos) && self.is_called(pos);
        }
        if !stamp.is_late() {
            return false;
        }
        let mut aside = self.aside.lock();
        let late = aside.late(pos).filter(|late| late.value.is_none());
        late.is_some_and(|late| {
            late.awaited = true;
            true
        })
    }

    /// Asks the reader that has the home of the message at `pos` to see to what is aside, and to
    /// tell. A caller that then still finds it [`called`](Self::is_called) can rely on that.
    /// Answers whether the fence was made that this takes; if not, the caller looks until the loan
    /// has ended.
    fn call(self, pos: u64) -> bool {
        let mut stamp = self.slot.stamp();
        while stamp.is_home_of(pos) && !stamp.is_called() {
            // Whoever ends the loan sees it by way of the fences below and there: if the home is
            // not given back before ours, it looks at the stamp after it.
            match self.slot.flag(stamp, stamp.called()) {
                Ok(()) => break,
                Err(newer) => stamp = newer,
            }
        }
        far_fence(stamp.is_fenced())
    }

    /// Whether the message at `pos` is lent to somebody who will see the call.
    fn is_called(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        stamp.is_home_of(pos) && stamp.is_called() && self.slot.home().is_lent()
    }

    /// For the writer, who has left a message aside: if the loan that was in its way has ended
    /// without seeing that, what was lent is dead. `fenced` if all who end loans have a fence of
    /// their own.
    #[cold]
    pub(super) fn see_to_lapped(self, pos: u64, fenced: bool) -> Aftermath<T> {
        // If it fails, what is dead may stay until its slot is used again, or the channel is
        // dropped.
        let _is_sure = far_fence(fenced);
        self.see_to(pos)
    }

    /// Whether nobody wants anything of who has just ended a loan of the message at `pos`.
    #[cold]
    fn is_calm_fenced(self, pos: u64) -> bool {
        // ORDERING: SeqCst pairs with the fence in `far_fence`: either we see below that somebody
        // called or lapped, or they see that the home was given back.
        fence(Ordering::SeqCst);
        self.slot.stamp() == Stamp::new(pos, true)
    }

    /// After the home was given back by one who had it for the message at `pos`, or might have
    /// been: sees to what others could not do meanwhile.
    #[cold]
    fn see_to(self, pos: u64) -> Aftermath<T> {
        let mut after = Aftermath::NONE;
        loop {
            let mut aside = self.aside.lock();
            let stamp = self.slot.stamp();
            if !stamp.is_home_of(pos) {
                after.dead.aside.extend(aside.remove_skips(pos));
                after.awaited = true;
            }
            if stamp.is_late() {
                if self.bury(&mut after) {
                    return after;
                }
                // ORDERING: SeqCst pairs with the fence in `far_fence`, as in `is_calm_fenced`.
                fence(Ordering::SeqCst);
                continue;
            }
            if !stamp.is_called() {
                return after;
            }
            after.awaited = true;
            if !self.end_left_claims(stamp.pos(), &mut aside, &mut after) {
                return after;
            }
            // Who called has been seen to, or will be told. If it fails, there is a new message,
            // which nobody called for yet, or one that is aside.
            let _ = self.slot.flag(stamp, stamp.not_called());
            // ORDERING: SeqCst pairs with the fence in `far_fence`, for what was lent here, as in
            // `is_calm_fenced`.
            fence(Ordering::SeqCst);
            if after.dead.value.is_some() {
                // It was the last claim; and there is room for one value, to be dropped by the
                // caller.
                return after;
            }
        }
    }

    /// Ends the claims on the message at `pos` that were left. Gives false if somebody else has the
    /// home, and will see to it.
    fn end_left_claims(self, pos: u64, aside: &mut Aside<T>, after: &mut Aftermath<T>) -> bool {
        let skips = aside.skips(pos);
        if skips == 0 {
            return true;
        }
        loop {
            match self.slot.lend(pos) {
                Lending::Out => return false,
                Lending::Raced => continue,
                Lending::Done(home) if home.claims() == skips && mem::needs_drop::<T>() => {
                    after.dead.value = Some(self.slot.move_out());
                }
                // Who calls meanwhile is seen in the next round.
                Lending::Done(home) => self.slot.give_back(Home::held(home.claims() - skips)),
                Lending::Lapped(home) => self.slot.give_back(home),
                Lending::Absent => {}
            }
            after.dead.aside.extend(aside.remove_skips(pos));
            return true;
        }
    }

    /// Takes the value out that is in the home of a slot whose message is aside, unless somebody
    /// has it, who will. Gives false if the message is not aside any more: then the slot is to be
    /// looked at again.
    pub(super) fn bury(self, after: &mut Aftermath<T>) -> bool {
        let home = self.slot.home();
        if !home.is_held() || self.slot.exchange(home, home.lent()).is_err() {
            return true;
        }
        // The writer may have put the next message there since we looked.
        if !self.slot.stamp().is_late() {
            self.slot.give_back(home);
            return false;
        }
        if mem::needs_drop::<T>() {
            after.dead.value = Some(self.slot.move_out());
        } else {
            self.slot.give_back(Home::EMPTY);
        }
        true
    }

    /// Whether the message at `pos`, which has been sent, was read by all its readers.
    pub(super) fn is_read(self, pos: u64) -> bool {
        let stamp = self.slot.stamp();
        if stamp.is_home_of(pos) {
            return self.slot.home().claims() == 0;
        }
        !stamp.is_late() || self.aside.lock().late(pos).is_none()
    }
}

/// The fence of who calls, or comes over a loan: between what it wrote and what it looks at. It is
/// rare, so it pays for those who end loans as well, unless they have a fence of their own. Answers
/// `false` if the system call for it is refused: then it is not certain that they see it.
fn far_fence(fenced: bool) -> bool {
    if !fenced {
        return asymmetric::try_heavy_fence();
    }
    // ORDERING: SeqCst pairs with the fence in `Place::see_to`.
    fence(Ordering::SeqCst);
    true
}

/// The right to clone the value in the home of a slot.
#[derive(Debug)]
#[must_use = "it has to be ended"]
pub(crate) struct Loan<'a, T> {
    place: Place<'a, T>,
    pos: u64,
    /// How many claims there are after it.
    left: u32,
}

#[cfg(test)]
#[cfg(not(loom))]
impl<'a, T> Loan<'a, T> {
    /// Of a reader that finds that it was lapped.
    pub(super) fn for_test(place: Place<'a, T>, pos: u64, left: u32) -> Self {
        Self { place, pos, left }
    }
}

impl<T> Loan<'_, T> {
    /// Whether nobody else has a claim on the value, and it has to be moved out: what owns nothing
    /// is left to be written over.
    #[inline(always)]
    pub(crate) fn is_last(&self) -> bool {
        self.left == 0 && mem::needs_drop::<T>()
    }

    /// The value, for the last reader. As nobody else has a claim, nobody can want to be told.
    ///
    /// # Panics
    /// If it is not the last.
    #[inline(always)]
    pub(crate) fn into_value(self) -> T {
        assert!(self.is_last(), "others have a claim");
        self.place.slot.move_out()
    }

    /// A clone of the value.
    #[inline(always)]
    pub(crate) fn clone_value(&self) -> T
    where
        T: Clone,
    {
        // SAFETY: whoever makes a loan has the home to himself (I3), until `end` or `into_value`,
        // which take it.
        unsafe { self.place.slot.with_value(T::clone) }
    }

    /// Returns the value and ends the claim of its reader.
    #[inline(always)]
    pub(crate) fn end(self) -> Aftermath<T> {
        let Self { place, pos, left } = self;
        place.slot.give_back(Home::held(left));
        // Pairs with the heavy fence in `far_fence`: either we see that somebody called or lapped,
        // or they that the home was given back.
        asymmetric::light_fence();
        if place.slot.stamp().is_calm(pos) || place.is_calm_fenced(pos) {
            Aftermath::NONE
        } else {
            place.see_to(pos)
        }
    }
}
