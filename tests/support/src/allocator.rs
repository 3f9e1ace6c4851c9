//! Heap use, counted for each thread by itself, as tests run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HOOK: Cell<Option<fn()>> = const { Cell::new(None) };
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
        call_hook();
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        call_hook();
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
    drop(std::hint::black_box(Box::new(0_u64)));
    assert_ne!(ALLOCATIONS.get(), before, "declare `support::Counting` as the global allocator");
    let (bytes, allocations) = (BYTES.get(), ALLOCATIONS.get());
    let result = f();
    (result, BYTES.get() - bytes, ALLOCATIONS.get() - allocations)
}

/// Runs `f`; whenever it allocates or frees, `hook` runs first. So what `hook` uses is used in the
/// middle of the operation that allocates, as by another thread while this one is held up there.
/// The hook must not panic: an allocator may not unwind.
pub fn during_allocations<R>(hook: fn(), f: impl FnOnce() -> R) -> R {
    HOOK.set(Some(hook));
    let result = f();
    HOOK.set(None);
    result
}

/// Not for allocations of the hook's own.
fn call_hook() {
    if let Some(hook) = HOOK.take() {
        hook();
        HOOK.set(Some(hook));
    }
}
