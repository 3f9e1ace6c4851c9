//! Several threads: every item is counted, whoever is cancelled or closed meanwhile.

use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use levada_work::batch::{Batch, Batcher};
use support::{Ledger, Message, Task, within_deadline};
use tokio::task::JoinSet;

const ROUNDS: usize = 200;
const SENDERS: usize = 4;
const PER_SENDER: usize = 50;

fn run<R: Send + 'static>(rounds: impl Future<Output = R> + Send + 'static) -> R {
    within_deadline(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(rounds)
    })
}

/// How many items had which fate.
#[derive(Debug, Default, Clone, Copy)]
struct Fates {
    accepted: u64,
    refused: u64,
    cancelled: u64,
    panicked: u64,
}

impl Fates {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.cancelled += other.cancelled;
        self.panicked += other.panicked;
    }
}

/// Sends items; every third send is polled once, and dropped if it was not accepted by then.
async fn send_some(batcher: Batcher<Message>, ledger: Ledger) -> Fates {
    let mut fates = Fates::default();
    for number in 0..PER_SENDER {
        let sent = if number.is_multiple_of(3) {
            match Task::new(batcher.send(ledger.message())).poll() {
                Poll::Ready(sent) => sent,
                Poll::Pending => {
                    fates.cancelled += 1;
                    continue;
                }
            }
        } else {
            batcher.send(ledger.message()).await
        };
        match sent {
            Ok(()) => fates.accepted += 1,
            Err(_) => fates.refused += 1,
        }
    }
    fates
}

/// One life of a worker: closed in the middle (even rounds) or left by its senders.
async fn life(round: usize) -> Fates {
    let ledger = Ledger::new(SENDERS * PER_SENDER);
    let handed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handed);
    let batch = Batch::new().max_items(7).capacity(1 + round % 5);
    let batch = batch.linger(Duration::from_micros(round as u64 % 3));
    let (batcher, mut worker) = batch.start(move |items: Vec<Message>| {
        count.fetch_add(items.len() as u64, Ordering::SeqCst);
        let panics = round % 8 < 2 && items.len().is_multiple_of(2);
        async move {
            tokio::task::yield_now().await;
            if panics {
                resume_unwind(Box::new("on purpose")); // A panic that prints nothing.
            }
            Ok::<_, Infallible>(())
        }
    });
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        senders.spawn(send_some(batcher.clone(), ledger.clone()));
    }
    drop(batcher);
    if round.is_multiple_of(2) {
        while ledger.made() < round % (SENDERS * PER_SENDER) {
            tokio::task::yield_now().await;
        }
        worker.close();
    }
    let mut fates = Fates::default();
    senders.join_all().await.into_iter().for_each(|some| fates.add(some));
    let totals = worker.join().await.unwrap();
    assert_eq!(fates.accepted, totals.items());
    assert_eq!(fates.accepted, handed.load(Ordering::SeqCst));
    ledger.settle();
    fates.panicked = totals.panicked;
    fates
}

#[test]
fn what_is_accepted_is_flushed_whenever_it_is_closed() {
    let all = run(async {
        let mut all = Fates::default();
        for round in 0..ROUNDS {
            all.add(life(round).await);
        }
        all
    });
    assert_eq!(all.accepted + all.refused + all.cancelled, (ROUNDS * SENDERS * PER_SENDER) as u64);
    let Fates { accepted, refused, cancelled, panicked } = all;
    assert!(accepted > 0 && refused > 0 && cancelled > 0 && panicked > 0, "{all:?}");
}

#[test]
fn a_flush_covers_what_its_caller_sent() {
    run(async {
        for _ in 0..ROUNDS {
            let (batcher, worker) = Batch::new().max_items(5).capacity(4).start(
                |items: Vec<Arc<AtomicU64>>| async move {
                    tokio::task::yield_now().await;
                    for item in &items {
                        item.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<_, Infallible>(())
                },
            );
            let mut callers = JoinSet::new();
            for _ in 0..SENDERS {
                let batcher = batcher.clone();
                callers.spawn(async move {
                    let mine = Arc::new(AtomicU64::new(0));
                    for sent in 1..=5 {
                        batcher.send(Arc::clone(&mine)).await.unwrap();
                        batcher.flush().await.unwrap();
                        assert_eq!(mine.load(Ordering::Relaxed), sent);
                    }
                });
            }
            callers.join_all().await;
            drop(batcher);
            assert_eq!(worker.join().await.unwrap().flushed, 5 * SENDERS as u64);
        }
    });
}
