//! Models of the ring: each pair of what readers, those who leave, those who wait and the writer
//! do.

use super::*;
use crate::prim::{Arc, model, thread};

type Ring<T> = LapRing<T, ()>;

/// A ring of one slot, which holds a value for so many readers.
fn ring_of_one(readers: u32, fenced: bool) -> Arc<Ring<Arc<u64>>> {
    let ring = Arc::new(Ring::new(1, ()));
    ring.writer.lock().fenced = fenced;
    ring.grow(0);
    put(&ring, 0, readers);
    ring
}

fn at<T>(ring: &Ring<T>, pos: u64) -> Place<'_, T> {
    ring.slot(pos).expect("it was added")
}

/// Puts the message at `pos`; gives whether somebody is to be told.
fn put(ring: &Ring<Arc<u64>>, pos: u64, readers: u32) -> bool {
    let Ok(mut entry) = ring.lock().at(pos) else {
        panic!("there is a slot");
    };
    match entry.put(pos, readers, Arc::new(pos)) {
        Ok(aftermath) => aftermath.awaited,
        Err(value) => {
            let (aftermath, lapped) = entry.put_late(pos, readers, Boxed::new(value));
            drop(entry);
            // Both say so: `see_to` of a lapped slot tells on suspicion.
            let told = aftermath.awaited;
            drop(aftermath);
            told | lapped.see_to().awaited
        }
    }
}

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// The value; and whether somebody is to be told.
    Value(bool),
    /// Somebody else has it.
    Out,
    Absent,
}

/// Reads the message at `pos`, as a receiver does.
fn read(ring: &Ring<Arc<u64>>, pos: u64) -> Read {
    let place = at(ring, pos);
    match place.take(pos) {
        Taken::Lent(loan) if loan.is_last() => {
            assert_eq!(*loan.into_value(), pos);
            Read::Value(false)
        }
        Taken::Lent(loan) => {
            assert_eq!(*loan.clone_value(), pos);
            Read::Value(loan.end().awaited)
        }
        Taken::LentBox(boxed) => {
            assert_eq!(**boxed, pos);
            Read::Value(place.return_box(pos, boxed).awaited)
        }
        Taken::LastBox(boxed) => {
            assert_eq!(**boxed, pos);
            Read::Value(false)
        }
        Taken::Out => Read::Out,
        Taken::Absent => Read::Absent,
        Taken::Lapped(loan) => {
            drop(loan.end());
            Read::Absent
        }
    }
}

fn skip(ring: &Ring<Arc<u64>>, pos: u64) {
    drop(at(ring, pos).skip(pos));
}

fn in_thread<T: Send + 'static>(
    ring: &Arc<Ring<Arc<u64>>>,
    f: impl FnOnce(&Ring<Arc<u64>>) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let ring = Arc::clone(ring);
    thread::spawn(move || f(&ring))
}

/// Nothing is left: loom counts the values.
fn is_clean(ring: &Ring<Arc<u64>>, pos: u64) {
    assert!(ring.is_read(pos), "everyone has ended his claim");
    assert!(ring.aside.lock().is_empty(), "nothing was left aside");
    assert!(at(ring, pos).slot.home().is_empty(), "what was lapped did not stay");
}

/// I6: who finds a chunk finds its slots initialised, although no lock was taken yet.
#[test]
fn a_chunk_is_found_whole() {
    model(|| {
        let ring = Arc::new(Ring::<u8>::new(2, ()));
        let other = Arc::clone(&ring);
        let writer = thread::spawn(move || other.grow(0));
        if let Some(place) = ring.slot(1) {
            // loom compares this with the making of the cell.
            place.slot.touch();
            assert!(matches!(place.take(1), Taken::Absent));
        }
        writer.join().unwrap();
        assert!(ring.slot(0).is_some());
    });
}

/// Two writers add the same chunk: both go on with the one that was first.
#[test]
fn a_chunk_is_added_once() {
    model(|| {
        let ring = Arc::new(Ring::new(2, ()));
        let writers = [0, 1].map(|pos| {
            in_thread(&ring, move |ring| {
                ring.grow(pos);
                put(ring, pos, 1)
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        for pos in [0, 1] {
            assert_eq!(read(&ring, pos), Read::Value(false));
        }
    });
}

/// Take and end against put: whoever of the two comes later sees to what was lent.
#[test]
fn a_loan_meets_a_lap() {
    for fenced in [false, true] {
        model(move || {
            let ring = ring_of_one(2, fenced);
            let reader = in_thread(&ring, |ring| read(ring, 0));
            let writer = in_thread(&ring, |ring| put(ring, 1, 1));
            writer.join().unwrap();
            assert_ne!(reader.join().unwrap(), Read::Out);
            assert_eq!(read(&ring, 1), Read::Value(false));
            is_clean(&ring, 1);
        });
    }
}

/// The same, of the last reader; and a second lap.
#[test]
fn the_last_reader_meets_two_laps() {
    model(|| {
        let ring = ring_of_one(1, false);
        let reader = in_thread(&ring, |ring| read(ring, 0));
        let writer = in_thread(&ring, |ring| put(ring, 1, 1) | put(ring, 2, 1));
        writer.join().unwrap();
        assert_ne!(reader.join().unwrap(), Read::Out);
        assert_eq!(read(&ring, 1), Read::Absent);
        assert_eq!(read(&ring, 2), Read::Value(false));
        is_clean(&ring, 2);
    });
}

/// Take and end against skip: the claim of who leaves is ended by himself or by who has the value.
#[test]
fn a_loan_meets_a_skip() {
    for fenced in [false, true] {
        model(move || {
            let ring = ring_of_one(3, fenced);
            let reader = in_thread(&ring, |ring| read(ring, 0));
            let leaver = in_thread(&ring, |ring| skip(ring, 0));
            leaver.join().unwrap();
            // Whoever leaves has it for a moment, as a reader has.
            if reader.join().unwrap() == Read::Out {
                assert!(matches!(read(&ring, 0), Read::Value(_)));
            }
            assert_eq!(at(&ring, 0).slot.home().claims(), 1);
            assert_eq!(read(&ring, 0), Read::Value(false));
            is_clean(&ring, 0);
        });
    }
}

/// Of three claims, two readers' and one of who leaves, all are ended, whoever has the value then.
#[test]
fn two_loans_meet_a_skip() {
    model(|| {
        let ring = ring_of_one(3, false);
        let readers = [(); 2].map(|()| in_thread(&ring, |ring| read(ring, 0)));
        let leaver = in_thread(&ring, |ring| skip(ring, 0));
        leaver.join().unwrap();
        for came in readers.map(|reader| reader.join().unwrap()) {
            if came == Read::Out {
                assert!(matches!(read(&ring, 0), Read::Value(_)));
            }
        }
        is_clean(&ring, 0);
    });
}

/// Two who leave at once, and a reader.
#[test]
fn a_loan_meets_two_skips() {
    model(|| {
        let ring = ring_of_one(3, false);
        let reader = in_thread(&ring, |ring| read(ring, 0));
        let leavers = [(); 2].map(|()| in_thread(&ring, |ring| skip(ring, 0)));
        for leaver in leavers {
            leaver.join().unwrap();
        }
        if reader.join().unwrap() == Read::Out {
            assert_eq!(read(&ring, 0), Read::Value(false));
        }
        is_clean(&ring, 0);
    });
}

/// I7: who is told that the value is lent is told of its return, by who returns it.
#[test]
fn a_loan_meets_who_waits() {
    for fenced in [false, true] {
        model(move || {
            let ring = ring_of_one(3, fenced);
            let reader = in_thread(&ring, |ring| read(ring, 0));
            let waiter = in_thread(&ring, |ring| at(ring, 0).await_return(0));
            let told = reader.join().unwrap();
            let waits = waiter.join().unwrap();
            assert!(!waits || told == Read::Value(true), "nobody tells who waits");
            assert!(!at(&ring, 0).await_return(0));
        });
    }
}

/// I7: of two readers who have the value one after the other, one tells who waits.
#[test]
fn two_loans_meet_who_waits() {
    model(|| {
        let ring = ring_of_one(4, false);
        let readers = [(); 2].map(|()| in_thread(&ring, |ring| read(ring, 0)));
        let waiter = in_thread(&ring, |ring| at(ring, 0).await_return(0));
        let waits = waiter.join().unwrap();
        let told = readers.map(|reader| reader.join().unwrap());
        assert!(!waits || told.contains(&Read::Value(true)), "nobody tells who waits");
    });
}

/// I7: who waits is told, though the slot is lapped; by the writer or by who had the value.
#[test]
fn who_waits_meets_a_lap() {
    model(|| {
        let ring = ring_of_one(3, false);
        let reader = in_thread(&ring, |ring| read(ring, 0));
        let writer = in_thread(&ring, |ring| put(ring, 1, 1));
        let waiter = in_thread(&ring, |ring| at(ring, 0).await_return(0));
        let waits = waiter.join().unwrap();
        let told = [reader.join().unwrap() == Read::Value(true), writer.join().unwrap()];
        assert!(!waits || told.contains(&true), "nobody tells who waits");
        assert_eq!(read(&ring, 1), Read::Value(false));
        is_clean(&ring, 1);
    });
}

/// Skip against put: a claim that was lapped is void, and the one on the new message is not
/// touched.
#[test]
fn a_skip_meets_a_lap() {
    for fenced in [false, true] {
        model(move || {
            let ring = ring_of_one(2, fenced);
            let leaver = in_thread(&ring, |ring| skip(ring, 0));
            // As many claims as before: by them alone nobody can tell the two.
            let writer = in_thread(&ring, |ring| put(ring, 1, 2));
            writer.join().unwrap();
            leaver.join().unwrap();
            assert!(matches!(read(&ring, 1), Read::Value(_)));
            assert_eq!(read(&ring, 1), Read::Value(false));
            is_clean(&ring, 1);
        });
    }
}

/// All at once: one clones, one leaves, the writer laps.
#[test]
fn a_loan_meets_a_lap_and_a_skip() {
    model(|| {
        let ring = ring_of_one(3, false);
        let reader = in_thread(&ring, |ring| read(ring, 0));
        let leaver = in_thread(&ring, |ring| skip(ring, 0));
        let writer = in_thread(&ring, |ring| put(ring, 1, 2));
        leaver.join().unwrap();
        writer.join().unwrap();
        reader.join().unwrap();
        assert!(matches!(read(&ring, 1), Read::Value(_)));
        assert_eq!(read(&ring, 1), Read::Value(false));
        is_clean(&ring, 1);
    });
}

/// A reader of the new message meets one of the old one, and the writer.
#[test]
fn readers_of_two_laps_meet() {
    model(|| {
        let ring = ring_of_one(2, false);
        let old = in_thread(&ring, |ring| read(ring, 0));
        let new = in_thread(&ring, |ring| read(ring, 1));
        let writer = in_thread(&ring, |ring| put(ring, 1, 2));
        writer.join().unwrap();
        old.join().unwrap();
        if !matches!(new.join().unwrap(), Read::Value(_)) {
            assert!(matches!(read(&ring, 1), Read::Value(_)));
        }
        assert_eq!(read(&ring, 1), Read::Value(false));
        is_clean(&ring, 1);
    });
}

/// Two readers of a message that is aside, while the loan that was in its way ends.
#[test]
fn a_message_aside_is_read_by_two() {
    model(|| {
        let ring = ring_of_one(2, false);
        let Taken::Lent(old) = at(&ring, 0).take(0) else {
            panic!("nobody else has it");
        };
        put(&ring, 1, 2);
        let readers = [(); 2].map(|()| in_thread(&ring, |ring| read(ring, 1)));
        drop(old.end());
        for came in readers.map(|reader| reader.join().unwrap()) {
            if came == Read::Out {
                assert!(matches!(read(&ring, 1), Read::Value(_)));
            }
        }
        is_clean(&ring, 1);
    });
}
