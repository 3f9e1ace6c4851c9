//! `watch`.

use super::watch;
use crate::run::{poll, ready};
use crate::shapes::Shape;
use std::hint::black_box;
use std::pin::pin;

pub(crate) const SHAPES: &[Shape] = &[
    ("watch/send", send),
    ("watch/borrow", borrow),
    ("watch/borrow-and-update", borrow_and_update),
    ("watch/wake", wake),
    ("watch/clone-drop", clone_drop),
    ("watch/create-drop", create_drop),
];

fn send(n: u64) {
    let (tx, rx) = watch::channel(0);
    for i in 0..n {
        tx.send(black_box(i)).expect("the receiver is there");
    }
    assert_eq!(*rx.borrow(), n - 1);
}

fn borrow(n: u64) {
    let (_tx, rx) = watch::channel(3);
    let mut sum = 0;
    for _ in 0..n {
        sum += *black_box(&rx).borrow();
    }
    assert_eq!(sum, 3 * n);
}

fn borrow_and_update(n: u64) {
    let (_tx, mut rx) = watch::channel(3);
    let mut sum = 0;
    for _ in 0..n {
        sum += *black_box(&mut rx).borrow_and_update();
    }
    assert_eq!(sum, 3 * n);
}

/// The receiver waits, is woken by the send, is polled again, and reads.
fn wake(n: u64) {
    let (tx, mut rx) = watch::channel(0);
    let mut sum = 0;
    for i in 0..n {
        {
            let mut changed = pin!(rx.changed());
            assert!(poll(changed.as_mut()).is_pending());
            tx.send(black_box(i)).expect("the receiver is there");
            ready(changed).expect("the sender is there");
        }
        sum += *rx.borrow();
    }
    assert_eq!(sum, n * (n - 1) / 2);
}

/// A receiver more, and one less.
fn clone_drop(n: u64) {
    let (_tx, rx) = watch::channel(3);
    for _ in 0..n {
        black_box(rx.clone());
    }
    assert_eq!(*rx.borrow(), 3);
}

fn create_drop(n: u64) {
    for _ in 0..n {
        black_box(watch::channel(black_box(3)));
    }
}
