//! Jobs that make jobs, and what becomes of those at the end.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use levada_work::pool::{Pool, Submitter};
use support::{LONG, Ledger, Message};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::sleep;

/// The queue is closed while the first job runs, and the whole tree below that job is still done.
#[tokio::test]
async fn a_drain_does_what_jobs_submit_while_it_drains() {
    let gate = Arc::new(Semaphore::new(0));
    let done = Arc::new(Mutex::new(Vec::new()));
    let (wait, kept) = (Arc::clone(&gate), Arc::clone(&done));
    let (jobs, workers) =
        Pool::new(2).capacity(1).start_with_submitter(move |job: u32, more: Submitter<u32>| {
            let (wait, kept) = (Arc::clone(&wait), Arc::clone(&kept));
            async move {
                wait.acquire().await.unwrap().forget();
                for child in [2 * job, 2 * job + 1] {
                    if child < 32 {
                        more.submit(child).unwrap();
                    }
                }
                kept.lock().unwrap().push(job);
            }
        });
    jobs.send(1).await.unwrap();
    let drain = tokio::spawn(workers.drain(LONG));
    while !jobs.is_closed() {
        yield_now().await;
    }
    assert_eq!(jobs.send(100).await.unwrap_err().0, 100, "a sender is refused");
    gate.add_permits(31);
    drain.await.unwrap().unwrap();
    let mut done = done.lock().unwrap().clone();
    done.sort_unstable();
    assert_eq!(done, (1..32).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_submitter_does_not_keep_the_pool() {
    let kept: Arc<OnceLock<Submitter<u32>>> = Arc::default();
    let out = Arc::clone(&kept);
    let (jobs, workers) =
        Pool::new(1).start_with_submitter(move |job: u32, more: Submitter<u32>| {
            let out = Arc::clone(&out);
            async move {
                let _ = out.set(more);
                sleep(Duration::from_secs(u64::from(job))).await;
            }
        });
    jobs.send(1).await.unwrap();
    workers.idle().await;
    let more = kept.get().unwrap();
    more.submit(2).unwrap(); // The pool goes on, and so it is accepted.
    drop(jobs);
    workers.join().await.unwrap();
    assert_eq!(more.submit(3).unwrap_err().0, 3, "the pool has ended");
    assert_eq!(more.clone().submit(4).unwrap_err().0, 4);
}

/// The limit of the drain is over: what was submitted is returned, and what is submitted then is
/// refused.
#[tokio::test(start_paused = true)]
async fn an_abort_returns_what_was_submitted_and_refuses_the_rest() {
    struct SubmitsWhenDropped {
        more: Submitter<Message>,
        job: Option<Message>,
        refused: Arc<Mutex<Vec<usize>>>,
    }
    impl Drop for SubmitsWhenDropped {
        fn drop(&mut self) {
            if let Err(refused) = self.more.submit(self.job.take().unwrap()) {
                self.refused.lock().unwrap().push(refused.0.id());
            }
        }
    }
    let ledger = Ledger::new(4);
    let refused = Arc::new(Mutex::new(Vec::new()));
    let (made, kept) = (ledger.clone(), Arc::clone(&refused));
    let (jobs, workers) = Pool::new(1).start_with_submitter(move |job: Message, more| {
        let (made, kept) = (made.clone(), Arc::clone(&kept));
        async move {
            more.submit(made.message()).unwrap(); // 2
            let job = Some(job); // 0
            let _submits = SubmitsWhenDropped { more, job, refused: kept };
            sleep(LONG).await;
        }
    });
    jobs.send(ledger.message()).await.unwrap();
    jobs.send(ledger.message()).await.unwrap();
    let undone = workers.drain(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((undone.aborted, undone.dropped), (1, 0));
    let mut left: Vec<_> = undone.queued.iter().map(Message::id).collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2]);
    assert_eq!(*refused.lock().unwrap(), [0]);
}

/// Without the priority of what jobs submit, all roots would begin before the first child.
#[tokio::test]
async fn what_a_job_submits_comes_before_what_is_queued() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&done);
    let (jobs, workers) = Pool::new(1).start_with_submitter(move |job: u32, more| {
        kept.lock().unwrap().push(job);
        async move {
            if job < 10 {
                more.submit(10 * job).unwrap();
                more.submit(10 * job + 1).unwrap();
            }
        }
    });
    for root in 1..=3 {
        jobs.send(root).await.unwrap();
    }
    workers.drain(LONG).await.unwrap();
    assert_eq!(*done.lock().unwrap(), [1, 10, 11, 2, 20, 21, 3, 30, 31]);
}

/// An idle worker of a closed pool waits for what the job of another one submits.
#[tokio::test(start_paused = true)]
async fn an_idle_worker_stays_while_a_job_may_submit() {
    let (jobs, workers) = Pool::new(3).start_with_submitter(async |job: u32, more| {
        if job > 0 {
            sleep(Duration::from_secs(10)).await; // The others have found the end of the queue.
            for _ in 0..3 {
                more.submit(0).unwrap();
            }
        }
        sleep(Duration::from_secs(1)).await;
    });
    let start = tokio::time::Instant::now();
    jobs.send(1).await.unwrap();
    drop(jobs);
    workers.join().await.unwrap();
    // Two of the three at once with the parent's rest, and the third after one of them.
    assert_eq!(start.elapsed(), Duration::from_secs(12));
}
