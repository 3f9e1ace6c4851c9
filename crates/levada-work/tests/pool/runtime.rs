//! The runtime of a pool ends while its handles live on.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use levada::oneshot;
use levada::oneshot::error::TryRecvError;
use levada_work::pool::{Pool, Submitter, Workers};
use support::{LONG, Ledger, within_deadline};
use tokio::runtime::{Builder, Runtime};

type Job = oneshot::Sender<u32>;

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The first job stands still, and the others are queued.
#[test]
fn callers_learn_that_the_runtime_has_ended() {
    let runtimes: [fn() -> Runtime; 2] =
        [multi_thread, || Builder::new_current_thread().enable_all().build().unwrap()];
    for runtime in runtimes {
        within_deadline(move || {
            let runtime = runtime();
            let (jobs, workers) = runtime.block_on(async {
                let (jobs, workers) = Pool::new(1).capacity(3).start(async |job: Job| {
                    pending::<()>().await;
                    drop(job);
                });
                (jobs, workers)
            });
            let mut answers = Vec::new();
            for _ in 0..3 {
                let (job, answer) = oneshot::channel();
                jobs.try_send(job).unwrap();
                answers.push(answer);
            }
            runtime.block_on(async {
                while workers.running() == 0 {
                    tokio::task::yield_now().await;
                }
            });
            drop(runtime);
            for answer in &mut answers {
                assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
            }
            assert_eq!(workers.counts().total(), 0);
            let other = Builder::new_current_thread().enable_all().build().unwrap();
            other.block_on(async {
                workers.idle().await;
                let undone = workers.drain(LONG).await.unwrap_err();
                assert_eq!((undone.aborted, undone.queued.len(), undone.dropped), (1, 0, 2));
                let text = "jobs were not done: 1 aborted, 0 left in the queue, 2 dropped with the runtime";
                assert_eq!(undone.to_string(), text);
            });
        });
    }
}

/// The end of the runtime ends no worker here.
#[test]
fn a_pool_without_workers_drops_its_queue_too() {
    let runtime = multi_thread();
    let (jobs, workers) = runtime.block_on(async { Pool::new(0).start(async |_: Job| {}) });
    let (job, mut answer) = oneshot::channel();
    jobs.try_send(job).unwrap();
    assert_eq!(answer.try_recv(), Err(TryRecvError::Empty));
    drop(runtime);
    assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
    assert!(jobs.is_closed());
    workers.resize(2); // Does nothing any more.
    assert_eq!(workers.counts().total(), 0);
}

#[test]
fn a_permit_that_is_used_after_the_runtime_drops_its_job() {
    let runtime = multi_thread();
    let (jobs, workers) = runtime.block_on(async { Pool::new(1).start(async |_: Job| {}) });
    let permit = jobs.try_reserve().unwrap();
    drop(runtime);
    let (job, mut answer) = oneshot::channel();
    permit.send(job);
    assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(workers.counts().total(), 0);
}

#[test]
fn what_was_submitted_is_dropped_too() {
    let ledger = Ledger::new(3);
    let runtime = multi_thread();
    let made = ledger.clone();
    let (jobs, workers) = runtime.block_on(async {
        Pool::new(1).start_with_submitter(move |job, more: Submitter<_>| {
            let made = made.clone();
            async move {
                more.submit(made.message()).unwrap();
                more.submit(made.message()).unwrap();
                pending::<()>().await;
                drop((job, more));
            }
        })
    });
    jobs.try_send(ledger.message()).unwrap();
    runtime.block_on(async {
        while workers.queued() < 2 {
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);
    assert_eq!(ledger.alive(), 0);
    ledger.settle();
}

/// A job that panics when it is dropped does not keep the others from being dropped.
#[test]
fn a_job_that_panics_when_it_is_dropped() {
    struct Bomb(Option<Job>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0 = None;
            if self.1 {
                std::panic::resume_unwind(Box::new("dropped"));
            }
        }
    }
    let runtime = multi_thread();
    let (jobs, workers) = runtime.block_on(async { Pool::new(0).start(async |_: Bomb| {}) });
    let mut answers = Vec::new();
    for is_bomb in [true, false, true] {
        let (job, answer) = oneshot::channel();
        assert!(jobs.try_send(Bomb(Some(job), is_bomb)).is_ok());
        answers.push(answer);
    }
    drop(runtime);
    for answer in &mut answers {
        assert_eq!(answer.try_recv(), Err(TryRecvError::Closed));
    }
    assert_eq!(workers.counts().total(), 0);
}

/// The runtime ends at any moment beside senders and a drain on another one: every job has one
/// fate.
#[test]
fn every_job_is_accounted_for_when_the_runtime_ends() {
    const ROUNDS: usize = 100;
    const JOBS: usize = 40;
    let dropped = within_deadline(|| {
        let mut all_dropped = 0;
        for round in 0..ROUNDS {
            let ledger = Ledger::new(JOBS);
            let runtime = multi_thread();
            let done = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&done);
            let (jobs, workers): (_, Workers<_>) = runtime.block_on(async {
                Pool::new(round % 4).capacity(8).start(move |job| {
                    let count = Arc::clone(&count);
                    async move {
                        tokio::task::yield_now().await;
                        count.fetch_add(1, Ordering::SeqCst);
                        drop(job);
                    }
                })
            });
            let made = ledger.clone();
            let sender = std::thread::spawn(move || {
                (0..JOBS).filter(|_| jobs.blocking_send(made.message()).is_ok()).count()
            });
            while ledger.made() < 1 + round % 8 {
                std::thread::yield_now();
            }
            drop(runtime);
            let accepted = sender.join().unwrap();
            let other = Builder::new_current_thread().enable_all().build().unwrap();
            let (aborted, queued, dropped) = match other.block_on(workers.drain(LONG)) {
                Ok(()) => (0, 0, 0),
                Err(undone) => (undone.aborted, undone.queued.len(), undone.dropped),
            };
            let done = done.load(Ordering::SeqCst);
            assert_eq!(accepted, done + aborted + queued + dropped, "round {round}");
            ledger.settle();
            all_dropped += dropped;
        }
        all_dropped
    });
    assert!(dropped > 0);
}
