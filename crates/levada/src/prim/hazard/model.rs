use super::*;
use crate::prim::{Arc, UnsafeCell, model, thread};

struct Shared {
    is_reachable: AtomicBool,
    value: UnsafeCell<usize>,
}

// SAFETY: the cell keeps it from being automatic. It is the protocol that has to keep the
// accesses apart.
unsafe impl Sync for Shared {}

/// A writer that has retracted the value, and finds its address unprotected, has it to itself.
#[test]
fn a_reader_is_found_or_finds_the_value_retracted() {
    model(|| {
        const ADDRESS: usize = 8;
        let (is_reachable, value) = (AtomicBool::new(true), UnsafeCell::new(0));
        let shared = Arc::new(Shared { is_reachable, value });
        let other = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            for _ in 0..2 {
                let pointer = protect(ADDRESS).unwrap();
                // ORDERING: Relaxed, no pair: the protocol's fences order it.
                if other.is_reachable.load(Ordering::Relaxed) {
                    // SAFETY: by the protocol, which is what is tested.
                    other.value.with(|value| unsafe { assert_eq!(*value, 0) });
                }
                pointer.clear();
            }
        });
        // ORDERING: Relaxed, no pair: the protocol's fences order it.
        shared.is_reachable.store(false, Ordering::Relaxed);
        // Without the system call this fence, and so the reader's, is one for the compiler only.
        asymmetric::heavy_fence();
        if cfg!(loom) && !is_protected(ADDRESS) {
            // SAFETY: by the protocol, which is what is tested.
            shared.value.with_mut(|value| unsafe { *value = 1 });
        }
        reader.join().unwrap();
        assert!(!is_protected(ADDRESS));
    });
}
