//! Several threads: every job has exactly one fate, whatever is resized, aborted or cancelled
//! meanwhile.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use levada::mpmc;
use levada_work::pool::{Pool, Workers};
use support::{Ledger, Message, Task, within_deadline};
use tokio::task::{JoinSet, yield_now};

const ROUNDS: usize = 200;
const SENDERS: usize = 3;
const PER_SENDER: usize = 60;

fn run<R: Send + 'static>(rounds: impl Future<Output = R> + Send + 'static) -> R {
    within_deadline(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(rounds)
    })
}

/// How many jobs had which fate.
#[derive(Debug, Default, Clone, Copy)]
struct Fates {
    accepted: usize,
    refused: usize,
    cancelled: usize,
    done: usize,
    panicked: usize,
    aborted: usize,
    left: usize,
}

impl Fates {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.cancelled += other.cancelled;
        self.done += other.done;
        self.panicked += other.panicked;
        self.aborted += other.aborted;
        self.left += other.left;
    }
}

/// Sends jobs; every third send is polled once, and dropped if it was not accepted by then.
async fn send_some(jobs: mpmc::Sender<Message>, ledger: Ledger) -> Fates {
    let mut fates = Fates::default();
    for number in 0..PER_SENDER {
        let sent = if number.is_multiple_of(3) {
            match Task::new(jobs.send(ledger.message())).poll() {
                Poll::Ready(sent) => sent,
                Poll::Pending => {
                    fates.cancelled += 1;
                    continue;
                }
            }
        } else {
            jobs.send(ledger.message()).await
        };
        match sent {
            Ok(()) => fates.accepted += 1,
            Err(_) => fates.refused += 1,
        }
    }
    fates
}

/// What the jobs say of themselves.
#[derive(Debug, Default)]
struct Told {
    done: AtomicUsize,
    panicked: AtomicUsize,
    /// How many stand still for ever, as they do when `stop` is set.
    stuck: AtomicUsize,
    stop: AtomicBool,
}

/// A pool whose jobs yield up to four times; every eleventh panics.
fn start(workers: usize, capacity: usize) -> (mpmc::Sender<Message>, Workers<Message>, Arc<Told>) {
    let told = Arc::new(Told::default());
    let (by_job, by_hook) = (Arc::clone(&told), Arc::clone(&told));
    let pool = Pool::new(workers).capacity(capacity).on_panic(move |_| {
        by_hook.panicked.fetch_add(1, Ordering::SeqCst);
    });
    let (jobs, workers) = pool.start(move |job: Message| {
        let told = Arc::clone(&by_job);
        async move {
            for _ in 0..job.id() % 5 {
                yield_now().await;
            }
            if told.stop.load(Ordering::SeqCst) {
                told.stuck.fetch_add(1, Ordering::SeqCst);
                pending::<()>().await;
            }
            if job.id() % 11 == 10 {
                resume_unwind(Box::new("on purpose")); // A panic that prints nothing.
            }
            told.done.fetch_add(1, Ordering::SeqCst);
        }
    });
    (jobs, workers, told)
}

fn send_all(jobs: &mpmc::Sender<Message>, ledger: &Ledger) -> JoinSet<Fates> {
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        senders.spawn(send_some(jobs.clone(), ledger.clone()));
    }
    senders
}

async fn sum(senders: JoinSet<Fates>) -> Fates {
    let mut fates = Fates::default();
    senders.join_all().await.into_iter().for_each(|some| fates.add(some));
    fates
}

/// One life of a pool that is drained when some jobs were made; all are done, or it is aborted.
async fn life(round: usize, is_aborted: bool) -> Fates {
    let ledger = Ledger::new(SENDERS * PER_SENDER + 1);
    let (jobs, workers, told) = start(1 + round % 4, 1 + round % 7);
    let senders = send_all(&jobs, &ledger);
    while ledger.made() < round % (SENDERS * PER_SENDER) {
        yield_now().await;
    }
    let mut one_more = 0;
    if is_aborted {
        told.stop.store(true, Ordering::SeqCst);
        // If there is no room, there are enough to stand still.
        one_more = usize::from(jobs.try_send(ledger.message()).is_ok());
        while told.stuck.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
    }
    let limit = if is_aborted { Duration::ZERO } else { Duration::MAX };
    let drained = workers.drain(limit).await;
    let done = told.done.load(Ordering::SeqCst);
    let mut fates = sum(senders).await;
    if let Err(undone) = drained {
        fates.aborted = undone.aborted;
        fates.left = undone.queued.len();
    }
    fates.done = told.done.load(Ordering::SeqCst);
    assert_eq!(fates.done, done, "no job runs when the drain is over");
    fates.panicked = told.panicked.load(Ordering::SeqCst);
    let known = fates.done + fates.panicked + fates.aborted + fates.left;
    assert_eq!(fates.accepted + one_more, known, "{fates:?}");
    assert_eq!(is_aborted, fates.aborted > 0);
    ledger.settle();
    fates
}

#[test]
fn every_job_is_accounted_for_when_it_is_drained() {
    let all = run(async {
        let mut all = Fates::default();
        for round in 0..ROUNDS {
            all.add(life(round, false).await);
        }
        all
    });
    assert_eq!(all.accepted + all.refused + all.cancelled, ROUNDS * SENDERS * PER_SENDER);
    assert!(all.done > 0 && all.panicked > 0 && all.refused > 0 && all.cancelled > 0, "{all:?}");
    assert_eq!((all.aborted, all.left), (0, 0), "a drain without limit does all");
}

#[test]
fn every_job_is_accounted_for_when_it_is_aborted() {
    let all = run(async {
        let mut all = Fates::default();
        for round in 0..ROUNDS {
            all.add(life(round, true).await);
        }
        all
    });
    assert_eq!(all.accepted + all.refused + all.cancelled, ROUNDS * SENDERS * PER_SENDER);
    assert!(all.done > 0 && all.aborted > 0 && all.left > 0, "{all:?}");
}

#[test]
fn no_job_is_lost_in_a_resize() {
    let resizes = run(async {
        let mut resizes = 0;
        for round in 0..ROUNDS {
            let ledger = Ledger::new(SENDERS * PER_SENDER);
            let (jobs, workers, told) = start(round % 3, 1 + round % 5);
            let workers = Arc::new(workers);
            let senders = send_all(&jobs, &ledger);
            drop(jobs);
            let mut resizers = JoinSet::new();
            for seed in 0..2 {
                let workers = Arc::clone(&workers);
                resizers.spawn(async move {
                    for step in 0..40 {
                        workers.resize((step * 7 + seed * 3 + round) % 5);
                        yield_now().await;
                    }
                    40
                });
            }
            resizes += resizers.join_all().await.into_iter().sum::<usize>();
            workers.resize(2);
            let fates = sum(senders).await;
            let workers = Arc::into_inner(workers).unwrap();
            workers.drain(Duration::MAX).await.unwrap();
            let done = told.done.load(Ordering::SeqCst);
            assert_eq!(fates.accepted, done + told.panicked.load(Ordering::SeqCst));
            assert_eq!(fates.refused, 0);
            ledger.settle();
        }
        resizes
    });
    assert_eq!(resizes, ROUNDS * 80);
}
