//! The end: guarantee 7.

use super::numbers;
use levada::mpsc::weighted::error::{SendError, TryRecvError, TrySendError};
use std::task::Poll;
use support::{Task, now};

/// 7: senders that wait get their messages back, in every state; what was sent is received.
#[test]
fn close_gives_back_what_waits() {
    let (tx, mut rx) = numbers(4);
    tx.try_send(4).unwrap();
    let mut granted = Task::waiting(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(4));
    assert!(granted.is_woken());
    tx.try_send(2).unwrap();
    let mut waiting = Task::waiting(tx.send(3));
    let mut reserving = Task::waiting(tx.reserve_weight(1));
    let mut closed = Task::waiting(tx.closed());
    rx.close();
    assert!(waiting.is_woken() && reserving.is_woken() && closed.poll().is_ready());
    assert_eq!(granted.poll(), Poll::Ready(Err(SendError::Closed(2))));
    assert_eq!(waiting.poll(), Poll::Ready(Err(SendError::Closed(3))));
    assert!(matches!(reserving.poll(), Poll::Ready(Err(SendError::Closed(())))));
    assert_eq!(tx.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(now(tx.send(1)), Err(SendError::Closed(1)));
    assert!(matches!(tx.try_reserve_weight(1), Err(TrySendError::Closed(()))));
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(2), Err(TryRecvError::Disconnected)));
    assert_eq!(tx.weight(), 0);
}

/// 7: closed is said before full.
#[test]
fn a_full_channel_that_is_closed() {
    let (tx, mut rx) = numbers(1);
    tx.try_send(1).unwrap();
    rx.close();
    assert_eq!(tx.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(now(tx.send(1)), Err(SendError::Closed(1)));
}

/// 7: the end waits for the permits that are out, and they may still be used.
#[test]
fn the_end_waits_for_permits() {
    let (tx, mut rx) = numbers(4);
    let (used, unused) = (tx.try_reserve_weight(1).unwrap(), tx.try_reserve_weight(3).unwrap());
    rx.close();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut recv = Task::waiting(rx.recv());
    used.send(1).unwrap();
    assert_eq!(recv.poll(), Poll::Ready(Some(1)));
    drop(recv);
    let mut recv = Task::waiting(rx.recv());
    drop(unused);
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(None));
}

/// 7: the receiver goes; senders that wait, or were granted, get their messages back.
#[test]
fn the_receiver_goes() {
    let (tx, mut rx) = numbers(2);
    tx.try_send(2).unwrap();
    let mut sends: Vec<_> = (0..3).map(|_| Task::waiting(tx.send(1))).collect();
    assert_eq!(rx.try_recv(), Ok(2));
    drop(rx);
    for send in &mut sends {
        assert!(send.is_woken());
        assert_eq!(send.poll(), Poll::Ready(Err(SendError::Closed(1))));
    }
    drop(sends);
    assert_eq!(now(tx.send(5)), Err(SendError::Closed(5)));
}

/// 7: the senders go; the receiver gets the rest and the end.
#[test]
fn the_senders_go() {
    let (tx, mut rx) = numbers(4);
    tx.try_send(1).unwrap();
    let other = tx.clone();
    drop(tx);
    other.try_send(3).unwrap();
    drop(other);
    assert!(rx.is_closed());
    assert_eq!((now(rx.recv()), now(rx.recv()), now(rx.recv())), (Some(1), Some(3), None));
    assert_eq!(now(rx.recv_many(&mut Vec::new(), 4)), 0);
}
