//! `mpsc`, full, whose sender does not wait: a message goes for each that is offered.

use super::mpsc::{self, Offered, Overflow};
use crate::shapes::Shape;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many messages are in the queue all the time.
const CAPACITY: usize = 64;

pub(crate) const SHAPES: &[Shape] = &[
    ("own/evict-oldest", evict_oldest),
    ("own/evict-newest", evict_newest),
    ("own/evict-with-hook", evict_with_hook),
    ("own/discard-incoming", discard_incoming),
    ("own/try-send-refused", try_send_refused),
];

fn evict_oldest(n: u64) {
    offer(n, Overflow::EvictOldest);
}

fn evict_newest(n: u64) {
    offer(n, Overflow::EvictNewest);
}

fn discard_incoming(n: u64) {
    offer(n, Overflow::DiscardIncoming);
}

fn offer(n: u64, overflow: Overflow) {
    let (tx, rx) = mpsc::builder::<i64>(CAPACITY).overflow(overflow).build();
    (0..CAPACITY).for_each(|_| tx.try_send(0).expect("there is room"));
    let mut sum = 0;
    for i in 0..n as i64 {
        match tx.offer(black_box(i)).expect("the receiver is there") {
            Offered::Evicted(message) | Offered::Discarded(message) => sum += message,
            Offered::Queued { .. } => panic!("it is full"),
        }
    }
    assert_eq!(tx.evicted(), n);
    drop(black_box((sum, rx)));
}

/// Without a policy: the message comes back in the error.
fn try_send_refused(n: u64) {
    let (tx, rx) = mpsc::channel(CAPACITY);
    (0..CAPACITY).for_each(|_| tx.try_send(0).expect("there is room"));
    let mut sum = 0;
    for i in 0..n as i64 {
        let refused = tx.try_send(black_box(i)).expect_err("it is full");
        sum += refused.into_inner();
    }
    assert_eq!(sum, (n * (n - 1) / 2) as i64);
    drop(rx);
}

/// The hook adds up what goes.
fn evict_with_hook(n: u64) {
    let sum = Arc::new(AtomicI64::new(0));
    let evicted = sum.clone();
    let builder = mpsc::builder(CAPACITY).overflow(Overflow::EvictOldest);
    let (tx, rx) = builder
        .on_evicted(move |message| {
            evicted.store(evicted.load(Ordering::Relaxed) + message, Ordering::Relaxed);
        })
        .build();
    (0..CAPACITY).for_each(|_| tx.try_send(0).expect("there is room"));
    (0..n as i64).for_each(|i| tx.try_send(black_box(i)).expect("the oldest goes"));
    assert_eq!(tx.evicted(), n);
    let left = (n as usize).saturating_sub(CAPACITY) as i64;
    assert_eq!(sum.load(Ordering::Relaxed), left * (left - 1) / 2);
    drop(rx);
}
