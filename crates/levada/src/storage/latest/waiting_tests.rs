//! Readers and writers that wait for each other, step by step. Only a thread that holds no snapshot
//! of the value waits for a writer that waits, so each new reader is a thread of its own.

use super::phase_fair::{BUDGET, OVERLAPPING_READ_COST};
use super::tests::TestOwner;
use super::*;
use std::thread;

const OVERLAPPING: usize = (BUDGET / OVERLAPPING_READ_COST) as usize;

/// Runs `f` on a thread that holds no snapshot.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

/// How many snapshots new threads take, one after the other, until one is rejected.
fn new_readers<T: Send + Sync>(owner: &TestOwner<T>) -> usize {
    elsewhere(|| (0..1 << 20).take_while(|_| Snapshot::take(owner).is_some()).count())
}

#[test]
fn a_writer_is_overtaken_by_a_bounded_number_of_reads() {
    let owner = TestOwner::new(0);
    let (snapshot, _) = owner.snapshot();
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    assert_eq!(new_readers(&owner), OVERLAPPING);
    // A thread that holds a snapshot may take any number of further ones: the writer waits for it.
    for _ in 0..2 * BUDGET {
        drop(owner.snapshot());
    }
    drop(snapshot);
    assert_eq!(
        (new_readers(&owner), owner.notified()),
        (0, 1),
        "the writer is notified, and in the current batch"
    );
    let mut guard = waiting.take().unwrap();
    *guard = 1;
    assert_eq!(new_readers(&owner), 0);
    drop(guard);
    assert!(owner.latest.entry.locked().is_open());
    assert_eq!(*owner.snapshot().0, 1);
    assert!(!owner.is_contended() && owner.latest.entry.locked().is_open());
}

/// The same where the writer is notified at once, and slow to come.
#[test]
fn a_slow_writer_is_overtaken_by_a_bounded_number_of_reads() {
    let owner = TestOwner::new(0);
    let (snapshot, _) = owner.snapshot();
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    drop(snapshot);
    owner.publish(1);
    assert!(!owner.latest.entry.locked().is_open(), "readers of the next value are counted");
    assert_eq!(new_readers(&owner), BUDGET as usize);
    assert!(WriteGuard::take(&owner).is_none(), "new writers spend the budget as well");
    assert!(waiting.take().is_some());
}

/// Snapshots of an earlier value, or of another channel, do not count.
#[test]
#[expect(clippy::mem_forget, reason = "a snapshot that another thread keeps")]
fn a_thread_that_holds_another_value_waits_as_others_do() {
    let (owner, other) = (TestOwner::new(0), TestOwner::new(0));
    let (_earlier, _) = owner.snapshot();
    owner.publish(1);
    elsewhere(|| mem::forget(owner.snapshot()));
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    let _others = (other.snapshot(), other.snapshot());
    let mut snapshots = 0;
    while Snapshot::take(&owner).is_some() {
        snapshots += 1;
    }
    assert_eq!(snapshots, OVERLAPPING);
    // Publishing another value admits the writer.
    owner.publish(2);
    *waiting.take().unwrap() += 1;
    assert_eq!(*owner.snapshot().0, 3);
}

/// The same for a snapshot taken without the lock.
#[test]
fn a_hazard_reader_takes_another_snapshot() {
    let owner = TestOwner::new(0);
    owner.expose();
    let (snapshot, _) = owner.snapshot();
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    assert_eq!(new_readers(&owner), OVERLAPPING);
    for _ in 0..2 * BUDGET {
        drop(owner.snapshot());
    }
    drop(snapshot);
    assert_eq!(new_readers(&owner), 0);
    assert!(waiting.take().is_some());
}

/// A reader that finds the value written again and again gets a phase.
#[test]
fn a_reader_is_overtaken_by_a_bounded_number_of_writes() {
    let owner = TestOwner::new(0);
    let mut waiting = None;
    let mut snapshots = 0;
    while let Some(mut guard) = WriteGuard::take(&owner) {
        *guard += 1;
        assert!(waiting.get_or_insert_with(|| WaitingReader::new(&owner)).take().is_none());
        snapshots += 1;
        assert!(snapshots < 10, "the reader is never admitted");
    }
    assert!(snapshots > 1, "new writers are admitted while the reader wakes up");
    let mut writer = WaitingWriter::new(&owner);
    assert!(writer.take().is_none());
    let mut waiting = waiting.unwrap();
    let (snapshot, _) = waiting.take().unwrap();
    assert!(writer.take().is_none() && *snapshot == snapshots);
    drop(snapshot);
    assert!(writer.take().is_some());
}

/// A snapshot that never ends makes the writer wait for ever, but readers only for a while.
#[test]
#[expect(clippy::mem_forget, reason = "what it does is what is tested")]
fn readers_overtake_a_writer_that_waits_for_too_long() {
    let owner = TestOwner::new(0);
    elsewhere(|| mem::forget(owner.snapshot()));
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    let mut before = new_readers(&owner);
    for round in 1..=2 {
        let mut reader = WaitingReader::new(&owner);
        assert!(reader.take().is_none());
        reader.extend_budget();
        assert_eq!(owner.notified(), round, "other readers are notified");
        assert!(reader.take().is_some());
        let now = new_readers(&owner);
        assert!(now > 10 * before, "{now} after {before}");
        before = now;
    }
    assert!(waiting.take().is_none());
}

#[test]
fn a_waiting_thread_may_give_up() {
    let owner = TestOwner::new(0);
    let (snapshot, _) = owner.snapshot();
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    assert_eq!(new_readers(&owner), OVERLAPPING);
    drop(waiting);
    assert_eq!((owner.notified(), owner.is_contended()), (1, false));
    drop(snapshot);
    let guard = WriteGuard::take(&owner).unwrap();
    let mut reader = WaitingReader::new(&owner);
    assert!((0..10).all(|_| reader.take().is_none()));
    drop(guard);
    assert!(WriteGuard::take(&owner).is_none(), "it is the readers' phase");
    drop(reader);
    assert!(WriteGuard::take(&owner).is_some());
}

/// While a writer waits the value is not exposed, and the count of reads starts over afterwards.
#[test]
fn a_contended_value_is_not_exposed() {
    let owner = TestOwner::new(0);
    let (snapshot, _) = owner.snapshot();
    let mut waiting = WaitingWriter::new(&owner);
    assert!(waiting.take().is_none());
    owner.latest.expose();
    assert!(owner.is_contended() && !owner.latest.inner.lock().is_exposed());
    drop(snapshot);
    drop(waiting.take().unwrap());
    assert!(!owner.is_contended());
    assert_eq!(owner.latest.entry.locked().count(), 0);
}
