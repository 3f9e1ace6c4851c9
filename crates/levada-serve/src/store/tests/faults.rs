//! Disks that fail, and machines that lose power.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;

use super::super::disk::DiskStore;
use super::super::{Change, Durability, Store, StoreErrorKind};
use super::simulated::Disk;
use super::{accept, contents, finish, ids, input_of, queued};
use crate::job::{JobId, Moment};

/// So large that it goes to a file.
const LARGE: usize = 70_000;

/// Without a cache, so that what is read comes from the disk.
fn open(dir: &Path, disk: &Disk) -> DiskStore {
    DiskStore::open_on(dir, disk.file(), 0).unwrap()
}

/// Three jobs in three commits: one that waits, one that has succeeded, and one of which the disk
/// need not know.
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

        // The disk would work again, but the store does not try.
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

/// Every change of the disk from this call on is refused for want of room.
fn fill_disk(disk: &Disk, call: usize) {
    disk.fail_at(call, ErrorKind::StorageFull);
}

#[test]
fn a_commit_that_finds_no_room_at_any_call_is_all_or_nothing_and_the_store_goes_on() {
    let new = JobId::next();
    // A body for the database and one for a file.
    let change = [accept(new, &[7; 20_000]), accept(JobId::next(), &[8; LARGE])];
    let (mut recovered, mut failed, mut made_late) = (0, 0, 0);
    for call in 0.. {
        let (dir, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        let store = open(dir.path(), &disk);
        let jobs = fill(&store);
        let before = contents(&store, &jobs);
        fill_disk(&disk, call);
        let Err(error) = store.commit(&change, Durability::Now) else { break };
        assert_eq!(contents(&store, &jobs), before, "after a fault at call {call}");

        if disk.failed_to_sync() {
            // What of it is on the disk, the system does not know.
            assert_eq!(error.kind, StoreErrorKind::Io, "{error}");
            failed += 1;
            continue;
        }
        assert_eq!(error.kind, StoreErrorKind::Full, "{error}");
        assert!(error.message.contains("the database"), "{error}");
        let aside = store.set_room_aside().unwrap_err();
        assert_eq!(aside.kind, StoreErrorKind::Full, "it takes nothing yet: {aside}");
        // Still none, at any call of opening it.
        for call in 0.. {
            disk.mend();
            fill_disk(&disk, call);
            let Err(again) = store.reopen() else { break };
            let kinds = [StoreErrorKind::Full, StoreErrorKind::Io];
            assert!(kinds.contains(&again.kind), "{again}");
            assert_eq!(contents(&store, &jobs), before, "not opened again, at call {call}");
        }
        disk.mend();
        store.reopen().unwrap();
        // Room may have been missing only when it was made. What was only to survive with another
        // commit did not otherwise.
        let made = store.record(new).unwrap().is_some();
        made_late += usize::from(made);
        assert_eq!(contents(&store, &jobs[..2]), before[..2]);
        let made_then = [jobs[0], jobs[2], new, change[1].id()];
        let mut left = if made { made_then.to_vec() } else { vec![jobs[0]] };
        left.sort_unstable();
        assert_eq!(ids(&store.unfinished().unwrap()), left);
        let files = fs::read_dir(dir.path().join("bodies")).unwrap().count();
        assert_eq!(files, if made { 2 } else { 1 });
        store.set_room_aside().unwrap();
        store.commit(&change, Durability::Now).unwrap();
        let after = contents(&store, &[jobs[0], jobs[1], new]);
        drop(store);

        let store = open(dir.path(), &disk.after_power_loss(|| false));
        assert_eq!(contents(&store, &[jobs[0], jobs[1], new]), after);
        assert_eq!(input_of(&store, new), Ok(Some(Bytes::from_static(&[7; 20_000]))));
        recovered += 1;
    }
    let calls =
        format!("{recovered} writes and {failed} syncs failed, {made_late} after the commit");
    assert!(recovered > 3 && failed > 1 && made_late < recovered, "{calls}");
}

#[test]
fn a_file_that_was_not_given_up_after_all_stays() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Disk::default());
    let store = open(dir.path(), &disk);
    let jobs = fill(&store);
    let before = contents(&store, &jobs[..2]);
    fill_disk(&disk, 0);
    let error = store.commit(&[Change::Forget { id: jobs[1] }], Durability::Now).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    disk.mend();
    store.reopen().unwrap();
    store.commit(&[accept(JobId::next(), b"")], Durability::Now).unwrap();
    assert_eq!(contents(&store, &jobs[..2]), before);
}

#[test]
fn a_store_that_finds_no_room_when_it_is_opened_can_be_read() {
    let disk = Disk::default();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), &disk);
    let jobs = fill(&store);
    let before = contents(&store, &jobs);
    drop(store);
    let (mut full, image) = (0, disk.after_power_loss(|| false));
    for call in 0..9 {
        let disk = image.after_power_loss(|| false);
        fill_disk(&disk, call);
        let opened = DiskStore::open_on(dir.path(), disk.file(), 0);
        if disk.failed_to_sync() {
            let _ = opened.map_err(|error| assert_eq!(error.kind, StoreErrorKind::Io, "{error}"));
            continue;
        }
        let store = opened.unwrap();
        assert_eq!(contents(&store, &jobs), before, "opened without room, at call {call}");
        let new = [accept(JobId::next(), b"")];
        let Err(error) = store.commit(&new, Durability::Now) else { break };
        assert_eq!(error.kind, StoreErrorKind::Full, "{error}");
        disk.mend();
        store.reopen().unwrap();
        assert_eq!(contents(&store, &jobs), before);
        store.commit(&new, Durability::Now).unwrap();
        full += 1;
    }
    assert!(full > 0, "it needs no room");
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
        disk.fail_at(call, ErrorKind::Other);
        let opened = DiskStore::open_on(dir.path(), disk.file(), 0);
        // The last calls are those of closing it.
        match opened.map(drop) {
            Ok(()) => assert!(call > 3, "opened in spite of a fault at call {call}"),
            Err(error) => assert_eq!(error.kind, StoreErrorKind::Io, "{error}"),
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
    let store = match DiskStore::open_on(dir, disk.file(), 0) {
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
