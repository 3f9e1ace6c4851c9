//! What is given up, and what is not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::body::Body;
use super::super::memory::MemoryStore;
use super::super::retention::{Sweeper, Swept, latest};
use super::super::writer::Writer;
use super::super::{Change, Durability, Filter, Store};
use super::{accept, finish, input_of, output_of, queued};
use crate::config::Retention;
use crate::job::{JobId, JobState, Moment, Outcome};

const KEEP: Duration = Duration::from_millis(100);

const NO_LIMIT: Retention = at_most(u64::MAX);

pub(super) const fn at_most(max_bytes: u64) -> Retention {
    Retention { jobs: KEEP, failed: KEEP, max_bytes }
}

/// `count` jobs of 100 bytes each that ended one after the other from 1 on, and expire 100 later;
/// and one that waits.
fn store(count: u64) -> (Arc<dyn Store>, Vec<JobId>) {
    let store = MemoryStore::default();
    let mut jobs = Vec::new();
    for end in 1..=count {
        let id = JobId::next();
        let finished = finish(queued(id, &[0; 60]), Moment(end), &[0; 40]);
        store.commit(&[accept(id, &[0; 60]), finished], Durability::Now).unwrap();
        jobs.push(id);
    }
    store.commit(&[accept(JobId::next(), &[0; 1000])], Durability::Now).unwrap();
    (Arc::new(store), jobs)
}

/// Sweeps until nothing is given up; how many jobs were forgotten and emptied.
async fn sweep_all(
    store: &Arc<dyn Store>,
    writer: &Writer,
    now: u64,
    limits: Retention,
) -> (usize, usize) {
    let mut sweeper = Sweeper::new(Arc::clone(store), writer.clone());
    let (mut forgotten, mut emptied) = (0, 0);
    loop {
        let swept = sweeper.sweep(Some(Moment(now)), &limits).await.unwrap();
        if swept == Swept::default() {
            return (forgotten, emptied);
        }
        forgotten += swept.forgotten;
        emptied += swept.emptied;
    }
}

fn left(store: &dyn Store) -> usize {
    store.list(&Filter { limit: usize::MAX, ..Filter::default() }).unwrap().len()
}

#[tokio::test]
async fn what_expired_is_forgotten() {
    let (store, _) = store(1_000);
    let (writer, _closer) = Writer::start(store.clone(), |commit| assert!(commit.changes <= 256));
    assert_eq!(sweep_all(&store, &writer, 700, NO_LIMIT).await, (600, 0));
    assert_eq!(left(&*store), 401);
}

#[tokio::test]
async fn the_oldest_are_emptied_until_the_rest_is_within_the_limit() {
    let (store, jobs) = store(1_000);
    let (writer, _closer) = Writer::start(store.clone(), |commit| assert!(commit.changes <= 256));
    let limits = at_most(29_950);
    assert_eq!(sweep_all(&store, &writer, 0, limits).await, (0, 701));
    let (heaviest, kept) = store.heaviest(1).unwrap();
    assert_eq!((heaviest[0].as_ref().unwrap().id, kept), (jobs[701], 29_900));
    let emptied = store.record(jobs[700]).unwrap().unwrap();
    assert!(emptied.emptied);
    assert_eq!(emptied.revision, 3);
    assert_eq!(output_of(&*store, jobs[700]), Ok(None));
    assert_eq!(left(&*store), 1_001, "emptied, but not forgotten");
}

#[tokio::test]
async fn standard_error_counts_and_is_given_up_but_not_the_outcome() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut jobs = Vec::new();
    for end in 1..=3 {
        let mut record = queued(JobId::next(), b"");
        record.state = JobState::Failed;
        record.outcome = Some(Outcome::TimedOut);
        record.finished_at = Some(Moment(end));
        record.stderr_tail = "x".repeat(1_000);
        jobs.push(record.id);
        store
            .commit(
                &[Change::Accept { record: record.into(), input: Body::empty() }],
                Durability::Now,
            )
            .unwrap();
    }
    assert_eq!((store.heaviest(9).unwrap().1, store.kept_failed("default")), (3_000, Ok(3)));
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    assert_eq!(sweep_all(&store, &writer, 0, at_most(1_000)).await, (0, 2));
    assert_eq!((store.heaviest(9).unwrap().1, store.kept_failed("default")), (1_000, Ok(1)));
    let emptied = store.record(jobs[0]).unwrap().unwrap();
    assert_eq!(emptied.stderr_tail, "");
    assert_eq!((emptied.state, emptied.outcome), (JobState::Failed, Some(Outcome::TimedOut)));
    assert_eq!(store.record(jobs[2]).unwrap().unwrap().stderr_tail.len(), 1_000);
}

#[tokio::test]
async fn jobs_that_go_on_stay() {
    let (store, _) = store(1);
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    let limits = at_most(0);
    assert_eq!(sweep_all(&store, &writer, u64::MAX, limits).await, (1, 0));
    let waiting = store.unfinished().unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(input_of(&*store, waiting[0].id).unwrap().is_some());
}

#[tokio::test]
async fn a_store_that_fails_is_an_error() {
    let (store, _) = store(1);
    let (writer, closer) = Writer::start(store.clone(), |_| ());
    closer.close().await.unwrap();
    let mut sweeper = Sweeper::new(store, writer);
    assert!(sweeper.sweep(Some(Moment(u64::MAX)), &NO_LIMIT).await.is_err());
}

#[tokio::test]
async fn nothing_expires_while_the_time_is_not_known() {
    let (store, _) = store(10);
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    let mut sweeper = Sweeper::new(Arc::clone(&store), writer);
    let swept = sweeper.sweep(None, &NO_LIMIT).await;
    assert_eq!(swept, Ok(Swept::default()));
    // What is too much is given up all the same.
    let swept = sweeper.sweep(None, &at_most(500)).await;
    assert_eq!(swept, Ok(Swept { forgotten: 0, emptied: 5 }));
    assert_eq!(left(&*store), 11);
}

/// The clock ran years ahead for a while.
#[tokio::test]
async fn what_ended_ahead_of_time_is_not_kept_for_ever() {
    const YEARS: u64 = 100_000_000_000;
    let (store, _) = store(1_000);
    let ahead = JobId::next();
    let finished = finish(queued(ahead, b""), Moment(YEARS), b"");
    store.commit(&[accept(ahead, b""), finished], Durability::Now).unwrap();
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    assert_eq!(sweep_all(&store, &writer, 200, NO_LIMIT).await, (100, 0));
    let kept = store.record(ahead).unwrap().unwrap();
    assert_eq!((kept.expires_at, kept.revision), (Some(Moment(300)), 3));
    assert_eq!(output_of(&*store, ahead), Ok(Some(Bytes::new())));
    let others = store.expired(Moment(u64::MAX), usize::MAX).unwrap();
    let later = others.iter().filter(|job| job.as_ref().unwrap().expires_at > Some(Moment(1_100)));
    assert_eq!((others.len(), later.count()), (901, 0), "others are kept as long as before");
    assert_eq!(sweep_all(&store, &writer, 301, NO_LIMIT).await, (102, 0));
    assert_eq!(store.record(ahead), Ok(None));
}

#[tokio::test]
async fn the_latest_time_is_that_of_the_newest_job() {
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::default());
    assert_eq!(latest(&empty).await, None);
    let id = JobId::next();
    empty.commit(&[accept(id, b"")], Durability::Now).unwrap();
    assert_eq!(latest(&empty).await, Some(Moment(1)));
    empty.commit(&[finish(queued(id, b""), Moment(7), b"")], Durability::Now).unwrap();
    assert_eq!(latest(&empty).await, Some(Moment(7)));
}
