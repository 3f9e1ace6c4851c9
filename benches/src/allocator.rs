//! Heap use, counted for each thread by itself; on for all contenders, always.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted. The one of the tests (`tests/support`) also calls hooks and
/// does without `realloc`, which would be measured here.
#[derive(Debug)]
pub(crate) struct Counting;

// SAFETY: all work is the system allocator's; counting allocates nothing, as the thread-locals are
// constants without destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, -layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(place, layout) };
    }
}

fn count(allocations: usize, bytes: isize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
    BYTES.set(BYTES.get() + bytes);
}

/// What `f` gave, the bytes it left on the heap, and how often it allocated, on this thread.
pub(crate) fn counted<R>(f: impl FnOnce() -> R) -> (R, isize, usize) {
    let (bytes, allocations) = (BYTES.get(), ALLOCATIONS.get());
    let result = f();
    (result, BYTES.get() - bytes, ALLOCATIONS.get() - allocations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_and_how_often() {
        let (kept, bytes, allocations) = counted(|| {
            drop(std::hint::black_box(Box::new(1_u64)));
            std::hint::black_box(vec![0_u8; 100])
        });
        assert_eq!((kept.len(), bytes, allocations), (100, 100, 2));
        let ((), bytes, allocations) = counted(|| drop(kept));
        assert_eq!((bytes, allocations), (-100, 0));
    }
}
