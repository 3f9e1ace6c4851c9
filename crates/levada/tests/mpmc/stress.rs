//! Many tasks, and chance: every message is received exactly once, whoever is cancelled when (C11,
//! C15).

use levada::mpmc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::Dice;
use tokio::task::{JoinSet, yield_now};

/// Lets the other tasks run a few times: what an operation is cancelled by.
async fn patience(dice: &mut Dice) {
    for _ in 0..dice.roll(4) {
        yield_now().await;
    }
}

const ENDS: u64 = 4;
const EACH: u64 = 3_000;

/// Sends its numbers, cancelling every few, and in each of the ways there are.
async fn sender(tx: mpmc::Sender<u64>, number: u64) {
    let mut dice = Dice::new(number + 1);
    let mut next = number * EACH;
    while next < (number + 1) * EACH {
        let sent = match dice.roll(4) {
            0 => tx.try_send(next).is_ok(),
            1 => tokio::select! {
                biased;
                permit = tx.reserve() => {
                    permit.unwrap().send(next);
                    true
                }
                () = patience(&mut dice) => false,
            },
            2 => tokio::select! {
                biased;
                // Ready or not: what was not sent is sent again.
                sent = tx.send(next) => sent.is_ok(),
                () = patience(&mut dice) => false,
            },
            _ => {
                let permits = tx.reserve_many(2).await.unwrap();
                let mut used = false;
                for permit in permits {
                    // The second one is given back.
                    if !used {
                        permit.send(next);
                        used = true;
                    }
                }
                true
            }
        };
        if sent {
            next += 1;
        } else {
            yield_now().await;
        }
    }
}

/// Receives to the end, cancelling every few.
async fn receiver(rx: mpmc::Receiver<u64>, number: u64) -> Vec<u64> {
    let mut dice = Dice::new(number + 77);
    let mut received = Vec::new();
    loop {
        let message = match dice.roll(4) {
            0 => match rx.try_recv() {
                Ok(message) => Some(Some(message)),
                Err(mpmc::error::TryRecvError::Empty) => None,
                Err(mpmc::error::TryRecvError::Disconnected) => Some(None),
            },
            1 => {
                let before = received.len();
                tokio::select! {
                    biased;
                    taken = rx.recv_many(&mut received, 3) => {
                        assert_eq!(taken, received.len() - before);
                        if taken == 0 {
                            return received;
                        }
                    }
                    () = patience(&mut dice) => {}
                }
                None
            }
            _ => tokio::select! {
                biased;
                message = rx.recv() => Some(message),
                () = patience(&mut dice) => None,
            },
        };
        match message {
            Some(Some(message)) => received.push(message),
            Some(None) => return received,
            None => yield_now().await,
        }
    }
}

async fn run(capacity: usize) {
    let (tx, rx) = mpmc::channel(capacity);
    let mut senders = JoinSet::new();
    let mut receivers = JoinSet::new();
    for number in 0..ENDS {
        senders.spawn(sender(tx.clone(), number));
        receivers.spawn(receiver(rx.clone(), number));
    }
    drop((tx, rx));
    while let Some(done) = senders.join_next().await {
        done.unwrap();
    }
    let mut all = Vec::new();
    while let Some(received) = receivers.join_next().await {
        let received = received.unwrap();
        for number in 0..ENDS {
            // C14: what came from one sender came in its order.
            let own = received.iter().filter(|i| **i / EACH == number);
            assert!(own.is_sorted());
        }
        all.extend(received);
    }
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..ENDS * EACH), "lost or doubled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_by_four_with_cancellation() {
    for capacity in [2, 3, 64] {
        run(capacity).await;
    }
}

/// C15, to exhaustion: workers come and go all the time, and are aborted anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_are_aborted() {
    const JOBS: u32 = 20_000;
    let done = Arc::new(AtomicU32::new(0));
    let (tx, rx) = mpmc::channel(4);
    let producer = tokio::spawn(async move {
        for job in 0..JOBS {
            tx.send(job).await.unwrap();
        }
    });
    let mut dice = Dice::new(5);
    while !rx.is_closed() || !rx.is_empty() {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (rx, done) = (rx.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    while rx.recv().await.is_some() {
                        // Without an await in between: taken is done.
                        // ORDERING: Relaxed, no pair: read after the tasks were joined.
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for _ in 0..dice.roll(50) {
            yield_now().await;
        }
        for worker in workers {
            worker.abort();
            let _aborted = worker.await;
        }
    }
    producer.await.unwrap();
    // ORDERING: Relaxed, no pair: the tasks were joined.
    assert_eq!(done.load(Ordering::Relaxed), JOBS);
}
