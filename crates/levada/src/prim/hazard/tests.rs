use super::*;
use std::thread;

/// An address for each test, as tests run at the same time.
static FULL: u8 = 0;
static THREAD: u16 = 0;
static FORGOTTEN: u32 = 0;

fn address() -> usize {
    (&raw const THREAD).addr()
}

#[test]
fn a_thread_protects_as_many_addresses_as_it_has_slots() {
    let address = (&raw const FULL).addr();
    let pointers: Vec<_> = (0..SLOTS).map(|_| protect(address).unwrap()).collect();
    assert!(protect(address).is_none() && is_protected(address));
    for pointer in pointers {
        assert!(is_protected(address) && is_protected_by_this_thread(address));
        thread::spawn(move || assert!(!is_protected_by_this_thread(address))).join().unwrap();
        pointer.clear();
    }
    assert!(!is_protected(address) && !is_protected_by_this_thread(address));
    let forgotten = protect(address).unwrap().index();
    clear_forgotten(address);
    assert!(!is_protected(address));
    assert_eq!(protect(address).map(HazardPointer::index), Some(forgotten));
    clear_forgotten(address);
}

/// I3: the next thread gets another record.
#[test]
fn a_record_with_a_forgotten_address_is_not_reused() {
    let address = (&raw const FORGOTTEN).addr();
    let protect_all = move |count| (0..count).for_each(|_| assert!(protect(address).is_some()));
    thread::spawn(move || protect_all(1)).join().unwrap();
    // Each of these threads finds all of its slots free.
    for _ in 0..3 {
        thread::spawn(move || protect_all(SLOTS)).join().unwrap();
    }
    clear_forgotten(address);
    assert!(!is_protected(address));
}

/// A thread that ends clears its slots in the record that it owned.
#[test]
fn a_thread_that_ends_clears_its_slots() {
    struct Late(Cell<Option<HazardPointer>>, usize);
    impl Drop for Late {
        fn drop(&mut self) {
            if let Some(pointer) = self.0.take() {
                pointer.clear();
            }
            assert!(!is_protected(self.1));
        }
    }
    thread_local! {
        static LATE: Late = Late(Cell::new(None), address());
    }
    for _ in 0..3 {
        thread::spawn(|| {
            LATE.with(|late| late.0.set(protect(late.1)));
            assert!(is_protected(address()));
        })
        .join()
        .unwrap();
    }
}
