//! Under tokio, a plain `block_on` and on bare threads; with timers that run out (C10, C11, C15,
//! C47).

use levada::mpmc;
use std::thread;
use support::block_on;

const SENDERS: u64 = 3;
const RECEIVERS: u64 = 3;
const EACH: u64 = 2_000;
const SUM: u64 = SENDERS * (EACH * (EACH - 1) / 2);

/// A pool: `send` and `recv` are how it is done here, on threads of their own.
fn pool(
    send: impl Fn(&mpmc::Sender<u64>, u64) + Sync,
    recv: impl Fn(&mpmc::Receiver<u64>) -> Option<u64> + Sync,
) -> u64 {
    let (tx, rx) = mpmc::channel(2);
    let (send, recv) = (&send, &recv);
    thread::scope(|scope| {
        for tx in (0..SENDERS).map(|_| tx.clone()) {
            scope.spawn(move || (0..EACH).for_each(|i| send(&tx, i)));
        }
        drop(tx);
        let pool: Vec<_> = (0..RECEIVERS)
            .map(|_| rx.clone())
            .map(|rx| scope.spawn(move || std::iter::from_fn(|| recv(&rx)).sum::<u64>()))
            .collect();
        drop(rx);
        pool.into_iter().map(|worker| worker.join().unwrap()).sum()
    })
}

#[test]
fn on_bare_threads() {
    let sum = pool(|tx, i| tx.blocking_send(i).unwrap(), mpmc::Receiver::blocking_recv);
    assert_eq!(sum, SUM);
}

#[test]
fn under_a_plain_block_on() {
    let sum = pool(|tx, i| block_on(tx.send(i)).unwrap(), |rx| block_on(rx.recv()));
    assert_eq!(sum, SUM);
}

#[test]
fn batches_on_bare_threads() {
    let (tx, rx) = mpmc::unbounded_channel();
    let workers: Vec<_> = (0..RECEIVERS)
        .map(|_| rx.clone())
        .map(|rx| {
            thread::spawn(move || {
                let mut batch = Vec::new();
                while rx.blocking_recv_many(&mut batch, 7) > 0 {}
                batch.iter().sum::<u64>()
            })
        })
        .collect();
    for i in 0..EACH {
        tx.send(i).unwrap();
    }
    drop(tx);
    let sum: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(sum, SUM / SENDERS);
}

async fn pool_of_tasks() -> u64 {
    let (tx, rx) = mpmc::channel(2);
    for tx in (0..SENDERS).map(|_| tx.clone()) {
        tokio::spawn(async move {
            for i in 0..EACH {
                tx.send(i).await.unwrap();
            }
        });
    }
    drop(tx);
    let workers: Vec<_> = (0..RECEIVERS)
        .map(|_| rx.clone())
        .map(|rx| {
            tokio::spawn(async move {
                let mut sum = 0;
                while let Some(i) = rx.recv().await {
                    sum += i;
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for worker in workers {
        sum += worker.await.unwrap();
    }
    sum
}

#[tokio::test]
async fn under_tokio_on_one_thread() {
    assert_eq!(pool_of_tasks().await, SUM);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn under_tokio_on_several_threads() {
    assert_eq!(pool_of_tasks().await, SUM);
}

/// Threads on one side, tasks on the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_tasks() {
    let (tx, rx) = mpmc::channel(1);
    let sender = thread::spawn(move || (0..1_000_u64).for_each(|i| tx.blocking_send(i).unwrap()));
    let other = rx.clone();
    let blocking = tokio::task::spawn_blocking(move || {
        std::iter::from_fn(|| other.blocking_recv()).sum::<u64>()
    });
    let mut sum = 0;
    while let Some(i) = rx.recv().await {
        sum += i;
    }
    assert_eq!(sum + blocking.await.unwrap(), 499_500);
    sender.join().unwrap();
}

/// A receiver whose channel is never empty lets the other tasks of its thread run.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_busy_receiver_yields() {
    let (tx, rx) = mpmc::unbounded_channel();
    let stop = tokio::spawn(async {});
    tx.send(0).unwrap();
    let mut rounds = 0;
    while !stop.is_finished() {
        tx.send(rx.recv().await.unwrap()).unwrap();
        rounds += 1;
        assert!(rounds < 10_000, "the other task starves");
    }
}

/// C47: no deadline is too far.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn the_longest_timeout() {
    use mpmc::error::SendTimeoutError::{Closed, Timeout};
    use std::time::Duration;
    let (tx, rx) = mpmc::channel(1);
    assert_eq!(tx.send_timeout(1, Duration::MAX).await, Ok(()));
    assert_eq!(tx.send_timeout(2, Duration::ZERO).await, Err(Timeout(2)));
    let waits = tx.clone();
    let waits = tokio::spawn(async move { waits.send_timeout(3, Duration::MAX).await });
    tokio::task::yield_now().await;
    assert_eq!(rx.recv().await, Some(1));
    assert_eq!(waits.await.unwrap(), Ok(()));
    drop(rx);
    assert_eq!(tx.send_timeout(4, Duration::MAX).await, Err(Closed(4)));
}

/// A timeout that ran out has left the line, and passed its turn on.
#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_send_that_timed_out_leaves_nothing() {
    use std::time::Duration;
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(1).unwrap();
    let second = Duration::from_secs(1);
    assert!(tx.send_timeout(2, second).await.is_err());
    assert!(tokio::time::timeout(second, tx.send(3)).await.is_err());
    assert_eq!(rx.recv().await, Some(1));
    assert!(tokio::time::timeout(second, rx.recv()).await.is_err());
    assert_eq!(tx.capacity(), 1);
    tx.try_send(4).unwrap();
    assert_eq!(rx.recv().await, Some(4));
}
