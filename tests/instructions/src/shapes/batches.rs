//! `mpsc`, 128 messages at a time: by so many sends, and by one `send_many`, which tokio does not
//! have. Both receive with one `recv_many`, or nothing: then sending alone is counted. Those have
//! messages of another type, so that nothing is inlined otherwise in the first two.

use super::mpsc;
use crate::run::on_runtime;
use crate::shapes::Shape;
use std::collections::VecDeque;
use std::hint::black_box;

const BATCH: u64 = 128;

/// As much as is sent where nothing is received: twice as many operations as others have.
const ROOM: usize = 4096;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/send-one-by-one", send),
    ("own/send-many", send_many),
    ("own/send-one-by-one-alone", send_alone),
    ("own/send-many-alone", send_many_alone),
];

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

fn send_alone(n: u64) {
    on_runtime(async move {
        let (tx, rx) = grown();
        for i in 0..n as i64 {
            tx.send(black_box(i)).await.expect("the receiver is there");
        }
        leave(tx, rx, n);
    });
}

fn send_many_alone(n: u64) {
    on_runtime(async move {
        let (tx, rx) = grown();
        let mut queue = VecDeque::with_capacity(BATCH as usize);
        for batch in 0..(n / BATCH) as i64 {
            queue.extend((0..BATCH as i64).map(|i| black_box(batch * BATCH as i64 + i)));
            tx.send_many(&mut queue).await.expect("the receiver is there");
        }
        leave(tx, rx, n);
    });
}

/// An empty channel whose storage has room for [`ROOM`] messages. It takes the same for any number
/// of operations, so it drops out.
fn grown() -> (mpsc::Sender<i64>, mpsc::Receiver<i64>) {
    let (tx, mut rx) = mpsc::channel(ROOM);
    for _ in 0..2 {
        (0..ROOM as i64).for_each(|i| tx.try_send(i).expect("there is room"));
        assert_eq!(rx.drain().len(), ROOM);
    }
    (tx, rx)
}

/// The channel is leaked: to drop the messages in it is not sending.
fn leave(tx: mpsc::Sender<i64>, rx: mpsc::Receiver<i64>, n: u64) {
    assert_eq!(tx.len() as u64, n);
    Box::leak(Box::new((tx, rx)));
}
