//! The end: guarantee 4.

use levada::mpsc::error::{TryRecvError, TrySendError};
use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::task::Poll;
use support::{Task, now};

/// 4: a lane that ends is not the end.
#[test]
fn lanes_end_one_by_one() {
    let (tx, mut rx) = mpsc::lanes([4, 4], Serve::Strict);
    let (many, one) = mpmc::lanes([4, 4], Serve::Strict);
    let ([high, low], [many_high, many_low]) = (tx.into_lanes(), many.into_lanes());
    let mut recv = Task::waiting(rx.recv());
    let mut other = Task::waiting(one.recv());
    drop((high, many_high));
    assert!(recv.poll().is_pending() && other.poll().is_pending());
    low.try_send(1).unwrap();
    many_low.try_send(1).unwrap();
    assert!(recv.is_woken() && other.is_woken());
    assert_eq!((recv.poll(), other.poll()), (Poll::Ready(Some(1)), Poll::Ready(Some(1))));
    drop((recv, other));
    let mut recv = Task::waiting(rx.recv());
    let mut other = Task::waiting(one.recv());
    drop((low, many_low));
    assert!(recv.is_woken() && other.is_woken());
    assert_eq!((recv.poll(), other.poll()), (Poll::Ready(None), Poll::Ready(None)));
    drop((recv, other));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(one.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!((now(rx.recv()), now(one.recv())), (None, None));
}

/// 4: close closes all lanes; what was sent is received, and permits may be used.
#[test]
fn close() {
    let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Strict);
    tx.lane(1).try_send(1).unwrap();
    let permit = tx.lane(0).try_reserve().unwrap();
    let mut waits = Task::waiting(tx.lane(1).send(2));
    rx.close();
    assert!(tx.is_closed() && waits.is_woken());
    assert!(matches!(waits.poll(), Poll::Ready(Err(back)) if back.0 == 2));
    assert_eq!(tx.lane(0).try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(now(rx.recv()), Some(1));
    let mut recv = Task::waiting(rx.recv());
    permit.send(0);
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Some(0)));
    drop(recv);
    assert_eq!(now(rx.recv()), None);
}

/// 4: close by one of many receivers closes all lanes for all of them.
#[test]
fn close_by_one_of_many() {
    let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
    let other = rx.clone();
    tx.lane(1).try_send(1).unwrap();
    let mut waits = Task::waiting(tx.lane(1).send(2));
    let permit = tx.lane(0).try_reserve().unwrap();
    rx.close();
    assert!(tx.is_closed() && waits.is_woken());
    assert!(matches!(waits.poll(), Poll::Ready(Err(back)) if back.0 == 2));
    for lane in [0, 1] {
        assert_eq!(tx.lane(lane).try_send(3), Err(TrySendError::Closed(3)));
    }
    assert_eq!(now(other.recv()), Some(1));
    let mut recv = Task::waiting(other.recv());
    drop(permit);
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(None));
}

/// 4: the receiver goes; every lane is closed, and senders that wait get their messages back.
#[test]
fn the_receiver_goes() {
    let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
    let other = rx.clone();
    drop(rx);
    tx.lane(1).try_send(1).unwrap();
    let mut waits = Task::waiting(tx.lane(1).send(2));
    assert!(!tx.is_closed());
    drop(other);
    assert!(tx.is_closed() && waits.is_woken());
    assert!(matches!(waits.poll(), Poll::Ready(Err(back)) if back.0 == 2));
}

/// A clone of one lane's sender keeps that lane open, and no other.
#[test]
fn a_sender_of_one_lane() {
    let (tx, mut rx) = mpsc::lanes([4, 4], Serve::Strict);
    let low = tx.lane(1).clone();
    drop(tx);
    low.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(low);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}
