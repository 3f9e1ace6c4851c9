//! Futurelock: a sender whose turn came and that is not polled does not stop the others, nor does a
//! forgotten future of a receiver, beyond what the receiver itself has not received.

use levada::broadcast;
use support::{GRACE, Task, poll_now};

/// 4: the sender that was served is forgotten; the receiver that waits lets the next one have it.
#[test]
fn a_served_sender_that_is_forgotten() {
    for senders in [1, 2, 5] {
        let (tx, mut rx) = broadcast::lossless(1);
        tx.try_send(0).unwrap();
        for _ in 0..senders {
            Task::waiting(tx.send(99)).forget();
        }
        let mut live = Task::waiting(tx.send(1));
        assert_eq!(rx.try_recv(), Ok(0));
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
    let (tx, mut rx) = broadcast::lossless(1);
    tx.try_send(0).unwrap();
    Task::waiting(tx.send(99)).forget();
    let mut live = Task::waiting(tx.send(1));
    assert_eq!(rx.try_recv(), Ok(0));
    let tries = (0..100).take_while(|_| rx.try_recv().is_err() && !live.is_woken()).count();
    assert!(tries <= GRACE + 1);
    assert!(live.is_woken() && live.poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(1));
}

/// The grant comes while the receiver sleeps: it is woken, to count.
#[test]
fn the_grant_is_passed_on_while_the_receivers_sleep() {
    let (tx, mut rx) = broadcast::lossless(1);
    let slow = tx.subscribe();
    tx.try_send(0).unwrap();
    assert_eq!(rx.try_recv(), Ok(0));
    let mut recv = Task::waiting(rx.recv());
    Task::waiting(tx.send(98)).forget();
    let mut live = Task::waiting(tx.send(1));
    drop(slow);
    for _ in 0..=2 * GRACE {
        if recv.is_woken() {
            assert!(recv.poll().is_pending() || live.is_woken());
        }
    }
    assert!(live.is_woken() && live.poll().is_ready());
}

/// A forgotten receive holds back nothing: what it woke for is there for the next call.
#[test]
fn receives_that_are_forgotten() {
    let (tx, rx) = broadcast::lossless(2);
    let forgotten = support::leak(rx);
    Task::waiting(forgotten.recv()).forget();
    let mut other = tx.subscribe();
    assert!(tx.try_send(1).is_ok() && tx.try_send(2).is_ok());
    assert!(tx.try_send(3).is_err(), "its receiver is a member still");
    assert!(poll_now(other.recv()).is_ready());
    let id = tx.subscribers()[0].id;
    assert!(tx.evict(id));
    assert!(tx.try_send(3).is_ok());
}

/// An observer that is forgotten costs nothing.
#[test]
fn observers_that_are_forgotten() {
    let (tx, mut rx) = broadcast::lossless(2);
    let observer = support::leak(tx.subscribe_lossy());
    Task::waiting(observer.recv()).forget();
    for n in 0..100 {
        tx.try_send(n).unwrap();
        assert_eq!(rx.try_recv(), Ok(n));
    }
}
