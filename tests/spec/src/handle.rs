//! Handles that futures and permits borrow, for as long as a test says.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::rc::Rc;

/// A handle of a channel that is lent to futures and permits. The lifetimes are the test's own: a
/// handle is looked at, taken or dropped only when what borrowed it was dropped or forgotten.
pub struct Handle<H> {
    place: NonNull<H>,
    loans: Rc<()>,
    lent_whole: Cell<bool>,
}

/// Proof that a handle is lent.
#[derive(Clone, Debug)]
#[must_use = "it is kept beside what borrows the handle"]
pub struct Loan(#[expect(dead_code, reason = "that it is counted is its use")] Rc<()>);

impl<H> Handle<H> {
    /// A handle that is not lent.
    pub fn new(handle: H) -> Self {
        let place = NonNull::from(Box::leak(Box::new(handle)));
        Self { place, loans: Rc::default(), lent_whole: Cell::new(false) }
    }

    /// Whether nothing borrows it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        Rc::strong_count(&self.loans) == 1
    }

    /// A look at it, unless it is lent as `&mut`.
    #[must_use]
    pub fn peek(&self) -> Option<&H> {
        if self.lent_whole.get() && !self.is_free() {
            return None;
        }
        // SAFETY: it is alive until `self` goes, and no `&mut` of it is in use: a future that has
        // one keeps its loan.
        Some(unsafe { self.place.as_ref() })
    }

    /// Lends it as `&`.
    ///
    /// # Safety
    /// What borrows the reference is dropped or forgotten before the loan is dropped.
    pub unsafe fn lend(&self) -> (&'static H, Loan) {
        // SAFETY: it is alive for as long as a loan is, as `take` and `drop` check.
        let handle = unsafe { self.place.as_ref() };
        (handle, Loan(Rc::clone(&self.loans)))
    }

    /// Lends it as `&mut`.
    ///
    /// # Panics
    /// If it is lent already.
    ///
    /// # Safety
    /// What borrows the reference is dropped or forgotten before the loan is dropped.
    pub unsafe fn lend_mut(&self) -> (&'static mut H, Loan) {
        assert!(self.is_free(), "a handle is lent as `&mut` once");
        self.lent_whole.set(true);
        let mut place = self.place;
        // SAFETY: it is alive for as long as a loan is, and `peek` and this check that there is
        // none.
        let handle = unsafe { place.as_mut() };
        (handle, Loan(Rc::clone(&self.loans)))
    }

    /// Uses it as `&mut`.
    ///
    /// # Panics
    /// If it is lent.
    pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut H) -> R) -> R {
        assert!(self.is_free(), "it is lent");
        // SAFETY: nothing borrows it, and `self` is borrowed mutably.
        f(unsafe { self.place.as_mut() })
    }

    /// The handle itself.
    ///
    /// # Panics
    /// If it is lent.
    #[must_use]
    pub fn take(self) -> H {
        assert!(self.is_free(), "it is lent");
        let place = self.place;
        #[expect(clippy::mem_forget, reason = "its box is taken apart below")]
        std::mem::forget(self);
        // SAFETY: it is from a box, nothing borrows it, and `self` does not drop it any more.
        *unsafe { Box::from_raw(place.as_ptr()) }
    }
}

impl<H> Drop for Handle<H> {
    fn drop(&mut self) {
        if self.is_free() {
            // SAFETY: it is from a box, nothing borrows it, and `self` goes.
            drop(unsafe { Box::from_raw(self.place.as_ptr()) });
        } else {
            assert!(std::thread::panicking(), "a handle is dropped after what borrows it");
        }
    }
}

impl<H> fmt::Debug for Handle<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("is_free", &self.is_free()).finish_non_exhaustive()
    }
}
