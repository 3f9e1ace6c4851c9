//! What tokio does not have.

use super::{oneshot, watch};
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/oneshot-reusable", reusable),
    ("own/oneshot-pool", pool),
    ("own/oneshot-pool-awaited-first", pool_awaited_first),
    ("own/watch-recv", watch_recv),
];

/// As `oneshot/create-send-await`.
fn reusable(n: u64) {
    on_runtime(async move {
        let mut reply = oneshot::Reusable::new();
        let mut sum = 0;
        for i in 0..n {
            let tx = reply.sender();
            tx.send(black_box(i)).expect("the receiver is there");
            sum += reply.recv().await.expect("the value is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

/// As `oneshot/create-send-await`.
fn pool(n: u64) {
    on_runtime(async move {
        let pool = oneshot::Pool::new(1);
        let mut sum = 0;
        for i in 0..n {
            let mut reply = pool.get();
            let tx = reply.sender();
            tx.send(black_box(i)).expect("the receiver is there");
            sum += reply.recv().await.expect("the value is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

/// As `oneshot/awaited-first`.
fn pool_awaited_first(n: u64) {
    let pool = oneshot::Pool::new(1);
    let mut sum = 0;
    for i in 0..n {
        let mut reply = pool.get();
        let tx = reply.sender();
        let mut recv = pin!(reply.recv());
        assert!(poll(recv.as_mut()).is_pending());
        tx.send(black_box(i)).expect("the receiver is there");
        sum += ready(recv).expect("the value is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

fn watch_recv(n: u64) {
    let (tx, mut rx) = watch::channel(0);
    let mut sum = 0;
    for i in 0..n {
        tx.publish(black_box(i));
        sum += *ready(pin!(rx.recv())).expect("the sender is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}
