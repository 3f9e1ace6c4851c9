//! Files that are not what was written.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::super::disk::DiskStore;
use super::super::retention::{Sweeper, Swept};
use super::super::writer::Writer;
use super::super::{Change, Durability, Filter, Store, StoreError, StoreErrorKind};
use super::retention::at_most;
use super::{accept, finish, input_of, output_of, put, queued};
use crate::job::{JobId, Moment};

const LARGE: usize = 70_000;

/// Asks for everything.
fn read_all(store: &DiskStore, of: &[JobId]) -> Result<(), StoreError> {
    store.unfinished()?;
    store.list(&Filter { limit: 1_000, ..Filter::default() })?;
    for found in [store.expired(Moment(u64::MAX), 1_000)?, store.heaviest(1_000)?.0] {
        found.into_iter().collect::<Result<Vec<_>, _>>().map_err(|job| job.error)?;
    }
    store.kept_failed("default")?;
    for id in of {
        store.record(*id)?;
        input_of(store, *id)?;
        output_of(store, *id)?;
    }
    Ok(())
}

fn filled(dir: &Path) -> Vec<JobId> {
    let store = DiskStore::open(dir).unwrap();
    let jobs: Vec<_> = (0..100).map(|_| JobId::next()).collect();
    let accepted: Vec<_> = jobs.iter().map(|id| accept(*id, &[3; 300])).collect();
    store.commit(&accepted, Durability::Now).unwrap();
    let finished: Vec<_> =
        jobs[..50].iter().map(|id| finish(queued(*id, &[3; 300]), Moment(9), b"out")).collect();
    store.commit(&finished, Durability::Now).unwrap();
    jobs
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    for contents in
        [&b"not a database, but long enough to be one"[..], &[0; 100_000], &[0xFF; 100_000]]
    {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("jobs.redb"), contents).unwrap();
        let error = DiskStore::open(dir.path()).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
        assert!(error.message.contains("damaged"), "{error}");
        assert_eq!(fs::read(dir.path().join("jobs.redb")).unwrap(), contents);
    }
}

#[test]
fn a_database_that_was_half_made_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("jobs.new"), [0; 10_000]).unwrap();
    let jobs = filled(dir.path());
    assert!(!dir.path().join("jobs.new").exists());
    read_all(&DiskStore::open(dir.path()).unwrap(), &jobs).unwrap();
}

#[test]
fn a_database_that_was_cut_off_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let whole = fs::metadata(dir.path().join("jobs.redb")).unwrap().len();
    for length in [1, 100, 4_096, whole / 2, whole - 4_096] {
        let dir = tempfile::tempdir().unwrap();
        let jobs = filled(dir.path());
        let file = File::options().write(true).open(dir.path().join("jobs.redb")).unwrap();
        file.set_len(length).unwrap();
        let read = DiskStore::open(dir.path()).and_then(|store| read_all(&store, &jobs));
        assert_eq!(read.unwrap_err().kind, StoreErrorKind::Corrupt, "cut to {length} bytes");
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let mut noticed = 0;
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let jobs = filled(dir.path());
        let file = File::options().write(true).open(dir.path().join("jobs.redb")).unwrap();
        let end = file.metadata().unwrap().len();
        for _ in 0..20 {
            file.write_all_at(&[random.u8(..)], random.u64(0..end)).unwrap();
        }
        let damaged = DiskStore::open(dir.path()).and_then(|store| {
            read_all(&store, &jobs)?;
            let ended: Vec<_> = jobs.iter().map(|id| Change::Forget { id: *id }).collect();
            store.commit(&ended, Durability::Now)
        });
        noticed += usize::from(damaged.is_err());
    }
    assert!(noticed > 0);
}

#[test]
fn a_record_that_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = filled(dir.path());
    put(dir.path(), "jobs", &jobs[3].to_bytes(), b"{}");
    let store = DiskStore::open(dir.path()).unwrap();
    let error = store.record(jobs[3]).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
    assert!(error.message.contains("missing field"), "{error}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stays_and_the_others_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = filled(dir.path());
    put(dir.path(), "jobs", &jobs[3].to_bytes(), b"{}");
    let store = Arc::new(DiskStore::open(dir.path()).unwrap());
    let (writer, closer) = Writer::start(store.clone(), |_| ());
    let mut sweeper = Sweeper::new(store.clone(), writer);
    // Its 303 bytes still count.
    let swept = sweeper.sweep(None, &at_most(700)).await;
    assert_eq!(swept, Ok(Swept { forgotten: 0, emptied: 48 }));
    let swept = sweeper.sweep(Some(Moment(u64::MAX)), &at_most(0)).await;
    assert_eq!(swept, Ok(Swept { forgotten: 49, emptied: 0 }));
    assert_eq!(sweeper.sweep(Some(Moment(u64::MAX)), &at_most(0)).await, Ok(Swept::default()));
    closer.close().await.unwrap();
    assert_eq!(store.unfinished().unwrap().len(), 50);
    assert!(store.record(jobs[3]).is_err());
}

#[test]
fn a_large_body_that_was_tampered_with_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = DiskStore::open(dir.path()).unwrap();
    let id = JobId::next();
    store.commit(&[accept(id, &[1; LARGE])], Durability::Now).unwrap();
    let path = fs::read_dir(dir.path().join("bodies")).unwrap().next().unwrap().unwrap().path();
    fs::write(&path, b"shorter").unwrap();
    let error = input_of(&store, id).unwrap_err();
    assert!(error.message.contains("7 bytes instead of 70000"), "{error}");
    fs::remove_file(&path).unwrap();
    let error = input_of(&store, id).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.message.contains("is not there"), "{error}");
}
