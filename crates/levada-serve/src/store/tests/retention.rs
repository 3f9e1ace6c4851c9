//! What is given up, and what is not.

use std::sync::Arc;

use super::super::body::Body;
use super::super::memory::MemoryStore;
use super::super::retention::{Limits, Sweeper, Swept};
use super::super::writer::Writer;
use super::super::{Change, Durability, Filter, Store};
use super::{accept, finish, input_of, output_of, queued};
use crate::jobs::record::{JobId, Moment, Outcome, State};

const NO_LIMIT: Limits = Limits { max_bytes: u64::MAX };

/// `count` jobs of 100 bytes each that ended one after the other from 1 on, and expire 100 later; and one that waits.
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
    limits: Limits,
) -> (usize, usize) {
    let mut sweeper = Sweeper::new(Arc::clone(store), writer.clone());
    let (mut forgotten, mut emptied) = (0, 0);
    loop {
        let swept = sweeper.sweep(Moment(now), limits).await.unwrap();
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
    let limits = Limits { max_bytes: 29_950 };
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
        record.state = State::Failed;
        record.outcome = Some(Outcome::TimedOut);
        record.finished_at = Some(Moment(end));
        record.stderr_tail = "x".repeat(1_000);
        jobs.push(record.id);
        store.commit(&[Change::Accept { record, input: Body::empty() }], Durability::Now).unwrap();
    }
    assert_eq!((store.heaviest(9).unwrap().1, store.kept_failed("default")), (3_000, Ok(3)));
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    assert_eq!(sweep_all(&store, &writer, 0, Limits { max_bytes: 1_000 }).await, (0, 2));
    assert_eq!((store.heaviest(9).unwrap().1, store.kept_failed("default")), (1_000, Ok(1)));
    let emptied = store.record(jobs[0]).unwrap().unwrap();
    assert_eq!(emptied.stderr_tail, "");
    assert_eq!((emptied.state, emptied.outcome), (State::Failed, Some(Outcome::TimedOut)));
    assert_eq!(store.record(jobs[2]).unwrap().unwrap().stderr_tail.len(), 1_000);
}

#[tokio::test]
async fn jobs_that_go_on_stay() {
    let (store, _) = store(1);
    let (writer, _closer) = Writer::start(store.clone(), |_| ());
    let limits = Limits { max_bytes: 0 };
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
    assert!(sweeper.sweep(Moment(u64::MAX), NO_LIMIT).await.is_err());
}
