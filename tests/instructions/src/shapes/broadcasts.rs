//! `broadcast`. Where there are several receivers, an operation is a delivery to one of them.

use super::broadcast;
use crate::run::{on_runtime, poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

/// More than any receiver is behind.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("broadcast/1-receiver", to_receivers::<1>),
    ("broadcast/8-receivers", to_receivers::<8>),
    ("broadcast/string", string),
    ("broadcast/wake", wake),
    ("broadcast/create-drop", create_drop),
];

fn to_receivers<const RECEIVERS: u64>(n: u64) {
    on_runtime(async move {
        let (tx, _) = broadcast::channel(CAPACITY);
        let mut receivers: Vec<_> = (0..RECEIVERS).map(|_| tx.subscribe()).collect();
        let sent = n / RECEIVERS;
        let mut sum = 0;
        for i in 0..sent {
            tx.send(black_box(i)).expect("the receivers are there");
            for rx in &mut receivers {
                sum += rx.recv().await.expect("a message is there");
            }
        }
        assert_eq!(sum, RECEIVERS * (sent * (sent - 1) / 2));
    });
}

/// The message is made, sent, cloned by the receiver and dropped.
fn string(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = broadcast::channel(CAPACITY);
        let mut length = 0;
        for _ in 0..n {
            tx.send(black_box("a message").to_owned()).expect("the receiver is there");
            length += black_box(rx.recv().await.expect("a message is there")).len();
        }
        assert_eq!(length as u64, 9 * n);
    });
}

/// The receiver waits, is woken by the send, and is polled again.
fn wake(n: u64) {
    let (tx, mut rx) = broadcast::channel(CAPACITY);
    let mut sum = 0;
    for i in 0..n {
        let mut recv = pin!(rx.recv());
        assert!(poll(recv.as_mut()).is_pending());
        tx.send(black_box(i)).expect("the receiver is there");
        sum += ready(recv).expect("a message is there");
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(broadcast::channel::<u64>(black_box(CAPACITY)));
    }
}
