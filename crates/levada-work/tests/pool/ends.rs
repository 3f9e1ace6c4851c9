//! How it ends: every job was done, or is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use levada_work::pool::Pool;
use support::{LONG, Ledger, Message, Task};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn a_drain_finishes_the_queue_and_refuses_more() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let (jobs, workers) = Pool::new(2).capacity(2).start(move |_: u32| {
        let count = Arc::clone(&count);
        async move {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    jobs.send(1).await.unwrap();
    jobs.send(2).await.unwrap();
    let mut waiting = Task::waiting(jobs.send(3));
    let permit = {
        let mut reserved = Task::new(jobs.reserve());
        assert!(reserved.poll().is_pending(), "it is full");
        drop(reserved);
        workers.close();
        jobs.reserve().await
    };
    assert!(permit.is_err());
    let std::task::Poll::Ready(Err(refused)) = waiting.poll() else { panic!("it was closed") };
    assert_eq!(refused.0, 3);
    workers.drain(LONG).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 2);
    assert_eq!(jobs.send(4).await.unwrap_err().0, 4);
}

#[tokio::test]
async fn a_permit_that_is_out_is_waited_for() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let (jobs, workers) = Pool::new(2).start(move |_: u32| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    let permit = jobs.reserve().await.unwrap();
    let drain = tokio::spawn(workers.drain(LONG));
    while !jobs.is_closed() {
        tokio::task::yield_now().await;
    }
    permit.send(1);
    drain.await.unwrap().unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_sender_ends_it() {
    let ledger = Ledger::new(10);
    let (jobs, workers) = Pool::new(3).start(async |job: Message| {
        sleep(Duration::from_secs(1)).await;
        drop(job);
    });
    for _ in 0..10 {
        jobs.send(ledger.message()).await.unwrap();
    }
    drop(workers); // They go on.
    drop(jobs);
    sleep(Duration::from_millis(3_999)).await;
    assert_eq!(ledger.alive(), 1);
    sleep(Duration::from_millis(2)).await;
    ledger.settle();
}

#[tokio::test(start_paused = true)]
async fn a_join_waits_for_the_last_sender() {
    let ledger = Ledger::new(4);
    let (jobs, workers) = Pool::new(1).start(async |job: Message| {
        sleep(Duration::from_secs(1)).await;
        drop(job);
    });
    let start = Instant::now();
    let made = ledger.clone();
    tokio::spawn(async move {
        for _ in 0..4 {
            sleep(Duration::from_secs(10)).await;
            jobs.send(made.message()).await.unwrap();
        }
    });
    workers.join().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(41));
    ledger.settle();
}

/// The first job stands still, and panics when it is dropped.
#[tokio::test(start_paused = true)]
async fn after_the_limit_what_runs_is_aborted_and_the_rest_returned() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "dropped by force");
        }
    }
    let ledger = Ledger::new(5);
    let (jobs, workers) = Pool::new(2).start(async |(job, is_bomb): (Message, bool)| {
        let _bomb = Bomb(is_bomb);
        sleep(LONG).await;
        drop(job);
    });
    for number in 0..5 {
        jobs.send((ledger.message(), number == 0)).await.unwrap();
    }
    let start = Instant::now();
    let undone = workers.drain(Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(undone.to_string(), "jobs were not done: 2 aborted, 3 left in the queue");
    assert_eq!(format!("{undone:?}"), "Undone { aborted: 2, queued: 3, dropped: 0 }");
    let left: Vec<_> = undone.queued.iter().map(|(job, _)| job.id()).collect();
    assert_eq!(left, [2, 3, 4]);
    assert_eq!(ledger.alive(), 3, "the aborted ones are dropped");
    assert!(jobs.is_closed());
}

#[tokio::test]
async fn without_workers_a_drain_returns_the_queue() {
    let (jobs, workers) = Pool::new(0).start(async |_: u32| {});
    jobs.send(1).await.unwrap();
    jobs.send(2).await.unwrap();
    let undone = workers.drain(LONG).await.unwrap_err();
    assert_eq!((undone.aborted, undone.queued), (0, vec![1, 2]));

    let (jobs, workers) = Pool::new(0).start(async |_: u32| {});
    jobs.send(3).await.unwrap();
    assert_eq!(workers.join().await.unwrap_err().queued, [3]);
    assert_eq!(jobs.send(4).await.unwrap_err().0, 4);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_cancelled_leaves_the_workers_to_it() {
    let ledger = Ledger::new(4);
    let (jobs, workers) = Pool::new(1).start(async |job: Message| {
        sleep(Duration::from_secs(1)).await;
        drop(job);
    });
    for _ in 0..4 {
        jobs.send(ledger.message()).await.unwrap();
    }
    drop(Task::waiting(workers.drain(LONG)));
    assert!(jobs.is_closed());
    sleep(Duration::from_secs(5)).await;
    ledger.settle();
}

#[test]
fn the_end_of_the_runtime_closes_the_queue() {
    let ledger = Ledger::new(4);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (jobs, workers) = runtime.block_on(async {
        let (jobs, workers) = Pool::new(1).capacity(2).start(async |job: Message| {
            sleep(LONG).await;
            drop(job);
        });
        jobs.send(ledger.message()).await.unwrap();
        tokio::task::yield_now().await; // It runs.
        jobs.send(ledger.message()).await.unwrap();
        jobs.send(ledger.message()).await.unwrap();
        (jobs, workers)
    });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async {
        let refused = timeout(Duration::from_secs(60), jobs.send(ledger.message())).await;
        assert_eq!(refused.unwrap().unwrap_err().0.id(), 3);
        workers.resize(2); // On a runtime that is gone: they end at once.
        let undone = workers.drain(LONG).await.unwrap_err();
        assert_eq!((undone.aborted, undone.queued.len(), undone.dropped), (1, 0, 2));
    });
    ledger.settle();
}
