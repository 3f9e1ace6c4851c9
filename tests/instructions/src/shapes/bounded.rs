//! `mpsc` with a bound. A message is a number or 256 bytes.

use super::mpsc;
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

/// More than is ever queued, but for the shapes that wait.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("mpsc/send-recv", send_recv),
    ("mpsc/try", try_send_try_recv),
    ("mpsc/256-bytes", large),
    ("mpsc/reserve-send-recv", reserve),
    ("mpsc/recv-many", recv_many),
    ("mpsc/create-drop", create_drop),
    ("mpsc/ping-pong", ping_pong),
    ("mpsc/full", full),
];

/// The sum of the numbers below `n`.
fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

fn send_recv(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        let mut sum = 0;
        for i in 0..n {
            tx.send(black_box(i)).await.expect("the receiver is there");
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn try_send_try_recv(n: u64) {
    let (tx, mut rx) = mpsc::channel(CAPACITY);
    let mut sum = 0;
    for i in 0..n {
        tx.try_send(black_box(i)).expect("there is room");
        sum += rx.try_recv().expect("a message is there");
    }
    assert_eq!(sum, sum_below(n));
}

fn large(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        let mut sum = 0;
        for i in 0..n {
            tx.send(black_box([i; 32])).await.expect("the receiver is there");
            let message = rx.recv().await.expect("a message is there");
            sum += black_box(&message)[31];
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn reserve(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        let mut sum = 0;
        for i in 0..n {
            tx.reserve().await.expect("the receiver is there").send(black_box(i));
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, sum_below(n));
    });
}

/// Of each message: a send, and its part of receiving 64.
fn recv_many(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        let mut messages = Vec::with_capacity(CAPACITY);
        let mut sum = 0;
        for batch in 0..n / CAPACITY as u64 {
            for i in 0..CAPACITY as u64 {
                let message = batch * CAPACITY as u64 + i;
                tx.send(black_box(message)).await.expect("the receiver is there");
            }
            assert_eq!(rx.recv_many(&mut messages, CAPACITY).await, CAPACITY);
            sum += messages.drain(..).sum::<u64>();
        }
        assert_eq!(sum, sum_below(n));
    });
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(mpsc::channel::<u64>(black_box(CAPACITY)));
    }
}

/// Two tasks in turn: of each message there and back, two switches.
fn ping_pong(n: u64) {
    on_runtime(async move {
        let (there, mut at_there) = mpsc::channel(1);
        let (back, mut at_back) = mpsc::channel(1);
        let echo = tokio::spawn(async move {
            while let Some(message) = at_there.recv().await {
                back.send(message).await.expect("the receiver is there");
            }
        });
        let mut sum = 0;
        for i in 0..n {
            there.send(black_box(i)).await.expect("the receiver is there");
            sum += at_back.recv().await.expect("it comes back");
        }
        drop(there);
        echo.await.expect("the echo panicked");
        assert_eq!(sum, sum_below(n));
    });
}

/// A send that finds the channel full: it waits, is woken by a receive, and is polled again.
fn full(n: u64) {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).expect("there is room");
    let mut sum = 0;
    for i in 1..=n {
        let mut send = pin!(tx.send(black_box(i)));
        assert!(poll(send.as_mut()).is_pending());
        sum += rx.try_recv().expect("a message is there");
        ready(send).expect("the receiver is there");
    }
    assert_eq!(sum, sum_below(n));
}
