//! What a sender sees of its channel, and the message that stays with a sender that is cancelled.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::queue::{self, error::SendError};
use std::task::Poll;
use support::{Ledger, Task, now};

/// `len`, `is_empty` and `is_full` agree with the receiver, and with `try_send`.
#[test]
fn a_sender_sees_how_full_its_channel_is() {
    let (tx, mut rx) = queue::channel(2);
    assert!(tx.is_empty() && !tx.is_full());
    tx.try_send(1).unwrap();
    assert_eq!((tx.len(), tx.is_empty(), tx.is_full()), (1, false, false));
    let permit = tx.try_reserve().unwrap();
    assert_eq!((tx.len(), tx.is_full()), (1, true), "a permit takes room, and is no message");
    assert!(tx.try_send(2).is_err());
    permit.send(3);
    assert_eq!((tx.len(), tx.len()), (2, rx.len()));
    rx.try_recv().unwrap();
    assert!(!tx.is_full());

    let (tx, mut rx) = queue::unbounded_channel();
    assert!(tx.is_empty());
    tx.send(1).unwrap();
    assert_eq!((tx.len(), tx.is_empty()), (1, false));
    rx.try_recv().unwrap();
    assert!(tx.is_empty());
}

/// A sender that waits has the room, so others find the channel full.
#[test]
fn room_that_is_granted_is_not_free() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(1).unwrap();
    let mut send = Task::waiting(tx.send(2));
    rx.try_recv().unwrap();
    assert!(tx.is_full() && tx.is_empty());
    assert!(send.poll().is_ready());
}

#[test]
fn a_cancelled_send_ref_keeps_the_message() {
    let ledger = Ledger::new(2);
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(ledger.message()).unwrap();
    let mut value = Some(ledger.message());
    drop(Task::waiting(tx.send_ref(&mut value)));
    assert!(value.is_some());

    // Also after it was granted its room.
    let send = Task::waiting(tx.send_ref(&mut value));
    drop(rx.try_recv().unwrap());
    assert!(send.is_woken());
    drop(send);
    assert!(value.is_some());
    assert_eq!(tx.capacity(), 1, "the room is free again");

    assert_eq!(now(tx.send_ref(&mut value)), Ok(()));
    assert!(value.is_none());
    assert_eq!(rx.try_recv().unwrap().id(), 1);
    ledger.settle();
}

#[test]
fn a_send_ref_to_a_closed_channel_keeps_the_message() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(1).unwrap();
    let mut value = Some(2);
    let mut send = Task::waiting(tx.send_ref(&mut value));
    rx.close();
    assert_eq!(send.poll(), Poll::Ready(Err(SendError(()))));
    drop(send);
    assert_eq!(value, Some(2));
    assert_eq!(now(tx.send_ref(&mut None)), Ok(()), "nothing is sent, so nothing fails");
}
