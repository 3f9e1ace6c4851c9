//! `mpmc`, which tokio does not have.

use crate::run::on_runtime;
use crate::shapes::Shape;
use levada::mpmc;
use std::hint::black_box;

/// More than is ever queued.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("mpmc/send-recv", send_recv),
    ("mpmc/try", try_send_try_recv),
    ("mpmc/create-drop", create_drop),
];

fn send_recv(n: u64) {
    on_runtime(async move {
        let (tx, rx) = mpmc::channel(CAPACITY);
        let mut sum = 0;
        for i in 0..n {
            tx.send(black_box(i)).await.expect("the receiver is there");
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

fn try_send_try_recv(n: u64) {
    let (tx, rx) = mpmc::channel(CAPACITY);
    let mut sum = 0;
    for i in 0..n {
        tx.try_send(black_box(i)).expect("there is room");
        sum += rx.try_recv().expect("a message is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(mpmc::channel::<u64>(black_box(CAPACITY)));
    }
}
