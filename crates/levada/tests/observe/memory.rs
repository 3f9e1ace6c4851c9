//! What is recorded is freed with the channels, but for tables of the program, which keep the size
//! that they once needed.

use super::poll_once;
use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::pin::pin;
use support::counted;

/// Everything that is recorded of a channel, and then its end.
fn use_all() {
    let (tx, mut rx) = mpsc::channel(1);
    let other = tx.clone();
    assert!(poll_once(pin!(rx.recv())).is_pending());
    for message in 0..200 {
        tx.try_send(message).unwrap();
        assert!(poll_once(pin!(other.send(0))).is_pending());
        rx.try_recv().unwrap();
    }
    let (tx, rx) = mpmc::channel(1);
    assert!(poll_once(pin!(rx.recv())).is_pending());
    tx.try_send(1).unwrap();
    let (tx, mut rx) = broadcast::channel(2);
    assert!(poll_once(pin!(rx.recv())).is_pending());
    tx.send(1).unwrap();
    let (tx, mut rx) = watch::channel(0);
    assert!(poll_once(pin!(rx.changed())).is_pending());
    tx.send(1).unwrap();
    let (_tx, rx) = oneshot::channel::<u32>();
    assert!(poll_once(pin!(rx)).is_pending());
}

#[test]
fn nothing_stays_of_a_channel() {
    // The tables grow: other tests of the program use them, too, so more often than they need.
    for _ in 0..100 {
        use_all();
    }
    let rounds: Vec<_> = (0..100).map(|_| counted(use_all).1).collect();
    let without = rounds.iter().filter(|bytes| **bytes == 0).count();
    assert!(without > 90, "bytes that stayed: {rounds:?}");
}
