//! How it ends, on both sides: guarantees 5 and 7.

use levada::broadcast;
use levada::broadcast::lossless::error::{RecvError, TryRecvError};
use std::task::Poll;
use support::{Task, now};

/// 7: what was sent, and then the end.
#[test]
fn receivers_get_the_rest() {
    let (tx, mut rx) = broadcast::lossless(4);
    let mut observer = tx.subscribe_lossy();
    tx.try_send(1).unwrap();
    let second = tx.clone();
    drop(tx);
    second.try_send(2).unwrap();
    drop(second);
    for rx in [&mut rx, &mut observer] {
        assert_eq!(now(rx.recv()), Ok(1));
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(now(rx.recv()), Err(RecvError::Closed));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    }
}

/// 7: receivers that wait learn of it.
#[test]
fn the_end_wakes_receivers() {
    let (tx, mut rx) = broadcast::lossless::<u8>(4);
    let mut second = tx.subscribe_lossy();
    let mut waiting = [Task::waiting(rx.recv()), Task::waiting(second.recv())];
    drop(tx);
    for task in &mut waiting {
        assert!(task.is_woken());
        assert_eq!(task.poll(), Poll::Ready(Err(RecvError::Closed)));
    }
}

/// 5: when the last receiver goes, senders that wait have their messages back, all of them.
#[test]
fn senders_get_their_messages_back() {
    for senders in [1, 3, 40] {
        let (tx, rx) = broadcast::lossless(1);
        tx.try_send(0).unwrap();
        let mut sends: Vec<_> = (1..=senders).map(|n| Task::waiting(tx.send(n))).collect();
        drop(rx);
        for (send, n) in sends.iter_mut().zip(1..) {
            assert!(send.is_woken());
            assert!(matches!(send.poll(), Poll::Ready(Err(error)) if error.0 == n));
        }
        drop(sends);
        let mut rx = tx.subscribe();
        now(tx.send(7)).unwrap();
        assert_eq!(rx.try_recv(), Ok(7));
    }
}

/// 5: when the last member goes, the senders do not wait for the observers.
#[test]
fn the_last_member_frees_the_senders() {
    let (tx, rx) = broadcast::lossless(1);
    let mut observer = tx.subscribe_lossy();
    tx.try_send(0).unwrap();
    let mut sends: Vec<_> = (1..=40).map(|n| Task::waiting(tx.send(n))).collect();
    drop(rx);
    for send in &mut sends {
        assert!(send.is_woken());
        assert!(matches!(send.poll(), Poll::Ready(Ok(1))));
    }
    assert_eq!(observer.try_recv(), Err(TryRecvError::Lagged(40)));
    assert_eq!(observer.try_recv(), Ok(40));
}

/// A sender that was woken by the end of the last member finds another one.
#[test]
fn a_new_member_comes_meanwhile() {
    let (tx, rx) = broadcast::lossless(1);
    tx.try_send(0).unwrap();
    let mut sends: Vec<_> = (1..=3).map(|n| Task::waiting(tx.send(n))).collect();
    drop(rx);
    let mut rx = tx.subscribe();
    assert!(sends[0].poll().is_ready());
    assert!(sends[1].poll().is_pending() && sends[2].poll().is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(sends[1].is_woken() && sends[1].poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(2));
    assert!(sends[2].is_woken() && sends[2].poll().is_ready());
    assert_eq!(rx.try_recv(), Ok(3));
}

/// The members are gone when it is closed; observers count as well.
#[test]
fn closed_is_when_no_receiver_is_left() {
    let (tx, rx) = broadcast::lossless::<u8>(1);
    let observer = tx.subscribe_lossy();
    let mut closed = Task::waiting(tx.closed());
    drop(rx);
    assert!(!closed.is_woken());
    drop(observer);
    assert!(closed.is_woken() && closed.poll().is_ready());
}

/// A weak sender neither keeps the channel open nor opens it again.
#[test]
fn a_weak_sender_does_not_count() {
    let (tx, mut rx) = broadcast::lossless(4);
    let weak = tx.downgrade();
    let second = weak.clone().upgrade().unwrap();
    drop(tx);
    second.try_send(1).unwrap();
    let mut recv = Task::waiting(async {
        assert_eq!(rx.recv().await, Ok(1));
        rx.recv().await
    });
    drop(second);
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Err(RecvError::Closed)));
    drop(recv);
    assert!(weak.upgrade().is_none());
    assert!(rx.is_closed());
}
