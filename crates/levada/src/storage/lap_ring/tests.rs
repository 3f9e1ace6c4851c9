//! What one thread can do to a ring, every transition in turn.

use super::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Ring<T> = LapRing<T, ()>;

/// A ring of one chunk.
fn ring<T>(capacity: usize) -> Ring<T> {
    let ring = LapRing::new(capacity, ());
    ring.grow(0);
    ring
}

/// Rings whose readers have a fence of their own, and without.
fn rings() -> [Ring<char>; 2] {
    let rings = [ring(8), ring(8)];
    rings[1].writer.lock().fenced = false;
    rings
}

fn at<T>(ring: &Ring<T>, pos: u64) -> SlotRef<'_, T> {
    ring.slot(pos).expect("it was added")
}

/// All garbage, and whether waiting readers are to be notified.
fn ids<T>(deferred: Deferred<T>) -> (Vec<T>, bool) {
    let Deferred { garbage, notify } = deferred;
    let mut values: Vec<_> = garbage.value.into_iter().collect();
    values.extend(garbage.boxed.map(|boxed| *boxed));
    values.extend(garbage.overflow.into_values());
    (values, notify)
}

/// Puts a message, into the overflow list if need be.
fn put<T>(ring: &Ring<T>, pos: u64, readers: u32, value: T) -> (Vec<T>, bool) {
    let Ok(mut entry) = ring.lock().at(pos) else {
        panic!("there is a slot");
    };
    match entry.put(pos, readers, value) {
        Ok(deferred) => ids(deferred),
        Err(value) => {
            let (deferred, overflowed) = entry.put_overflowed(pos, readers, Boxed::new(value));
            drop(entry);
            let (mut values, notify) = ids(deferred);
            let (more, _) = ids(overflowed.finish());
            values.extend(more);
            (values, notify)
        }
    }
}

fn borrow<T>(ring: &Ring<T>, pos: u64) -> Borrow<'_, T> {
    match at(ring, pos).borrow(pos) {
        Found::InSlot(borrow) => borrow,
        _ => panic!("the value is in its slot, and free"),
    }
}

fn borrow_box<T>(ring: &Ring<T>, pos: u64) -> Box<T> {
    match at(ring, pos).borrow(pos) {
        Found::InBox(boxed) => boxed,
        _ => panic!("the value is in a box, and free"),
    }
}

fn last_box<T>(ring: &Ring<T>, pos: u64) -> T {
    match at(ring, pos).borrow(pos) {
        Found::LastInBox(boxed) => *boxed,
        _ => panic!("the value itself, in a box"),
    }
}

/// The value, for its last reader.
fn last<T: Clone>(ring: &Ring<T>, pos: u64) -> T {
    let borrowed = borrow(ring, pos);
    if borrowed.is_last() {
        return borrowed.into_value();
    }
    let value = borrowed.clone_value();
    assert!(ids(borrowed.end()).0.is_empty());
    assert!(ring.is_read(pos));
    value
}

fn is_busy<T>(ring: &Ring<T>, pos: u64) -> bool {
    let at_once = matches!(at(ring, pos).borrow_fast(pos), Err(Missed::Busy));
    at_once && matches!(at(ring, pos).borrow(pos), Found::Busy)
}

fn is_absent<T>(ring: &Ring<T>, pos: u64) -> bool {
    matches!(at(ring, pos).borrow(pos), Found::Absent)
}

fn skip<T>(ring: &Ring<T>, pos: u64) -> Vec<T> {
    ids(at(ring, pos).skip(pos)).0
}

#[test]
fn every_index_has_a_slot_of_its_own() {
    for capacity in [1, 2, 8, 16, 32, 64, 128, 1024] {
        let ring = Ring::<u8>::new(capacity, ());
        let mut seen = std::collections::HashSet::new();
        for pos in 0..capacity as u64 {
            if ring.slot(pos).is_none() {
                ring.grow(pos);
            }
            let slot: *const _ = at(&ring, pos).slot;
            assert!(seen.insert(slot), "position {pos} of {capacity}");
            let lap: *const _ = at(&ring, pos + capacity as u64).slot;
            assert_eq!(slot, lap);
        }
        let slots: usize = (0..ring.chunks.len()).map(|chunk| ring.chunk_len(chunk)).sum();
        assert_eq!(slots, capacity);
    }
}

#[test]
fn the_largest_ring_costs_no_more_than_its_directory() {
    let capacity = usize::MAX / 2 + 1;
    let ring = Ring::<u8>::new(capacity, ());
    assert!(ring.chunks.len() <= 64);
    assert_eq!(locate(capacity - 1).0, ring.chunks.len() - 1);
    assert!(ring.slot(0).is_none());
}

#[test]
fn a_slot_is_its_value_and_two_words() {
    assert_eq!(size_of::<Slot<u64>>(), 24);
    assert_eq!(size_of::<Slot<[u64; 32]>>(), 272);
}

#[test]
fn starts_again_when_all_is_read() {
    let first = FIRST as u64;
    let ring = Ring::<String>::new(1024, ());
    assert!(!ring.lock().restart(0), "there is no first slot yet");
    ring.grow(0);
    for pos in 0..first {
        assert_eq!(put(&ring, pos, 1, pos.to_string()), (vec![], false));
    }
    assert!(ring.slot(first).is_none());
    assert!(!ring.lock().restart(first), "the last message is unread");
    let old = ring.origin();
    assert_eq!(last(&ring, first - 1), (first - 1).to_string());
    assert!(ring.lock().restart(first), "the last message is read, so all are");
    assert!(ring.slot(first).is_some());
    assert!(ring.is_read(first - 1), "an old position never finds a newer message");
    let left = ring.slot_from(old, 3).unwrap().skip(3);
    assert_eq!(ids(left).0, ["3"], "a receiver that leaves still finds what it has to skip");
}

#[test]
fn the_table_of_transitions() {
    for ring in rings() {
        assert!(is_absent(&ring, 0), "vacant");
        // empty -> full
        assert_eq!(put(&ring, 0, 4, 'a'), (vec![], false));
        assert!(is_absent(&ring, 8), "another stamp");
        // full -> borrowed
        let borrowed = borrow(&ring, 0);
        assert_eq!(borrowed.clone_value(), 'a');
        assert!(is_busy(&ring, 0) && !ring.is_read(0));
        // stamp -> NOTIFY, by a receiver that leaves and one that waits
        assert!(skip(&ring, 0).is_empty());
        assert!(at(&ring, 0).notify_on_return(0) && at(&ring, 0).notify_on_return(0));
        // borrowed -> full, one less; NOTIFY -> stamp: the deferred skip is done, too
        assert_eq!(ids(borrowed.end()), (vec![], true));
        assert!(!at(&ring, 0).slot.stamp().has_notify());
        assert_eq!(at(&ring, 0).slot.state().readers_left(), 2);
        assert!(!at(&ring, 0).notify_on_return(0), "it is returned");
        // full -> borrowed -> full, one less: skipped
        assert!(skip(&ring, 0).is_empty() && !ring.is_read(0));
        // full -> borrowed -> empty
        assert_eq!(last(&ring, 0), 'a');
        assert!(ring.is_read(0) && is_absent(&ring, 0));
        assert!(skip(&ring, 0).is_empty());
        // full -> writing -> full
        assert_eq!(put(&ring, 8, 2, 'b'), (vec![], false));
        assert_eq!(put(&ring, 16, 2, 'c'), (vec![], false), "a char needs no drop");
        assert!(is_absent(&ring, 8) && skip(&ring, 8).is_empty());
        // borrowed -> empty, by the deferred skip
        let borrowed = borrow(&ring, 16);
        assert!(skip(&ring, 16).is_empty());
        assert_eq!(ids(borrowed.end()), (vec![], true));
        assert!(ring.is_read(16));
    }
}

#[test]
fn the_last_reader_returns_a_value_that_needs_drop() {
    let ring = ring(8);
    let put = |pos, readers, value: &str| put(&ring, pos, readers, String::from(value));
    assert_eq!(put(0, 2, "a"), (vec![], false));
    assert_eq!(put(8, 2, "b"), (vec!["a".into()], false), "overwritten");
    assert!(skip(&ring, 8).is_empty());
    assert_eq!(skip(&ring, 8), ["b"], "skipped by the last");
    assert_eq!(put(16, 2, "c"), (vec![], false));
    let borrowed = borrow(&ring, 16);
    assert!(!borrowed.is_last() && skip(&ring, 16).is_empty());
    assert_eq!(ids(borrowed.end()), (vec!["c".into()], true), "skipped by the last during a clone");
    assert!(ring.is_read(16));
    assert_eq!(put(24, 1, "d"), (vec![], false));
    assert_eq!(last(&ring, 24), "d", "read by the last");
}

#[test]
fn the_writer_overwrites() {
    for fenced in [false, true] {
        let ring = ring(8);
        ring.writer.lock().fenced = fenced;
        let put = |pos, readers, value: &str| put(&ring, pos, readers, String::from(value));
        assert_eq!(put(0, 3, "a"), (vec![], false));
        // Borrowed, and overwritten meanwhile: the new message overflows, the old one is garbage.
        let old = borrow(&ring, 0);
        assert!(at(&ring, 0).notify_on_return(0) && skip(&ring, 0).is_empty());
        assert_eq!(put(8, 3, "b"), (vec![], true));
        assert!(!at(&ring, 0).notify_on_return(0) && is_absent(&ring, 0));
        // A box is borrowed, and read by the last, as a slot is.
        let boxed = borrow_box(&ring, 8);
        assert!(is_busy(&ring, 8) && at(&ring, 8).notify_on_return(8) && !ring.is_read(8));
        assert_eq!((old.clone_value().as_str(), boxed.as_str()), ("a", "b"));
        assert_eq!(ids(at(&ring, 8).return_box(8, boxed)), (vec![], true));
        assert!(!at(&ring, 8).notify_on_return(8), "it is returned");
        assert_eq!(ids(old.end()), (vec!["a".into()], true));
        assert!(skip(&ring, 8).is_empty());
        assert_eq!(last_box(&ring, 8), "b");
        assert!(ring.is_read(8));
        // The next message is in the slot again.
        assert_eq!(put(16, 2, "c"), (vec![], false));
        // Overwritten twice in the course of one clone, and a third time in the course of another.
        let old = borrow(&ring, 16);
        assert_eq!(put(24, 2, "d"), (vec![], false));
        let boxed = borrow_box(&ring, 24);
        assert_eq!(put(32, 1, "e"), (vec![], false));
        assert_eq!(put(40, 1, "f"), (vec!["e".into()], false));
        assert_eq!(ids(at(&ring, 24).return_box(24, boxed)), (vec!["d".into()], false));
        assert_eq!(ids(old.end()), (vec!["c".into()], true));
        assert_eq!(put(48, 1, "g"), (vec!["f".into()], false));
        assert_eq!(skip(&ring, 48), ["g"]);
        // A box that is borrowed while its last other reader skips it.
        assert_eq!(put(56, 2, "h"), (vec![], false));
        let old = borrow(&ring, 56);
        assert_eq!(put(64, 2, "i"), (vec![], false));
        let boxed = borrow_box(&ring, 64);
        assert!(skip(&ring, 64).is_empty());
        assert_eq!(ids(at(&ring, 64).return_box(64, boxed)), (vec!["i".into()], false));
        assert_eq!(ids(old.end()), (vec!["h".into()], true));
        assert!(ring.is_read(64) && ring.overflow.lock().is_empty());
    }
}

/// A reader that has borrowed a newer message in place of its own returns it, and notifies.
#[test]
fn a_reader_that_lagged_returns_a_newer_message() {
    for ring in rings() {
        assert_eq!(put(&ring, 8, 2, 'b'), (vec![], false));
        let slot = at(&ring, 8);
        let state = slot.slot.state();
        // As `borrow` does it for position 0, if the writer comes between its load of the stamp and
        // its exchange.
        let borrowed = borrow(&ring, 8);
        assert!(slot.notify_on_return(8));
        drop(borrowed);
        let borrowed = Borrow::for_test(slot, 0, state.readers_left());
        assert_eq!(ids(borrowed.end()), (vec![], true));
        assert_eq!(slot.slot.state(), state);
        assert!(!slot.slot.stamp().has_notify());
    }
}

#[test]
#[cfg_attr(any(miri, not(target_os = "linux")), ignore = "there is no heavy fence")]
fn readers_are_unfenced() {
    let ring = ring(8);
    put(&ring, 0, 1, 'a');
    assert!(at(&ring, 0).slot.stamp().needs_fence());
    // Far longer than it takes; only a hang reaches it.
    let deadline = Instant::now() + Duration::from_secs(60);
    while ring.writer.lock().fenced && Instant::now() < deadline {
        ring.unfence_readers();
        std::thread::yield_now();
    }
    put(&ring, 1, 1, 'b');
    assert!(!at(&ring, 1).slot.stamp().needs_fence());
}

#[test]
fn a_slot_drops_what_is_in_it() {
    let value = Arc::new(());
    let ring = ring(2);
    put(&ring, 0, 2, value.clone());
    put(&ring, 1, 2, value.clone());
    let borrowed = borrow(&ring, 1);
    put(&ring, 3, 2, value.clone());
    drop(ids(borrowed.end()));
    assert_eq!(Arc::strong_count(&value), 3, "in the slot and in the overflow list");
    drop(ring);
    assert_eq!(Arc::strong_count(&value), 1);
}
