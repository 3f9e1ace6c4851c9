//! What workers do with jobs, and how many there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::LONG;

use levada::mpmc::error::TrySendError;
use levada_work::pool::{Pool, Workers};
use tokio::time::{Instant, sleep};

const JOB: Duration = Duration::from_secs(1);
/// Until every job that can run runs, at one moment of the paused clock.
async fn settled() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn as_many_jobs_run_as_there_are_workers() {
    let (jobs, workers) = Pool::new(2).capacity(3).start(async |_: u32| sleep(JOB).await);
    for job in 0..2 {
        jobs.send(job).await.unwrap();
    }
    settled().await;
    for job in 2..5 {
        jobs.try_send(job).unwrap();
    }
    assert_eq!(jobs.try_send(5), Err(TrySendError::Full(5)));
    settled().await;
    assert_eq!((workers.size(), workers.running(), workers.queued()), (2, 2, 3));
    assert_eq!(format!("{workers:?}"), "Workers { size: 2, running: 2, queued: 3, .. }");
    let start = Instant::now();
    workers.drain(LONG).await.unwrap();
    // Two are running and three to come: two, two and one.
    assert!(start.elapsed() > JOB * 2 && start.elapsed() < JOB * 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_panic_ends_one_job_and_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let pool = Pool::new(1).on_panic(move |panic| {
        hook.lock().unwrap().push(panic.to_string());
        panic!("a hook that panics is ignored");
    });
    let (jobs, workers) = pool.start(move |job: u32| {
        assert_ne!(job, 1, "at once");
        let count = Arc::clone(&count);
        async move {
            tokio::task::yield_now().await;
            assert!(job != 2, "later: {job}");
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for job in 0..5 {
        jobs.send(job).await.unwrap();
    }
    workers.drain(LONG).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 3);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("at once"), "{told:?}");
    assert_eq!(told[1], "panicked: later: 2");
}

/// How many jobs run at once.
async fn at_once(workers: &Workers<u32>) -> usize {
    settled().await;
    workers.running()
}

#[tokio::test(start_paused = true)]
async fn it_grows_at_once_and_shrinks_after_the_job() {
    let (jobs, workers) = Pool::new(1).start(async |_: u32| sleep(JOB).await);
    for job in 0..30 {
        jobs.send(job).await.unwrap();
    }
    assert_eq!(at_once(&workers).await, 1);
    workers.resize(5);
    assert_eq!((at_once(&workers).await, workers.size()), (5, 5));
    workers.resize(2);
    assert_eq!(at_once(&workers).await, 5, "the jobs that run are not cut off");
    sleep(JOB).await;
    assert_eq!((at_once(&workers).await, workers.size()), (2, 2));
    workers.resize(0);
    sleep(JOB).await;
    assert_eq!(at_once(&workers).await, 0);
    let queued = workers.queued();
    sleep(JOB).await;
    assert_eq!(workers.queued(), queued, "it stands still");
    workers.resize(3);
    assert_eq!((at_once(&workers).await, workers.queued()), (3, queued - 3));
    // Down and up again before anybody could leave.
    workers.resize(1);
    workers.resize(3);
    sleep(JOB).await;
    assert_eq!(at_once(&workers).await, 3);
    workers.drain(LONG).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn workers_that_wait_are_too_many_as_well() {
    let (jobs, workers) = Pool::new(8).start(async |_: u32| sleep(JOB).await);
    settled().await;
    workers.resize(3);
    settled().await;
    for job in 0..8 {
        jobs.send(job).await.unwrap();
    }
    assert_eq!(at_once(&workers).await, 3);
    workers.drain(LONG).await.unwrap();
}

#[test]
#[should_panic(expected = "a queue for 0 jobs")]
fn no_queue_is_without_room() {
    let _ = Pool::new(1).capacity(0);
}
