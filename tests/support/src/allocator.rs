//! Heap use, counted for each thread by itself, as tests run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted. A test file that uses [`counted`] declares it:
///
/// ```ignore
/// #[global_allocator]
/// static ALLOCATOR: support::Counting = support::Counting;
/// ```
#[derive(Debug)]
pub struct Counting;

// SAFETY: all work is the system allocator's; counting allocates nothing, as the thread-locals are
// constants without destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(place, layout) };
    }
}

/// What `f` gave, the bytes it left on the heap, and how often it allocated, on this thread.
///
/// # Panics
/// If [`Counting`] is not this program's allocator: then nothing would be counted.
pub fn counted<R>(f: impl FnOnce() -> R) -> (R, isize, usize) {
    let before = ALLOCATIONS.get();
    drop(Box::new(0_u64));
    assert_ne!(ALLOCATIONS.get(), before, "declare `support::Counting` as the global allocator");
    let (bytes, allocations) = (BYTES.get(), ALLOCATIONS.get());
    let result = f();
    (result, BYTES.get() - bytes, ALLOCATIONS.get() - allocations)
}
