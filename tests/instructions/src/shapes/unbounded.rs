//! `mpsc` without a bound.

use super::mpsc;
use crate::run::on_runtime;
use crate::shapes::Shape;
use std::hint::black_box;

pub(crate) const SHAPES: &[Shape] = &[
    ("mpsc-unbounded/send-recv", send_recv),
    ("mpsc-unbounded/try", try_recv),
    ("mpsc-unbounded/create-drop", create_drop),
];

fn send_recv(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let mut sum = 0;
        for i in 0..n {
            tx.send(black_box(i)).expect("the receiver is there");
            sum += rx.recv().await.expect("a message is there");
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

fn try_recv(n: u64) {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let mut sum = 0;
    for i in 0..n {
        tx.send(black_box(i)).expect("the receiver is there");
        sum += rx.try_recv().expect("a message is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(mpsc::unbounded_channel::<u64>());
    }
}
