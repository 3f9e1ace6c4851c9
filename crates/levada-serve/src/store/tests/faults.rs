//! Disks that fail, and machines that lose power.

use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;

use super::super::disk::DiskStore;
use super::super::{Change, Durability, Store, StoreErrorKind};
use super::simulated::Disk;
use super::{accept, contents, finish, ids, input_of, queued};
use crate::jobs::record::{JobId, Moment};

/// So large that it goes to a file.
const LARGE: usize = 70_000;

/// Without a cache, so that what is read comes from the disk.
fn open(dir: &Path, disk: &Disk) -> DiskStore {
    DiskStore::open_on(dir, disk.clone(), 0).unwrap()
}

/// Three jobs in three commits: one that waits, one that has succeeded, and one of which the disk need not know.
fn fill(store: &DiskStore) -> [JobId; 3] {
    let ids = [JobId::next(), JobId::next(), JobId::next()];
    store.commit(&[accept(ids[0], b"first"), accept(ids[1], b"second")], Durability::Now).unwrap();
    let output = [1; LARGE];
    let end = finish(queued(ids[1], b"second"), Moment(5), &output);
    store.commit(&[end], Durability::Now).unwrap();
    store.commit(&[accept(ids[2], b"third")], Durability::Later).unwrap();
    ids
}

#[test]
fn a_fault_at_any_call_stops_the_writing_and_not_the_reading() {
    let new = JobId::next();
    let change = [accept(new, &[7; 20_000])];
    // Until it is more calls than the commit makes.
    for call in 0.. {
        let (dir, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        let store = open(dir.path(), &disk);
        let jobs = fill(&store);
        let before = contents(&store, &jobs);

        disk.fail_at(call, ErrorKind::Other);
        let Err(error) = store.commit(&change, Durability::Now) else {
            assert!(call > 3, "a commit writes and syncs; this made {call} calls");
            break;
        };
        assert_eq!(error.kind, StoreErrorKind::Io, "{error}");

        // The disk would work again: nobody tries.
        disk.fail_at(usize::MAX / 2, ErrorKind::Other);
        let calls = disk.calls();
        for durability in [Durability::Now, Durability::Later] {
            let later = store.commit(&[accept(JobId::next(), b"")], durability);
            assert_eq!(later, Err(error.clone()));
        }
        assert_eq!(contents(&store, &jobs), before, "after a fault at call {call}");
        assert_eq!(store.record(new), Ok(None));
        assert_eq!(ids(&store.unfinished().unwrap()), [jobs[0], jobs[2]]);
        drop(store);
        assert_eq!(disk.calls(), calls, "written after a fault at call {call}");

        // What was on the disk still is. Of what was not, there is all or nothing.
        let store = open(dir.path(), &disk);
        assert_eq!(contents(&store, &jobs[..2]), before[..2]);
        if let Some(record) = store.record(new).unwrap() {
            assert_eq!(record, queued(new, &[7; 20_000]));
            assert_eq!(input_of(&store, new), Ok(Some(Bytes::from_static(&[7; 20_000]))));
        }
    }
}

#[test]
fn a_full_disk_is_told_apart() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Disk::default());
    let store = open(dir.path(), &disk);
    disk.fail_at(0, ErrorKind::StorageFull);
    let error = store.commit(&[accept(JobId::next(), b"")], Durability::Now).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert!(error.message.contains("the database"), "{error}");
}

#[test]
fn a_disk_that_fails_while_the_store_is_opened_is_an_error() {
    let disk = Disk::default();
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), &disk));
    let calls = disk.calls();
    assert!(calls > 3);
    for call in 0..calls {
        let disk = Disk::default();
        disk.fail_at(call, ErrorKind::StorageFull);
        let opened = DiskStore::open_on(dir.path(), disk.clone(), 0);
        // The last calls are those of closing it.
        match opened.map(drop) {
            Ok(()) => assert!(call > 3, "opened in spite of a fault at call {call}"),
            Err(error) => assert_eq!(error.kind, StoreErrorKind::Full, "{error}"),
        }
    }
}

/// One life of a store: random commits until the power fails at a random call.
fn until_power_fails(
    random: &mut fastrand::Rng,
    dir: &Path,
    disk: &Disk,
    expected: &mut Vec<(JobId, Vec<u8>)>,
) -> Vec<Change> {
    let store = match DiskStore::open_on(dir, disk.clone(), 0) {
        Ok(store) => store,
        Err(error) => panic!("what a loss of power left cannot be opened: {error}"),
    };
    check(&store, expected);
    disk.fail_at(random.usize(0..60), ErrorKind::Other);
    let mut unsure = Vec::new();
    loop {
        let lengths = [0, 10, 5_000, LARGE];
        let jobs: Vec<_> = (0..random.usize(1..4))
            .map(|_| (JobId::next(), vec![random.u8(..); lengths[random.usize(0..4)]]))
            .collect();
        let changes: Vec<_> = jobs.iter().map(|(id, input)| accept(*id, input)).collect();
        let durability = if random.bool() { Durability::Now } else { Durability::Later };
        let result = store.commit(&changes, durability);
        unsure.extend(changes);
        match (result, durability) {
            (Ok(()), Durability::Now) => expected.extend(unsure.drain(..).map(accepted)),
            (Ok(()), Durability::Later) => {}
            (Err(_), _) => return unsure,
        }
    }
}

fn accepted(change: Change) -> (JobId, Vec<u8>) {
    match change {
        Change::Accept { record, input } => (record.id, input.whole().unwrap().to_vec()),
        _ => unreachable!("only jobs are accepted here"),
    }
}

fn check(store: &DiskStore, expected: &[(JobId, Vec<u8>)]) {
    for (id, input) in expected {
        assert_eq!(store.record(*id), Ok(Some(queued(*id, input))));
        assert_eq!(input_of(store, *id).unwrap().as_deref(), Some(&input[..]));
    }
    let unfinished = store.unfinished().unwrap();
    for record in &unfinished {
        let input = input_of(store, record.id).unwrap().unwrap();
        assert_eq!(input.len() as u64, record.input_bytes, "half of a job is there");
    }
    assert!(unfinished.len() >= expected.len());
}

#[test]
fn a_loss_of_power_after_a_store_was_made_leaves_it() {
    let mut random = fastrand::Rng::with_seed(0);
    for share in 0..5 {
        let (dir, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        drop(open(dir.path(), &disk));
        let disk = disk.after_power_loss(|| random.u8(0..4) < share);
        let store = open(dir.path(), &disk);
        store.commit(&[accept(JobId::next(), b"first")], Durability::Now).unwrap();
    }
}

#[test]
fn what_was_committed_survives_losses_of_power() {
    let mut lost = 0;
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut disk = Disk::default();
        let mut expected = Vec::new();
        for _ in 0..4 {
            let unsure = until_power_fails(&mut random, dir.path(), &disk, &mut expected);
            // Some disks keep nothing of what was not synced, some much.
            let share = random.u8(0..5);
            disk = disk.after_power_loss(|| random.u8(0..4) < share);
            let store = open(dir.path(), &disk);
            check(&store, &expected);
            // Commits are kept from the first to some later one.
            let kept = unsure.iter().map(|change| store.record(change.id()).unwrap().is_some());
            let kept: Vec<bool> = kept.collect();
            assert!(kept.is_sorted_by(|a, b| a >= b), "seed {seed}: {kept:?}");
            lost += kept.iter().filter(|kept| !**kept).count();
            let kept = kept.iter().filter(|kept| **kept).count();
            expected.extend(unsure.into_iter().take(kept).map(accepted));
        }
    }
    assert!(lost > 100, "only {lost} jobs were at stake");
}
