//! `mpsc`, 128 messages at a time: by so many sends, and by one `send_many`, which tokio does not
//! have. Both receive with one `recv_many`.

use super::mpsc;
use crate::run::on_runtime;
use crate::shapes::Shape;
use std::collections::VecDeque;
use std::hint::black_box;

const BATCH: u64 = 128;

pub(crate) const SHAPES: &[Shape] = &[("own/send-one-by-one", send), ("own/send-many", send_many)];

fn send(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(BATCH as usize);
        let mut messages = Vec::with_capacity(BATCH as usize);
        let mut sum = 0;
        for batch in 0..n / BATCH {
            for i in 0..BATCH {
                tx.send(black_box(batch * BATCH + i)).await.expect("the receiver is there");
            }
            assert_eq!(rx.recv_many(&mut messages, BATCH as usize).await, BATCH as usize);
            sum += messages.drain(..).sum::<u64>();
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}

fn send_many(n: u64) {
    on_runtime(async move {
        let (tx, mut rx) = mpsc::channel(BATCH as usize);
        let mut messages = Vec::with_capacity(BATCH as usize);
        let mut queue = VecDeque::with_capacity(BATCH as usize);
        let mut sum = 0;
        for batch in 0..n / BATCH {
            queue.extend((0..BATCH).map(|i| black_box(batch * BATCH + i)));
            tx.send_many(&mut queue).await.expect("the receiver is there");
            assert_eq!(rx.recv_many(&mut messages, BATCH as usize).await, BATCH as usize);
            sum += messages.drain(..).sum::<u64>();
        }
        assert_eq!(sum, n * (n - 1) / 2);
    });
}
