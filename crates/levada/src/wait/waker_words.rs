//! A waker kept as its two words, for a slot whose content is handed over by another word.
//!
//! The usual slot is read after it was won, which a side that gives up its hold on the memory in
//! the very operation that wins the slot cannot do. Here the words are atomic, so they may be
//! copied *before* the operation that decides whose the waker is; the copy is used only if that
//! operation succeeds, and is otherwise forgotten, whatever it contains.
//!
//! # Invariants
//! - **I1** Only the slot's owner writes; and it writes only while the slot is marked as empty in
//!   the word that hands it over.
//! - **I2** That word never takes the same value twice. So if an exchange finds the value that was
//!   loaded, with `Acquire`, before the copy, the slot was not rewritten in between, and the copy
//!   is whole.
//!
//! # Checked by
//! The test below, and the models of oneshot.

use core::ptr;
use core::task::{RawWakerVTable, Waker};

use crate::prim::atomic::{AtomicPtr, Ordering};

/// A place for a waker, which may be read while it is being written.
#[derive(Debug)]
pub(crate) struct WakerWords {
    data: AtomicPtr<()>,
    vtable: AtomicPtr<RawWakerVTable>,
}

/// What was read from a [`WakerWords`]: perhaps a waker, perhaps the halves of two.
#[derive(Debug)]
pub(crate) struct WakerCopy {
    data: *const (),
    vtable: *const RawWakerVTable,
}

impl WakerWords {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { data: AtomicPtr::new(ptr::null_mut()), vtable: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Writes the words of `waker`, whose ownership is the caller's affair. For the slot's owner.
    #[inline]
    pub(crate) fn write(&self, waker: &Waker) {
        // ORDERING: Relaxed pairs with the load in `copy`; the exchange that marks the slot as full
        // makes it visible.
        self.data.store(waker.data().cast_mut(), Ordering::Relaxed);
        let vtable = ptr::from_ref(waker.vtable()).cast_mut();
        // ORDERING: Relaxed pairs with the load in `copy`, as above.
        self.vtable.store(vtable, Ordering::Relaxed);
    }

    /// Whether these are the words of `waker`, even if the waker itself was taken meanwhile. For
    /// the slot's owner, which reads its own writes.
    #[inline]
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        let copy = self.copy();
        ptr::eq(copy.data, waker.data()) && ptr::eq(copy.vtable, waker.vtable())
    }

    /// Reads the words, for a side that has seen the slot marked as full.
    #[inline]
    pub(crate) fn copy(&self) -> WakerCopy {
        WakerCopy {
            // ORDERING: Relaxed pairs with the store in `write`, which happens before the Acquire
            // load that found the slot full. Later stores are ruled out by I2.
            data: self.data.load(Ordering::Relaxed),
            // ORDERING: Relaxed pairs with the store in `write`, as above.
            vtable: self.vtable.load(Ordering::Relaxed),
        }
    }
}

impl WakerCopy {
    /// Makes it a waker again.
    ///
    /// # Safety
    /// The caller's exchange has marked the slot as empty, from the very value that it had loaded,
    /// with `Acquire`, before the copy and that said the slot was full. It does this once.
    #[inline]
    pub(crate) unsafe fn into_waker(self) -> Waker {
        // SAFETY: by I2 the words are those that `write` took from a waker, and its table is
        // `'static`.
        let vtable = unsafe { &*self.vtable };
        // SAFETY: both words come from one waker (I2), which its owner gave up when it marked the
        // slot as full, and which the caller's exchange has made the caller's.
        unsafe { Waker::new(self.data, vtable) }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use core::task::RawWaker;

    // Two kinds of wakers that own nothing and do nothing.
    static KINDS: [RawWakerVTable; 2] = [
        RawWakerVTable::new(|data| RawWaker::new(data, &KINDS[0]), |_| (), |_| (), |_| ()),
        RawWakerVTable::new(|data| RawWaker::new(data, &KINDS[1]), |_| (), |_| (), |_| ()),
    ];

    fn waker(data: &u8, kind: usize) -> Waker {
        // SAFETY: the functions of `KINDS` use the data for nothing.
        unsafe { Waker::new(ptr::from_ref(data).cast(), &KINDS[kind]) }
    }

    /// `will_wake` distinguishes wakers that differ in either word, and `copy` reads the words that
    /// were written last.
    #[test]
    fn both_words_count() {
        let data = [0_u8; 2];
        let wakers: Vec<_> = (0..4).map(|index| waker(&data[index % 2], index / 2)).collect();
        let words = WakerWords::new();
        for (index, written) in wakers.iter().enumerate() {
            words.write(written);
            for (other, waker) in wakers.iter().enumerate() {
                assert_eq!(words.will_wake(waker), index == other, "{index} {other}");
            }
            // SAFETY: one thread, so the copy is whole, and the waker owns nothing.
            let copy = unsafe { words.copy().into_waker() };
            assert!(copy.will_wake(written));
        }
    }
}
