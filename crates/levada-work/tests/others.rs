//! Bugs that pools, actors, batchers and shutdowns of other products have had. Each test names the
//! report.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use levada::{mpmc, mpsc, oneshot};
use levada_work::actor::{self, Address, AskError, Request};
use levada_work::batch::{Batch, Ended};
use levada_work::pool::Pool;
use levada_work::shutdown::Shutdown;
use support::{LONG, Task, within_deadline};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

/// rust-threadpool #89: of two that waited for the pool, one sent the next job as soon as it was
/// woken, and the other one waited for that job, too.
#[tokio::test]
async fn a_wave_that_follows_holds_up_no_other_waiter() {
    let gate = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let (jobs, workers) = Pool::new(1).start(move |_: u32| {
        let wait = Arc::clone(&wait);
        async move { wait.acquire().await.unwrap().forget() }
    });
    for wave in 0..3 {
        if wave == 0 {
            jobs.send(wave).await.unwrap();
        }
        let mut first = Task::waiting(workers.idle());
        let mut second = Task::waiting(workers.idle());
        gate.add_permits(1);
        while first.poll().is_pending() {
            yield_now().await;
        }
        jobs.send(wave + 1).await.unwrap(); // The next wave, which stands still.
        assert_eq!(workers.counts().total(), 1);
        assert!(second.poll().is_ready());
    }
}

/// A job that sends the next one.
struct Link {
    left: usize,
    jobs: mpmc::WeakSender<Link>,
}

/// capy #339: the count of jobs fell to zero for a moment, and the wait was over although jobs that
/// were sent before were still queued. Here each job sends the next one to the queue, and ends.
#[test]
fn a_chain_of_jobs_is_never_idle_in_between() {
    const ROUNDS: usize = 50;
    const LINKS: usize = 40;
    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(async {
            for _ in 0..ROUNDS {
                let done = Arc::new(AtomicUsize::new(0));
                let count = Arc::clone(&done);
                let run = move |Link { left, jobs }| {
                    if let Some(queue) = jobs.upgrade().filter(|_| left > 1) {
                        assert!(queue.try_send(Link { left: left - 1, jobs }).is_ok());
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    async {}
                };
                let (jobs, workers) = Pool::new(2).start(run);
                let first = Link { left: LINKS, jobs: jobs.downgrade() };
                assert!(jobs.send(first).await.is_ok());
                workers.idle().await;
                assert_eq!(done.load(Ordering::SeqCst), LINKS);
            }
        });
    });
}

/// scoped-threadpool-rs #11, #13: a job that panicked ended the wait for the others, or the pool.
#[tokio::test(start_paused = true)]
async fn a_panic_does_not_end_the_wait_for_the_others() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let (jobs, workers) = Pool::new(3).start(move |job: u32| {
        let count = Arc::clone(&count);
        async move {
            sleep(Duration::from_secs(u64::from(job))).await;
            if job == 1 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for job in [1, 5, 9, 1, 1, 1, 2] {
        jobs.send(job).await.unwrap();
    }
    workers.idle().await;
    assert_eq!(done.load(Ordering::SeqCst), 3);
    jobs.send(3).await.unwrap();
    workers.drain(LONG).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 4);
}

/// rust-scoped-pool #1: a pool without workers kept its callers, until a worker came by chance.
#[tokio::test]
async fn a_pool_that_lost_its_workers_gives_its_jobs_back() {
    let (jobs, workers) = Pool::new(2).start(async |job: oneshot::Sender<u32>| {
        let _ = job.send(1);
    });
    workers.resize(0);
    yield_now().await;
    let (job, mut answer) = oneshot::channel();
    jobs.send(job).await.unwrap();
    let undone = workers.drain(LONG).await.unwrap_err();
    assert_eq!(undone.queued.len(), 1);
    drop(undone);
    assert!(answer.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    let (job, _answer) = oneshot::channel();
    assert!(jobs.send(job).await.is_err());
}

/// temporal sdk-java #1680: the end did not wait for a slot that was reserved; then nothing was
/// there to run what came in it.
#[tokio::test]
async fn a_place_that_is_reserved_is_waited_for_by_idle_workers() {
    let (jobs, workers) = Pool::new(2).start(async |answer: oneshot::Sender<u32>| {
        answer.send(7).unwrap();
    });
    let place = jobs.reserve().await.unwrap();
    let mut drain = Task::waiting(workers.drain(LONG));
    yield_now().await;
    assert!(drain.poll().is_pending());
    let (job, answer) = oneshot::channel();
    place.send(job);
    assert_eq!(answer.await, Ok(7));
    while drain.poll().is_pending() {
        yield_now().await;
    }
}

/// graph-gophers/dataloader #18: a batch that panicked was told to the first caller only.
#[tokio::test]
async fn every_caller_of_a_batch_that_panics_learns_of_it() {
    let (batcher, worker) = Batch::new().start(async |batch: Vec<oneshot::Sender<u32>>| {
        assert!(batch.len() < 3, "on purpose");
        Ok::<_, Infallible>(())
    });
    let mut answers = Vec::new();
    for _ in 0..3 {
        let (item, answer) = oneshot::channel();
        batcher.send(item).await.unwrap();
        answers.push(answer);
    }
    assert_eq!(batcher.flush().await.unwrap().panicked, 3);
    for answer in answers {
        assert!(answer.await.is_err());
    }
    drop(batcher);
    worker.join().await.unwrap();
}

/// opentelemetry-python #397: a flush that was asked for ran beside the one of the worker.
#[tokio::test]
async fn flushes_that_are_asked_for_run_one_at_a_time() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let (batcher, worker) = Batch::new().max_items(3).start(move |items: Vec<u32>| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            drop(items);
            Ok::<_, Infallible>(())
        }
    });
    let mut tasks = JoinSet::new();
    for item in 0..20 {
        let batcher = batcher.clone();
        tasks.spawn(async move {
            batcher.send(item).await.unwrap();
            batcher.flush().await.unwrap();
        });
    }
    tasks.join_all().await;
    drop(batcher);
    assert_eq!(worker.join().await.unwrap().flushed, 20);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// opentelemetry-php #459: the end was noted before the last flush, which then did nothing; fjall
/// #321: the message that says so waited for room in the full queue, for ever.
#[tokio::test]
async fn a_close_needs_no_room_and_skips_no_flush() {
    let gate = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&gate);
    let (batcher, mut worker) = Batch::new().max_items(1).capacity(2).start(move |_: Vec<u32>| {
        let wait = Arc::clone(&wait);
        async move {
            wait.acquire().await.unwrap().forget();
            Ok::<_, Infallible>(())
        }
    });
    batcher.send(1).await.unwrap();
    yield_now().await; // It is being flushed.
    batcher.send(2).await.unwrap();
    let mut asked = Task::waiting(batcher.flush());
    let mut too_late = Task::waiting(batcher.send(3));
    worker.close();
    gate.add_permits(2);
    let totals = worker.join().await.unwrap();
    assert_eq!(totals.flushed, 2);
    assert_eq!(asked.poll(), Poll::Ready(Ok(totals)));
    assert!(matches!(too_late.poll(), Poll::Ready(Err(refused)) if refused.0 == 3));
}

/// kameo #335: an actor that panicked took the messages in its mailbox along, and the one that was
/// started in its place never saw them. Here the mailbox is the supervisor's, which lends it.
#[tokio::test]
async fn a_mailbox_may_outlive_its_actor() {
    type Add = Request<u32, u32>;

    /// Handles each message in a task of its own, so that a panic ends that one only.
    async fn supervise(mut mailbox: mpsc::Receiver<Add>) -> usize {
        let mut restarts = 0;
        while let Some(request) = mailbox.recv().await {
            let handled = tokio::spawn(async move {
                assert_ne!(request.body, 2, "on purpose");
                let answer = request.body + 1;
                request.reply(answer);
            });
            restarts += usize::from(handled.await.is_err());
        }
        restarts
    }

    let (address, mailbox): (Address<Add>, _) = actor::mailbox(4);
    let mut asked: Vec<_> =
        (1..=4).map(|n| Task::waiting(address.ask(std::convert::identity, n))).collect();
    let supervisor = tokio::spawn(supervise(mailbox));
    let expected = [Ok(2), Err(AskError::Unanswered), Ok(4), Ok(5)];
    for (asked, expected) in asked.iter_mut().zip(expected) {
        let answer = loop {
            match asked.poll() {
                Poll::Ready(answer) => break answer,
                Poll::Pending => yield_now().await,
            }
        };
        assert_eq!(answer, expected);
    }
    drop(asked);
    drop(address);
    assert_eq!(supervisor.await.unwrap(), 1);
}

/// elfo #68: callers waited until the actor was restarted, as its mailbox was kept until then.
#[tokio::test]
async fn callers_of_an_actor_that_failed_do_not_wait() {
    let (address, mut mailbox) = actor::mailbox::<Request<u32, u32>>(4);
    let mut asked: Vec<_> =
        (0..3).map(|n| Task::waiting(address.ask(std::convert::identity, n))).collect();
    let actor = tokio::spawn(async move {
        let request = mailbox.recv().await.unwrap();
        assert_ne!(request.body, 0, "on purpose");
        mailbox
    });
    assert!(actor.await.unwrap_err().is_panic());
    for asked in &mut asked {
        assert_eq!(asked.poll(), Poll::Ready(Err(AskError::Unanswered)));
    }
}

/// strawberry #4379: a batch was loaded although all of its callers had been cancelled.
#[tokio::test]
async fn a_batch_can_leave_out_what_no_caller_waits_for() {
    let loaded = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&loaded);
    let (batcher, worker) =
        Batch::new().start(move |mut batch: Vec<(u32, oneshot::Sender<u32>)>| {
            batch.retain(|(_, answer)| !answer.is_closed());
            count.fetch_add(batch.len(), Ordering::SeqCst);
            for (key, answer) in batch {
                let _ = answer.send(key * 10);
            }
            async { Ok::<_, Infallible>(()) }
        });
    let mut waits = Vec::new();
    for key in 0..6 {
        let (answer, value) = oneshot::channel();
        batcher.send((key, answer)).await.unwrap();
        if key % 2 == 0 {
            waits.push((key, value)); // The others are cancelled.
        }
    }
    for (key, value) in waits {
        assert_eq!(value.await, Ok(key * 10));
    }
    assert_eq!(loaded.load(Ordering::SeqCst), 3);
    drop(batcher);
    worker.join().await.unwrap();
}

/// fynd #348, glommio #70: callers of a pool waited for ever when its executor had ended. The same
/// of the other patterns; `tests/pool/runtime.rs` has the pool.
#[test]
fn the_end_of_a_runtime_is_seen_on_other_threads() {
    within_deadline(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let shutdown = Shutdown::new();
        let (address, mut mailbox) = actor::mailbox::<Request<u32, u32>>(4);
        let guard = shutdown.signal().try_track("actor").unwrap();
        runtime.spawn(async move {
            let first = mailbox.recv().await;
            std::future::pending::<()>().await;
            drop((first, guard));
        });
        let (batcher, worker) = runtime.block_on(async {
            Batch::new().max_items(1).start(async |batch: Vec<oneshot::Sender<u32>>| {
                std::future::pending::<()>().await;
                drop(batch);
                Ok::<_, Infallible>(())
            })
        });
        let mut asked = [1, 2].map(|n| Task::waiting(address.ask(std::convert::identity, n)));
        let mut answers = Vec::new();
        for _ in 0..3 {
            let (item, answer) = oneshot::channel();
            batcher.try_send(item).unwrap();
            answers.push(answer);
        }
        let mut flush = Task::waiting(batcher.flush());
        let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = other.enter(); // For the timer of the drain.
        let mut drain = Task::waiting(shutdown.drain(Duration::MAX));
        drop(runtime);
        for asked in &mut asked {
            assert_eq!(asked.poll(), Poll::Ready(Err(AskError::Unanswered)));
        }
        for answer in &mut answers {
            assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        }
        assert_eq!(flush.poll(), Poll::Ready(Err(Ended)));
        assert_eq!(drain.poll(), Poll::Ready(Ok(())));
        assert!(address.is_gone() && batcher.is_closed());
        assert_eq!(Task::new(worker.join()).poll(), Poll::Ready(Err(Ended)));
    });
}
