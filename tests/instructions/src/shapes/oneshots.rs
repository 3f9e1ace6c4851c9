//! `oneshot`: a channel for each operation.

use super::oneshot;
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

pub(crate) const SHAPES: &[Shape] = &[
    ("oneshot/create-send-await", create_send_await),
    ("oneshot/256-bytes", large),
    ("oneshot/awaited-first", awaited_first),
    ("oneshot/create-drop", create_drop),
];

fn create_send_await(n: u64) {
    on_runtime(async move {
        let mut sum = 0;
        for i in 0..n {
            let (tx, rx) = oneshot::channel();
            tx.send(black_box(i)).expect("the receiver is there");
            sum += rx.await.expect("the value is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

fn large(n: u64) {
    on_runtime(async move {
        let mut sum = 0;
        for i in 0..n {
            let (tx, rx) = oneshot::channel();
            tx.send(black_box([i; 32])).expect("the receiver is there");
            let value = rx.await.expect("the value is there");
            sum += black_box(&value)[31];
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

/// The receiver waits, is woken by the send, and is polled again.
fn awaited_first(n: u64) {
    let mut sum = 0;
    for i in 0..n {
        let (tx, rx) = oneshot::channel();
        let mut rx = pin!(rx);
        assert!(poll(rx.as_mut()).is_pending());
        tx.send(black_box(i)).expect("the receiver is there");
        sum += ready(rx).expect("the value is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(oneshot::channel::<u64>());
    }
}
