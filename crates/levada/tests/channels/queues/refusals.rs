//! A sender that does not wait is refused again for as long as there is a reason, and no longer.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::queue::error::{SendError, TrySendError};
use super::queue::{self, Offered, Overflow};

#[test]
fn one_that_was_refused_finds_room() {
    let (tx, mut rx) = queue::channel(2);
    assert_eq!((tx.try_send(1), tx.try_send(2)), (Ok(()), Ok(())));
    for _ in 0..3 {
        assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    }
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.try_send(3), Ok(()));
    assert_eq!(tx.try_send(4), Err(TrySendError::Full(4)));
    assert!(rx.drain().eq([2, 3]));
    assert_eq!((tx.try_send(5), tx.try_send(6)), (Ok(()), Ok(())));
}

#[test]
fn one_that_was_refused_learns_of_the_close() {
    let (tx, mut rx) = queue::channel(1);
    assert_eq!(tx.try_send(1), Ok(()));
    for _ in 0..2 {
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    }
    rx.close();
    assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.try_send(2), Err(TrySendError::Closed(2)));
}

#[test]
fn one_whose_message_was_discarded_finds_room_and_the_close() {
    let (tx, mut rx) = queue::builder(1).overflow(Overflow::DiscardIncoming).build();
    assert_eq!(tx.offer(1), Ok(Offered::Queued { free: 0 }));
    for _ in 0..2 {
        assert_eq!(tx.offer(2), Ok(Offered::Discarded(2)));
    }
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.offer(3), Ok(Offered::Queued { free: 0 }));
    assert_eq!(tx.try_send(4), Ok(()), "discarded");
    rx.close();
    assert_eq!(tx.offer(5), Err(SendError(5)));
    assert_eq!(tx.try_send(5), Err(TrySendError::Closed(5)));
    assert_eq!((tx.evicted(), rx.try_recv()), (3, Ok(3)));
}
