//! Bugs that priority queues and several channels in one loop had elsewhere, by what went wrong.

use levada::mpsc;
use levada::mpsc::lanes::Serve;
use std::time::Duration;
use support::{Task, now};

/// A queue with priorities never served the low one while the high one was busy.
#[test]
fn a_busy_high_lane_does_not_starve_the_low_one() {
    for serve in [Serve::Weighted([100, 1]), Serve::Aged(Duration::ZERO)] {
        let (tx, mut rx) = mpsc::lanes([4, 4], serve);
        tx.lane(1).try_send("low").unwrap();
        let served = (0..=100).any(|_| {
            while tx.lane(0).try_send("high").is_ok() {}
            rx.try_recv() == Ok("low")
        });
        assert!(served, "{serve:?}");
    }
}

/// Data that filled the one bounded queue kept the control message out that would have stopped it.
#[test]
fn control_gets_in_and_out_while_data_is_full() {
    let (tx, mut rx) = mpsc::lanes([1, 2], Serve::Strict);
    while tx.lane(1).try_send("data").is_ok() {}
    let _waits = Task::waiting(tx.lane(1).send("more data"));
    tx.lane(0).try_send("stop").unwrap();
    assert_eq!(rx.try_recv(), Ok("stop"));
}

/// A loop over two receivers lost the message of the one that was ready while the other was taken.
#[test]
fn both_lanes_are_ready_at_once() {
    let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Strict);
    let mut recv = Task::waiting(rx.recv());
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    assert!(recv.poll().is_ready());
    drop(recv);
    assert_eq!(now(rx.recv()), Some(1));
}

/// A select over two channels ended, or span, when one of them was closed.
#[test]
fn a_lane_that_ended_neither_ends_nor_wakes_the_others() {
    let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Strict);
    let [high, low] = tx.into_lanes();
    drop(high);
    let mut recv = Task::waiting(rx.recv());
    for _ in 0..10 {
        assert!(!recv.is_woken() && recv.poll().is_pending());
    }
    low.try_send(1).unwrap();
    assert!(recv.is_woken() && recv.poll().is_ready());
}
