//! An allocator that takes the same few instructions on every machine. What the system's would take
//! depends on its version and on what was freed before; so allocations are told apart from
//! instructions. With the feature `malloc` it is the system's nevertheless.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Enough for every shape: nothing is given back. Only what is touched is ever mapped.
const SIZE: usize = 1 << 28;

/// Hands out one piece of [`MEMORY`] after the other.
struct Bump;

#[global_allocator]
static ALLOCATOR: Bump = Bump;

/// Where [`MEMORY`] begins: no allocation wants more.
const ALIGNMENT: usize = 4096;

#[repr(C, align(4096))]
struct Memory(UnsafeCell<[u8; SIZE]>);

// SAFETY: the cell is only ever used by its address, and no byte is handed out twice (`alloc`).
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([0; SIZE]));

/// How much of [`MEMORY`] is handed out.
static USED: AtomicUsize = AtomicUsize::new(0);

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// How many there were in this process.
pub(crate) fn allocations() -> usize {
    // ORDERING: Relaxed, no pair: a count.
    ALLOCATIONS.load(Ordering::Relaxed)
}

// SAFETY: each call of `alloc` moves `USED` over the bytes that it hands out, and nothing moves it
// back, so no two pieces overlap. They are within `MEMORY` and aligned, or null is returned. Or all
// is from the system's allocator.
unsafe impl GlobalAlloc for Bump {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // ORDERING: Relaxed, no pair: a count.
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        if cfg!(feature = "malloc") {
            // SAFETY: the caller keeps the contract of the same method.
            return unsafe { System.alloc(layout) };
        }
        // Room for moving the start up to the alignment.
        let wanted = layout.size() + layout.align() - 1;
        // ORDERING: Relaxed, no pair: the bytes that it hands out were never written.
        let used = USED.fetch_add(wanted, Ordering::Relaxed);
        if layout.align() > ALIGNMENT || used > SIZE || wanted > SIZE - used {
            return ptr::null_mut();
        }
        let start = used.next_multiple_of(layout.align());
        MEMORY.0.get().cast::<u8>().wrapping_add(start)
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if cfg!(feature = "malloc") {
            // SAFETY: it is from `alloc`, so from the system, and the caller keeps the contract.
            unsafe { System.dealloc(pointer, layout) };
        }
    }
}
