//! A pool with lanes: its guarantees by name.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::mpmc;
use levada::mpmc::error::TrySendError;
use levada::mpmc::lanes::Serve;
use levada_work::pool::{Pool, Submitter, Workers};
use support::{LONG, Ledger, Task, within_deadline};
use tokio::runtime::Builder;
use tokio::task::yield_now;

const URGENT: usize = 0;
const REST: usize = 1;

/// What was done, in this order.
type Done = Arc<Mutex<Vec<u32>>>;

/// One worker, which has not looked yet: on this thread it runs when the test waits.
fn one_worker(serve: Serve<2>) -> (mpmc::lanes::Sender<u32, 2>, Workers<u32>, Done) {
    let done = Done::default();
    let notes = Arc::clone(&done);
    let (jobs, workers) = Pool::new(1).lanes([64, 64], serve).start(move |job| {
        notes.lock().unwrap().push(job);
        async { yield_now().await }
    });
    (jobs, workers, done)
}

#[tokio::test]
async fn urgent_jobs_begin_before_the_rest() {
    let (jobs, workers, done) = one_worker(Serve::Strict);
    for job in 10..13 {
        jobs.lane(REST).try_send(job).unwrap();
    }
    for job in 0..3 {
        jobs.lane(URGENT).try_send(job).unwrap();
    }
    drop(jobs);
    workers.join().await.unwrap();
    assert_eq!(*done.lock().unwrap(), [0, 1, 2, 10, 11, 12]);
}

/// Between two jobs of the lower lane at most twice the other number come from the upper one.
#[tokio::test]
async fn no_lane_starves_with_weighted() {
    let (jobs, workers, done) = one_worker(Serve::Weighted([3, 1]));
    for job in 0..60 {
        jobs.lane(URGENT).try_send(job).unwrap();
    }
    for job in 100..105 {
        jobs.lane(REST).try_send(job).unwrap();
    }
    workers.drain(LONG).await.unwrap();
    let done = done.lock().unwrap();
    assert_eq!(done.len(), 65);
    let rest: Vec<_> = (0..done.len()).filter(|&place| done[place] >= 100).collect();
    assert_eq!(rest.len(), 5);
    assert!(rest[0] <= 6, "{done:?}");
    assert!(rest.windows(2).all(|pair| pair[1] - pair[0] <= 7), "{done:?}");
}

#[tokio::test]
async fn a_full_lane_holds_back_only_its_own_senders() {
    let (jobs, workers) = Pool::new(0).lanes([1, 2], Serve::Strict).start(async |_: u32| {});
    jobs.lane(REST).try_send(1).unwrap();
    jobs.lane(REST).try_send(2).unwrap();
    assert_eq!(jobs.lane(REST).try_send(3), Err(TrySendError::Full(3)));
    let mut waiting = Task::waiting(jobs.lane(REST).send(4));
    jobs.lane(URGENT).try_send(5).unwrap();
    assert_eq!(jobs.lane(URGENT).try_send(6), Err(TrySendError::Full(6)));
    assert_eq!((workers.queued(), workers.running()), (3, 0));
    workers.resize(1);
    workers.idle().await;
    assert!(waiting.poll().is_ready());
    drop(waiting);
    workers.drain(LONG).await.unwrap();
}

#[tokio::test]
async fn it_ends_when_each_lane_has_ended() {
    let (jobs, workers, done) = one_worker(Serve::Strict);
    let [urgent, rest] = jobs.into_lanes();
    drop(urgent);
    rest.send(1).await.unwrap();
    workers.idle().await;
    rest.send(2).await.unwrap();
    drop(rest);
    workers.join().await.unwrap();
    assert_eq!(*done.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn close_refuses_jobs_of_all_lanes() {
    let (jobs, workers, done) = one_worker(Serve::Strict);
    jobs.lane(REST).try_send(1).unwrap();
    workers.close();
    assert!(jobs.is_closed());
    assert_eq!(jobs.lane(URGENT).try_send(2), Err(TrySendError::Closed(2)));
    assert_eq!(jobs.lane(REST).try_send(3), Err(TrySendError::Closed(3)));
    workers.join().await.unwrap();
    assert_eq!(*done.lock().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_returns_what_is_left_of_all_lanes() {
    let pool = Pool::new(1).lanes([8, 8], Serve::Strict);
    let (jobs, workers) = pool.start(async |_: u32| pending::<()>().await);
    jobs.lane(URGENT).try_send(1).unwrap();
    jobs.lane(URGENT).try_send(2).unwrap();
    jobs.lane(REST).try_send(3).unwrap();
    let mut undone = workers.drain(Duration::from_secs(1)).await.unwrap_err();
    undone.queued.sort_unstable();
    assert_eq!((undone.aborted, undone.queued), (1, vec![2, 3]));
}

#[tokio::test]
async fn what_a_job_submits_comes_before_all_lanes() {
    let done = Done::default();
    let notes = Arc::clone(&done);
    let pool = Pool::new(1).lanes([8, 8], Serve::Strict);
    let (jobs, workers) = pool.start_with_submitter(move |job, more: Submitter<u32>| {
        notes.lock().unwrap().push(job);
        async move {
            if job == 1 {
                more.submit(2).unwrap();
            }
        }
    });
    jobs.lane(URGENT).try_send(1).unwrap();
    jobs.lane(URGENT).try_send(3).unwrap();
    drop(jobs);
    workers.join().await.unwrap();
    assert_eq!(*done.lock().unwrap(), [1, 2, 3]);
}

/// Workers that wait are promised the jobs of both lanes, and are too many when they are polled.
#[tokio::test]
async fn a_worker_that_leaves_loses_no_job() {
    let ledger = Ledger::new(8);
    let pool = Pool::new(4).lanes([8, 8], Serve::Strict);
    let (jobs, workers) = pool.start(|job| async move { drop(job) });
    for _ in 0..3 {
        yield_now().await; // The workers wait.
    }
    for _ in 0..4 {
        jobs.lane(URGENT).try_send(ledger.message()).unwrap();
        jobs.lane(REST).try_send(ledger.message()).unwrap();
    }
    workers.resize(0);
    for _ in 0..8 {
        yield_now().await;
    }
    let counts = workers.counts();
    assert_eq!(counts.total(), ledger.alive());
    assert!(counts.queued > 0, "{counts:?}");
    workers.resize(2);
    workers.drain(LONG).await.unwrap();
    assert_eq!(ledger.alive(), 0);
    ledger.settle();
}

/// Also those that are promised to a worker.
#[test]
fn the_end_of_the_runtime_drops_the_jobs_of_all_lanes() {
    for workers in [0, 1, 3] {
        within_deadline(move || {
            let ledger = Ledger::new(4);
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let (jobs, workers) = runtime.block_on(async {
                let pool = Pool::new(workers).lanes([4, 4], Serve::Strict);
                let pool = pool.start(|job| async move {
                    pending::<()>().await;
                    drop(job);
                });
                yield_now().await;
                pool
            });
            for lane in [REST, REST, URGENT, URGENT] {
                jobs.lane(lane).try_send(ledger.message()).unwrap();
            }
            drop(runtime);
            assert_eq!((workers.counts().total(), ledger.alive()), (0, 0));
            assert!(jobs.is_closed());
            ledger.settle();
        });
    }
}

#[test]
#[should_panic(expected = "a lane for 0 jobs")]
fn no_lane_is_without_room() {
    let _ = Pool::new(1).lanes([1, 0], Serve::Strict);
}
