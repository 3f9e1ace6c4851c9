//! What `own/` counts of levada, made by hand with what tokio has: permits for many, a broadcast
//! with one receiver, a semaphore beside a queue without a bound, a `select!`, an acknowledgement.

use super::{broadcast, mpsc, oneshot};
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::Semaphore;

const BATCH: u64 = 128;

/// As in `batches`.
const ROOM: usize = 4096;

/// As in `kinds` and `overflow`.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/send-one-by-one-alone", send_alone),
    ("own/send-many-alone", send_many_alone),
    ("own/evict-oldest", evict_oldest),
    ("own/discard-incoming", try_send_refused),
    ("own/try-send-refused", try_send_refused),
    ("own/weighted-send-recv", weighted),
    ("own/weighted-full", weighted_full),
    ("own/lanes-low-of-3", low_lane),
    ("own/rendezvous", rendezvous),
];

/// The sum of the numbers below `n`.
fn sum_below(n: u64) -> i64 {
    (n * (n - 1) / 2) as i64
}

fn send_alone(n: u64) {
    on_runtime(async move {
        let (tx, rx) = used();
        for i in 0..n as i64 {
            tx.send(black_box(i)).await.expect("the receiver is there");
        }
        leave(tx, rx, n);
    });
}

fn send_many_alone(n: u64) {
    on_runtime(async move {
        let (tx, rx) = used();
        let mut queue = Vec::with_capacity(BATCH as usize);
        for batch in 0..(n / BATCH) as i64 {
            queue.extend((0..BATCH as i64).map(|i| black_box(batch * BATCH as i64 + i)));
            let permits = tx.reserve_many(queue.len()).await.expect("the receiver is there");
            queue.drain(..).zip(permits).for_each(|(message, permit)| permit.send(message));
        }
        leave(tx, rx, n);
    });
}

/// An empty channel through which [`ROOM`] messages have gone.
fn used() -> (mpsc::Sender<i64>, mpsc::Receiver<i64>) {
    let (tx, mut rx) = mpsc::channel(ROOM);
    (0..ROOM as i64).for_each(|i| tx.try_send(i).expect("there is room"));
    (0..ROOM).for_each(|_| assert!(rx.try_recv().is_ok(), "it was sent"));
    (tx, rx)
}

/// The channel is leaked: to drop the messages in it is not sending.
fn leave(tx: mpsc::Sender<i64>, rx: mpsc::Receiver<i64>, n: u64) {
    assert_eq!(rx.len() as u64, n);
    Box::leak(Box::new((tx, rx)));
}

fn evict_oldest(n: u64) {
    let (tx, rx) = broadcast::channel(CAPACITY);
    (0..CAPACITY).for_each(|_| assert!(tx.send(0).is_ok(), "there is a receiver"));
    (0..n as i64).for_each(|i| assert!(tx.send(black_box(i)).is_ok(), "there is a receiver"));
    assert_eq!(rx.len() as u64, n + CAPACITY as u64);
}

fn try_send_refused(n: u64) {
    let (tx, rx) = mpsc::channel(CAPACITY);
    (0..CAPACITY).for_each(|_| tx.try_send(0).expect("there is room"));
    let mut sum = 0;
    for i in 0..n as i64 {
        let refused = tx.try_send(black_box(i)).expect_err("it is full");
        sum += refused.into_inner();
    }
    assert_eq!(sum, sum_below(n));
    drop(rx);
}

fn weighted(n: u64) {
    on_runtime(async move {
        let room = Arc::new(Semaphore::new(CAPACITY));
        let (tx, mut rx) = mpsc::unbounded_channel();
        let mut sum = 0;
        for i in 0..n as i64 {
            let permit = room.clone().acquire_many_owned(black_box(1)).await.expect("it is open");
            assert!(tx.send((black_box(i), permit)).is_ok(), "the receiver is there");
            let (message, _permit) = rx.recv().await.expect("a message is there");
            sum += message;
        }
        assert_eq!(sum, sum_below(n));
    });
}

/// The sender waits, is woken by the receive, and is polled again.
fn weighted_full(n: u64) {
    let room = Arc::new(Semaphore::new(1));
    let (tx, mut rx) = mpsc::unbounded_channel();
    let send = async |i: i64| {
        let permit = room.clone().acquire_many_owned(black_box(1)).await.expect("it is open");
        assert!(tx.send((black_box(i), permit)).is_ok(), "the receiver is there");
    };
    ready(pin!(send(0)));
    let mut sum = 0;
    for i in 1..=n as i64 {
        let mut send = pin!(send(i));
        assert!(poll(send.as_mut()).is_pending());
        let (message, permit) = rx.try_recv().expect("a message is there");
        sum += message;
        drop(permit);
        ready(send);
    }
    assert_eq!(sum, sum_below(n));
}

/// The lanes above it are looked at each time.
fn low_lane(n: u64) {
    on_runtime(async move {
        let (_high, mut high) = mpsc::channel(CAPACITY);
        let (_middle, mut middle) = mpsc::channel(CAPACITY);
        let (tx, mut low) = mpsc::channel(CAPACITY);
        let mut sum = 0;
        for i in 0..n as i64 {
            tx.send(black_box(i)).await.expect("the receiver is there");
            let message = tokio::select! {
                biased;
                Some(message) = high.recv() => message,
                Some(message) = middle.recv() => message,
                Some(message) = low.recv() => message,
            };
            sum += message;
        }
        assert_eq!(sum, sum_below(n));
    });
}

/// The sender waits for the receive.
fn rendezvous(n: u64) {
    let (tx, mut rx) = mpsc::channel(1);
    let send = async |i: i64| {
        let (taken, acknowledgement) = oneshot::channel();
        assert!(tx.send((black_box(i), taken)).await.is_ok(), "the receiver is there");
        acknowledgement.await.expect("it is taken");
    };
    let mut sum = 0;
    for i in 0..n as i64 {
        let mut send = pin!(send(i));
        assert!(poll(send.as_mut()).is_pending());
        let (message, taken) = rx.try_recv().expect("it waits");
        sum += message;
        taken.send(()).expect("the sender waits");
        ready(send);
    }
    assert_eq!(sum, sum_below(n));
}
