//! Plain memory, for the backends that do not watch it.

use core::cell;
use core::mem::MaybeUninit;

/// `core::cell::UnsafeCell` with the closure interface that lets loom see every access.
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(cell::UnsafeCell::new(value))
    }

    /// Gives a pointer to read through.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Gives a pointer to write through.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Cells for messages that are not there yet. Made in place: large ones never cross the stack.
pub(crate) fn uninit_slots<T>(len: usize) -> Box<[UnsafeCell<MaybeUninit<T>>]> {
    let slots = Box::<[UnsafeCell<MaybeUninit<T>>]>::new_uninit_slice(len);
    // SAFETY: the cell is a transparent wrapper around `MaybeUninit`, which needs no
    // initialisation.
    unsafe { slots.assume_init() }
}
