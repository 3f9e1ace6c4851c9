//! `broadcast::lossless`, as in `broadcasts`: what it takes more is the price of losing nothing.

use super::broadcast;
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

/// More than any receiver is behind.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/lossless-1-receiver", to_receivers::<1>),
    ("own/lossless-8-receivers", to_receivers::<8>),
    ("own/lossless-full", full),
];

fn to_receivers<const RECEIVERS: u64>(n: u64) {
    on_runtime(async move {
        let (tx, rx) = broadcast::lossless(CAPACITY);
        let mut receivers: Vec<_> = (0..RECEIVERS).map(|_| tx.subscribe()).collect();
        drop(rx);
        let sent = n / RECEIVERS;
        let mut sum = 0;
        for i in 0..sent {
            tx.send(black_box(i)).await.expect("the receivers are there");
            for rx in &mut receivers {
                sum += rx.recv().await.expect("a message is there");
            }
        }
        assert_eq!(sum, RECEIVERS * (sent * (sent - 1) / 2));
    });
}

/// The sender waits, is woken by the receive, and is polled again.
fn full(n: u64) {
    let (tx, mut rx) = broadcast::lossless(1);
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
