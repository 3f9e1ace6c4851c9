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

fn at<T>(ring: &Ring<T>, pos: u64) -> Place<'_, T> {
    ring.slot(pos).expect("it was added")
}

/// Everything that is dead, and whether somebody is to be told.
fn ids<T>(aftermath: Aftermath<T>) -> (Vec<T>, bool) {
    let Aftermath { dead, awaited } = aftermath;
    let mut values: Vec<_> = dead.value.into_iter().collect();
    values.extend(dead.boxed.map(|boxed| *boxed));
    values.extend(dead.aside.into_values());
    (values, awaited)
}

/// Puts a message, aside if it has to be.
fn put<T>(ring: &Ring<T>, pos: u64, readers: u32, value: T) -> (Vec<T>, bool) {
    let Ok(mut entry) = ring.lock().at(pos) else {
        panic!("there is a slot");
    };
    match entry.put(pos, readers, value) {
        Ok(aftermath) => ids(aftermath),
        Err(value) => {
            let (aftermath, lapped) = entry.put_late(pos, readers, Boxed::new(value));
            drop(entry);
            let (mut dead, awaited) = ids(aftermath);
            let (more, _) = ids(lapped.see_to());
            dead.extend(more);
            (dead, awaited)
        }
    }
}

fn lend<T>(ring: &Ring<T>, pos: u64) -> Loan<'_, T> {
    match at(ring, pos).take(pos) {
        Taken::Lent(loan) => loan,
        _ => panic!("a loan"),
    }
}

fn lend_box<T>(ring: &Ring<T>, pos: u64) -> Box<T> {
    match at(ring, pos).take(pos) {
        Taken::LentBox(boxed) => boxed,
        _ => panic!("a loan in a box"),
    }
}

fn last_box<T>(ring: &Ring<T>, pos: u64) -> T {
    match at(ring, pos).take(pos) {
        Taken::LastBox(boxed) => *boxed,
        _ => panic!("the value itself, in a box"),
    }
}

/// The value, for its last reader.
fn last<T: Clone>(ring: &Ring<T>, pos: u64) -> T {
    let loan = lend(ring, pos);
    if loan.is_last() {
        return loan.into_value();
    }
    let value = loan.clone_value();
    assert!(ids(loan.end()).0.is_empty());
    assert!(ring.is_read(pos));
    value
}

fn is_out<T>(ring: &Ring<T>, pos: u64) -> bool {
    let at_once = matches!(at(ring, pos).take_at_once(pos), Err(Missed::Out));
    at_once && matches!(at(ring, pos).take(pos), Taken::Out)
}

fn is_absent<T>(ring: &Ring<T>, pos: u64) -> bool {
    matches!(at(ring, pos).take(pos), Taken::Absent)
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
    assert_eq!(ids(left).0, ["3"], "who is leaving still finds what it has a claim on");
}

#[test]
fn the_table_of_transitions() {
    for ring in rings() {
        assert!(is_absent(&ring, 0), "vacant");
        // empty -> held
        assert_eq!(put(&ring, 0, 4, 'a'), (vec![], false));
        assert!(is_absent(&ring, 8), "another stamp");
        // held -> lent
        let loan = lend(&ring, 0);
        assert_eq!(loan.clone_value(), 'a');
        assert!(is_out(&ring, 0) && !ring.is_read(0));
        // stamp -> CALLED, by who leaves and who waits
        assert!(skip(&ring, 0).is_empty());
        assert!(at(&ring, 0).await_return(0) && at(&ring, 0).await_return(0));
        // lent -> held, one less; CALLED -> stamp: the claim that was left is ended, too
        assert_eq!(ids(loan.end()), (vec![], true));
        assert!(!at(&ring, 0).slot.stamp().is_called());
        assert_eq!(at(&ring, 0).slot.home().claims(), 2);
        assert!(!at(&ring, 0).await_return(0), "it is back");
        // held -> lent -> held, one less: skipped
        assert!(skip(&ring, 0).is_empty() && !ring.is_read(0));
        // held -> lent -> empty
        assert_eq!(last(&ring, 0), 'a');
        assert!(ring.is_read(0) && is_absent(&ring, 0));
        assert!(skip(&ring, 0).is_empty());
        // held -> written -> held
        assert_eq!(put(&ring, 8, 2, 'b'), (vec![], false));
        assert_eq!(put(&ring, 16, 2, 'c'), (vec![], false), "owns nothing");
        assert!(is_absent(&ring, 8) && skip(&ring, 8).is_empty());
        // lent -> empty, by the claim that was left
        let loan = lend(&ring, 16);
        assert!(skip(&ring, 16).is_empty());
        assert_eq!(ids(loan.end()), (vec![], true));
        assert!(ring.is_read(16));
    }
}

#[test]
fn what_owns_something_is_given_back_by_the_last() {
    let ring = ring(8);
    let put = |pos, readers, value: &str| put(&ring, pos, readers, String::from(value));
    assert_eq!(put(0, 2, "a"), (vec![], false));
    assert_eq!(put(8, 2, "b"), (vec!["a".into()], false), "displaced");
    assert!(skip(&ring, 8).is_empty());
    assert_eq!(skip(&ring, 8), ["b"], "skipped by the last");
    assert_eq!(put(16, 2, "c"), (vec![], false));
    let loan = lend(&ring, 16);
    assert!(!loan.is_last() && skip(&ring, 16).is_empty());
    assert_eq!(ids(loan.end()), (vec!["c".into()], true), "left by the last");
    assert!(ring.is_read(16));
    assert_eq!(put(24, 1, "d"), (vec![], false));
    assert_eq!(last(&ring, 24), "d", "read by the last");
}

#[test]
fn the_writer_laps() {
    for fenced in [false, true] {
        let ring = ring(8);
        ring.writer.lock().fenced = fenced;
        let put = |pos, readers, value: &str| put(&ring, pos, readers, String::from(value));
        assert_eq!(put(0, 3, "a"), (vec![], false));
        // Lent, and lapped meanwhile: the new one is aside, the old one does not come back.
        let old = lend(&ring, 0);
        assert!(at(&ring, 0).await_return(0) && skip(&ring, 0).is_empty());
        assert_eq!(put(8, 3, "b"), (vec![], true));
        assert!(!at(&ring, 0).await_return(0) && is_absent(&ring, 0));
        // A box is lent, and read by the last, as a home is.
        let boxed = lend_box(&ring, 8);
        assert!(is_out(&ring, 8) && at(&ring, 8).await_return(8) && !ring.is_read(8));
        assert_eq!((old.clone_value().as_str(), boxed.as_str()), ("a", "b"));
        assert_eq!(ids(at(&ring, 8).return_box(8, boxed)), (vec![], true));
        assert!(!at(&ring, 8).await_return(8), "it is back");
        assert_eq!(ids(old.end()), (vec!["a".into()], true));
        assert!(skip(&ring, 8).is_empty());
        assert_eq!(last_box(&ring, 8), "b");
        assert!(ring.is_read(8));
        // The next one is at home again.
        assert_eq!(put(16, 2, "c"), (vec![], false));
        // Lapped twice in the course of one clone, and then a third time in the course of another.
        let old = lend(&ring, 16);
        assert_eq!(put(24, 2, "d"), (vec![], false));
        let boxed = lend_box(&ring, 24);
        assert_eq!(put(32, 1, "e"), (vec![], false));
        assert_eq!(put(40, 1, "f"), (vec!["e".into()], false));
        assert_eq!(ids(at(&ring, 24).return_box(24, boxed)), (vec!["d".into()], false));
        assert_eq!(ids(old.end()), (vec!["c".into()], true));
        assert_eq!(put(48, 1, "g"), (vec!["f".into()], false));
        assert_eq!(skip(&ring, 48), ["g"]);
        // A box that is lent while its last claim is given up.
        assert_eq!(put(56, 2, "h"), (vec![], false));
        let old = lend(&ring, 56);
        assert_eq!(put(64, 2, "i"), (vec![], false));
        let boxed = lend_box(&ring, 64);
        assert!(skip(&ring, 64).is_empty());
        assert_eq!(ids(at(&ring, 64).return_box(64, boxed)), (vec!["i".into()], false));
        assert_eq!(ids(old.end()), (vec!["h".into()], true));
        assert!(ring.is_read(64) && ring.aside.lock().is_empty());
    }
}

/// Who took the home of a newer message for an older one gives it back, and tells who wants it.
#[test]
fn a_reader_that_was_lapped_gives_back_what_is_not_its_own() {
    for ring in rings() {
        assert_eq!(put(&ring, 8, 2, 'b'), (vec![], false));
        let place = at(&ring, 8);
        let home = place.slot.home();
        // As `take` does it for position 0, if the writer comes between its first look and its
        // exchange.
        let loan = lend(&ring, 8);
        assert!(place.await_return(8));
        drop(loan);
        let loan = Loan::for_test(place, 0, home.claims());
        assert_eq!(ids(loan.end()), (vec![], true));
        assert_eq!(place.slot.home(), home);
        assert!(!place.slot.stamp().is_called());
    }
}

#[test]
#[cfg_attr(any(miri, not(target_os = "linux")), ignore = "there is no heavy fence")]
fn fences_are_given_up() {
    let ring = ring(8);
    put(&ring, 0, 1, 'a');
    assert!(at(&ring, 0).slot.stamp().is_fenced());
    // Far longer than it takes; only a hang gets there.
    let deadline = Instant::now() + Duration::from_secs(60);
    while ring.writer.lock().fenced && Instant::now() < deadline {
        ring.relax();
        std::thread::yield_now();
    }
    put(&ring, 1, 1, 'b');
    assert!(!at(&ring, 1).slot.stamp().is_fenced());
}

#[test]
fn a_slot_drops_what_is_in_it() {
    let value = Arc::new(());
    let ring = ring(2);
    put(&ring, 0, 2, value.clone());
    put(&ring, 1, 2, value.clone());
    let loan = lend(&ring, 1);
    put(&ring, 3, 2, value.clone());
    drop(ids(loan.end()));
    assert_eq!(Arc::strong_count(&value), 3, "at home and aside");
    drop(ring);
    assert_eq!(Arc::strong_count(&value), 1);
}
