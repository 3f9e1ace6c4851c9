//! Futurelock: a sender whose turn came and that is not polled does not stop the others.

use super::numbers;
use support::{GRACE, Task};

/// 4: the sender that was served is forgotten; the receiver that waits lets the next one have it.
#[test]
fn a_served_sender_that_is_forgotten() {
    for senders in [1, 2, 5] {
        let (tx, mut rx) = numbers(3);
        tx.try_send(3).unwrap();
        for _ in 0..senders {
            Task::waiting(tx.send(2)).forget();
        }
        let mut live = Task::waiting(tx.send(3));
        assert_eq!(rx.try_recv(), Ok(3));
        let mut recv = Task::waiting(rx.recv());
        let mut polls = 0;
        while !live.is_woken() {
            assert!(recv.is_woken(), "the other sender has to go on");
            assert!(recv.poll().is_pending());
            polls += 1;
            assert!(polls <= (senders + 1) * (GRACE + 1), "a bounded number of polls");
        }
        assert!(live.poll().is_ready());
        assert!(recv.is_woken() && recv.poll().is_ready());
    }
}

/// The same, found by a receiver that only tries.
#[test]
fn a_served_sender_that_is_forgotten_and_tries() {
    let (tx, mut rx) = numbers(1);
    tx.try_send(1).unwrap();
    Task::waiting(tx.send(1)).forget();
    let mut live = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(1));
    let tries = (0..100).take_while(|_| rx.try_recv().is_err() && !live.is_woken()).count();
    assert!(tries <= GRACE + 1);
    assert!(live.is_woken() && live.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
}

/// The same, found by senders that only try.
#[test]
fn tries_of_senders_count() {
    let (tx, mut rx) = numbers(1);
    tx.try_send(1).unwrap();
    Task::waiting(tx.send(1)).forget();
    assert_eq!(rx.try_recv(), Ok(1));
    let tries = (0..100).take_while(|_| tx.try_send(1).is_err()).count();
    assert!(tries <= GRACE);
    assert_eq!(rx.try_recv(), Ok(1));
}

/// The same, found by a sender that waits behind it.
#[test]
fn a_sender_that_waits_counts() {
    let (tx, mut rx) = numbers(1);
    tx.try_send(1).unwrap();
    Task::waiting(tx.send(1)).forget();
    assert_eq!(rx.try_recv(), Ok(1));
    let mut live = Task::waiting(tx.send(1));
    let (polls, sent) = live.run();
    assert!(sent.is_ready() && polls <= GRACE + 1);
}

/// The grant comes while the receiver sleeps: it is woken, to count.
#[test]
fn the_grant_is_passed_on_while_the_receiver_sleeps() {
    let (tx, mut rx) = numbers(1);
    let permit = tx.try_reserve_weight(1).unwrap();
    let mut recv = Task::waiting(rx.recv());
    Task::waiting(tx.send(1)).forget();
    let mut live = Task::waiting(tx.send(1));
    drop(permit);
    for _ in 0..=2 * GRACE {
        if recv.is_woken() {
            assert!(recv.poll().is_pending() || live.is_woken());
        }
    }
    assert!(live.is_woken() && live.poll().is_ready());
    assert!(recv.is_woken() && recv.poll().is_ready());
}

/// A sender that is polled late keeps its place at the front.
#[test]
fn a_late_sender_is_first_again() {
    let (tx, mut rx) = numbers(2);
    tx.try_send(2).unwrap();
    let mut late = Task::waiting(tx.send(2));
    let mut next = Task::waiting(tx.send(1));
    let mut last = Task::waiting(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(2));
    while !next.is_woken() {
        assert!(rx.try_recv().is_err());
    }
    assert!(next.poll().is_ready());
    assert!(late.poll().is_pending(), "it waits again");
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(late.is_woken() && !last.is_woken());
    assert!(late.poll().is_ready() && last.poll().is_pending());
}
