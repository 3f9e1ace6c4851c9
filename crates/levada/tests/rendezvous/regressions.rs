//! Bugs that rendezvous channels had elsewhere, by what went wrong.

use levada::mpsc;
use levada::mpsc::error::TryRecvError;
use std::panic::catch_unwind;
use std::task::Poll;
use support::{Drops, Task, now};

/// An asynchronous send returned before the hand-over.
#[test]
fn a_send_does_not_return_before_the_hand_over() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut send = Task::waiting(tx.send(1));
    for _ in 0..100 {
        assert!(send.poll().is_pending());
    }
    assert_eq!(now(rx.recv()), Some(1));
    assert!(send.poll().is_ready());
}

/// The message was handed to a receiver that was cancelled between its wake-up and its poll, and
/// was lost, although the send had returned.
#[test]
fn a_receiver_that_is_cancelled_after_it_was_woken_loses_nothing() {
    let drops = Drops::default();
    let (tx, mut rx) = mpsc::rendezvous();
    for _ in 0..10 {
        let recv = Task::waiting(rx.recv());
        let mut send = Task::waiting(tx.send(drops.message()));
        assert!(recv.is_woken());
        drop(recv);
        assert!(send.poll().is_pending());
        assert_eq!(drops.alive(), 1);
        assert!(rx.try_recv().is_ok());
        assert!(send.poll().is_ready());
    }
}

/// A sender that gave up left its message, which was received later.
#[test]
fn a_send_that_timed_out_is_not_received_later() {
    let (tx, mut rx) = mpsc::rendezvous();
    drop(Task::waiting(tx.send(1)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut recv = Task::waiting(rx.recv());
    drop(Task::waiting(tx.send(2)));
    assert!(recv.poll().is_pending());
    let mut send = Task::waiting(tx.send(3));
    assert_eq!(recv.poll(), Poll::Ready(Some(3)));
    assert!(send.poll().is_ready());
}

/// Sends that gave up one after the other, without a receive in between, piled up.
#[test]
fn sends_that_give_up_do_not_pile_up() {
    let drops = Drops::default();
    let (tx, rx) = mpsc::rendezvous();
    for _ in 0..1_000 {
        drop(Task::waiting(tx.send(drops.message())));
        assert_eq!((drops.alive(), rx.len()), (0, 0));
    }
}

/// Senders and a receiver that wait for each other at the close were left asleep.
#[test]
fn close_wakes_both_sides() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut recv = Task::waiting(rx.recv());
    let mut send = Task::waiting(tx.send(1));
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Some(1)));
    drop(recv);
    let mut waits = Task::waiting(tx.send(2));
    rx.close();
    assert!(waits.is_woken() && matches!(waits.poll(), Poll::Ready(Err(_))));
    assert!(send.poll().is_ready());
}

/// `channel(0)` goes on panicking, as in tokio: a capacity of 0 is mostly a mistake.
#[test]
fn a_capacity_of_zero_is_no_rendezvous() {
    assert!(catch_unwind(|| mpsc::channel::<u8>(0)).is_err());
}
