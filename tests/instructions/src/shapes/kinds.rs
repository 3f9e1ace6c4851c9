//! `mpsc::weighted`, `lanes` and `rendezvous`, as in `bounded`: what they take more is their price.

use super::mpsc::{self, lanes::Serve};
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

/// More than is ever queued, but for the shapes that wait.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/weighted-send-recv", weighted),
    ("own/weighted-full", weighted_full),
    ("own/lanes-low-of-3", low_lane),
    ("own/lanes-weighted", lanes_in_turns),
    ("own/rendezvous", rendezvous),
];

fn weighted(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::weighted(CAPACITY, |_: &u64| 1);
        let mut sum = 0;
        for i in 0..n {
            tx.send(black_box(i)).await.expect("the receiver is there");
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

/// The sender waits, is woken by the receive, and is polled again.
fn weighted_full(n: u64) {
    let (tx, mut rx) = mpsc::weighted(1, |_: &u64| 1);
    tx.try_send(0).expect("it is empty");
    let mut sum = 0;
    for i in 1..=n {
        let mut send = pin!(tx.send(black_box(i)));
        assert!(poll(send.as_mut()).is_pending());
        sum += rx.try_recv().expect("a message is there");
        ready(send).expect("the receiver is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

/// The lanes above it are looked at each time.
fn low_lane(n: u64) {
    serve(n, Serve::Strict);
}

fn lanes_in_turns(n: u64) {
    serve(n, Serve::Weighted([4, 2, 1]));
}

fn serve(n: u64, serve: Serve<3>) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::lanes([CAPACITY; 3], serve);
        let mut sum = 0;
        for i in 0..n {
            tx.lane(2).send(black_box(i)).await.expect("the receiver is there");
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

/// The sender waits for the receive.
fn rendezvous(n: u64) {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut sum = 0;
    for i in 0..n {
        let mut send = pin!(tx.send(black_box(i)));
        assert!(poll(send.as_mut()).is_pending());
        sum += rx.try_recv().expect("it waits");
        ready(send).expect("it was taken");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}
