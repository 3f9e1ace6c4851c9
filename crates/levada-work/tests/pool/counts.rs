//! What is seen of the jobs from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use levada_work::pool::{Pool, Submitter, Workers};
use support::{Event, LONG, Task, hooked_waker, within_deadline};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::sleep;

/// One job at a time: from when it is accepted until its function ends, each look sees exactly one.
#[test]
fn a_job_between_the_queue_and_its_start_is_counted() {
    const JOBS: usize = 300;
    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(async {
            let (sent, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let looked_at = Arc::new(AtomicUsize::new(0));
            let (count, looks) = (Arc::clone(&ended), Arc::clone(&looked_at));
            let (jobs, workers) = Pool::new(2).start(move |job: usize| {
                let (count, looks) = (Arc::clone(&count), Arc::clone(&looks));
                async move {
                    // It is seen at least once, however busy the machine is.
                    while looks.load(Ordering::SeqCst) < job {
                        yield_now().await;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
            let workers = Arc::new(workers);
            let (pool, accepted, done) = (workers.clone(), Arc::clone(&sent), Arc::clone(&ended));
            let looker = std::thread::spawn(move || {
                while done.load(Ordering::SeqCst) < JOBS {
                    let sent = accepted.load(Ordering::SeqCst);
                    let counts = pool.counts();
                    let one_by_one = pool.queued() + pool.running();
                    if sent > done.load(Ordering::SeqCst) {
                        assert_eq!(counts.total(), 1, "{counts:?}");
                        assert_ne!(one_by_one, 0, "the queue is looked at first");
                        looked_at.store(sent, Ordering::SeqCst);
                    }
                    std::thread::yield_now();
                }
            });
            for job in 1..=JOBS {
                workers.idle().await;
                jobs.send(job).await.unwrap();
                sent.store(job, Ordering::SeqCst);
                while ended.load(Ordering::SeqCst) < job {
                    yield_now().await;
                }
            }
            looker.join().unwrap();
        });
    });
}

/// The waker of a sender that waits for room is called when a job has left the queue. Another
/// thread looks just then.
#[tokio::test]
async fn a_look_from_another_thread_waits_until_the_job_runs() {
    let gate = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let (jobs, workers) = Pool::new(1).capacity(1).start(move |_: u32| {
        let wait = Arc::clone(&wait);
        async move { wait.acquire().await.unwrap().forget() }
    });
    let workers = Arc::new(workers);
    let pool = Arc::clone(&workers);
    let (looked, looks) = std::sync::mpsc::channel();
    let waker = hooked_waker(move |event| {
        if event == Event::Wake {
            let (pool, looked) = (Arc::clone(&pool), looked.clone());
            let look = std::thread::spawn(move || _ = looked.send(pool.counts().total()));
            // Gives a look that does not wait the time to be wrong.
            for _ in 0..100 {
                if !look.is_finished() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    });
    jobs.send(1).await.unwrap();
    let mut waiting = Box::pin(jobs.send(2));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    while workers.running() == 0 {
        yield_now().await;
    }
    assert_eq!(looks.recv(), Ok(1));
    drop(waiting);
    gate.add_permits(1);
    workers.idle().await;
}

/// A sender waits for room; its waker is called while a worker takes a job, and looks at the pool.
#[tokio::test]
async fn a_waker_may_look_at_the_pool() {
    let (jobs, workers) = Pool::new(1).capacity(1).start(async |_: u32| {});
    let workers = Arc::new(workers);
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let (pool, kept) = (Arc::clone(&workers), Arc::clone(&seen));
    let waker = hooked_waker(move |event| {
        if event == Event::Wake {
            let _ = (pool.running(), pool.size(), format!("{pool:?}"));
            kept.store(pool.counts().total(), Ordering::SeqCst);
        }
    });
    jobs.send(1).await.unwrap();
    let mut waiting = Box::pin(jobs.send(2));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    while seen.load(Ordering::SeqCst) == usize::MAX {
        yield_now().await;
    }
    assert!(seen.load(Ordering::SeqCst) <= 1, "the look does not wait for itself");
    assert_eq!(waiting.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(())));
    workers.idle().await;
    assert_eq!(workers.counts().total(), 0);
}

/// The worker calls it, and goes on with the job that it has taken.
#[tokio::test]
async fn a_waker_that_panics_ends_no_worker() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let (jobs, workers) = Pool::new(1).capacity(1).start(move |_: u32| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    let woken = Arc::new(AtomicUsize::new(0));
    let wakes = Arc::clone(&woken);
    let waker = hooked_waker(move |event| {
        if event == Event::Wake {
            wakes.fetch_add(1, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new("a waker"));
        }
    });
    jobs.send(1).await.unwrap();
    let mut waiting = Box::pin(jobs.send(2));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    workers.idle().await;
    assert_eq!((woken.load(Ordering::SeqCst), done.load(Ordering::SeqCst)), (1, 1));
    drop(waiting);
    jobs.send(3).await.unwrap();
    workers.idle().await;
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_waits_for_the_queue_and_for_what_runs() {
    let (jobs, workers) = Pool::new(2).start(async |seconds: u64| {
        sleep(Duration::from_secs(seconds)).await;
    });
    assert!(Task::new(workers.idle()).poll().is_ready(), "it begins idle");
    for wave in 1..=3 {
        let start = tokio::time::Instant::now();
        for _ in 0..5 {
            jobs.send(wave).await.unwrap();
        }
        // Several tasks may wait, and a task that stops to wait disturbs nothing.
        let mut cancelled = Task::waiting(workers.idle());
        assert!(cancelled.poll().is_pending());
        drop(cancelled);
        tokio::join!(workers.idle(), workers.idle());
        assert_eq!(start.elapsed(), Duration::from_secs(3 * wave));
        assert_eq!(workers.counts().total(), 0);
    }
}

#[tokio::test]
async fn a_pool_without_workers_is_not_idle_until_its_queue_is_done() {
    let (jobs, workers) = Pool::new(0).start(async |_: u32| {});
    jobs.send(1).await.unwrap();
    let mut idle = Task::waiting(workers.idle());
    yield_now().await;
    assert!(idle.poll().is_pending());
    workers.resize(1);
    while idle.poll().is_pending() {
        yield_now().await;
    }
    assert_eq!(workers.counts().total(), 0);
}

#[tokio::test]
async fn a_job_that_panics_leaves_the_pool_idle() {
    let (jobs, workers) = Pool::new(1).start(async |_: u32| std::panic::resume_unwind(Box::new(1)));
    jobs.send(1).await.unwrap();
    workers.idle().await;
    assert_eq!(workers.counts().total(), 0);
}

/// Each job makes two more, on several threads; the pool is idle after the last one.
#[test]
fn idle_waits_for_jobs_that_jobs_make() {
    const ROUNDS: usize = 60;
    const DEPTH: u32 = 6;
    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(async {
            for round in 0..ROUNDS {
                let done = Arc::new(AtomicUsize::new(0));
                let count = Arc::clone(&done);
                let crawl = move |depth: u32, more: Submitter<u32>| {
                    let count = Arc::clone(&count);
                    async move {
                        for _ in 0..2 {
                            if depth > 1 {
                                more.submit(depth - 1).unwrap();
                            }
                            yield_now().await;
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                };
                let (jobs, workers): (_, Workers<u32>) =
                    Pool::new(1 + round % 4).capacity(1).start_with_submitter(crawl);
                jobs.send(DEPTH).await.unwrap();
                workers.idle().await;
                assert_eq!(done.load(Ordering::SeqCst), (1 << DEPTH) - 1);
                jobs.send(DEPTH).await.unwrap();
                workers.drain(LONG).await.unwrap();
                assert_eq!(done.load(Ordering::SeqCst), 2 * ((1 << DEPTH) - 1));
            }
        });
    });
}

/// What `queued` counts: jobs of senders and of jobs.
#[tokio::test]
async fn submitted_jobs_are_queued() {
    let gate = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let (jobs, workers) =
        Pool::new(1).start_with_submitter(move |job: u32, more: Submitter<u32>| {
            let wait = Arc::clone(&wait);
            async move {
                if job == 1 {
                    more.submit(2).unwrap();
                    more.submit(3).unwrap();
                    wait.acquire().await.unwrap().forget();
                }
            }
        });
    jobs.send(1).await.unwrap();
    while workers.running() == 0 || workers.queued() < 2 {
        yield_now().await;
    }
    let counts = workers.counts();
    assert_eq!((counts.queued, counts.running, counts.total()), (2, 1, 3));
    gate.add_permits(1);
    workers.idle().await;
}
