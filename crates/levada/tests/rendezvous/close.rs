//! The end: guarantee 4.

use levada::mpsc;
use levada::mpsc::error::{SendError, TryRecvError};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use support::{Drops, Tally, Task, now, poll};

/// 4: close gives every sender that waits its message, and comes at once for the receiver.
#[test]
fn close_gives_back_what_waits() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut sends: Vec<_> = (0..40).map(|n| Task::waiting(tx.send(n))).collect();
    let mut closed = Task::waiting(tx.closed());
    rx.close();
    assert!(closed.is_woken() && closed.poll().is_ready() && tx.is_closed());
    assert_eq!((rx.try_recv(), rx.len()), (Err(TryRecvError::Disconnected), 0));
    assert_eq!(now(rx.recv()), None);
    for (n, send) in sends.iter_mut().enumerate() {
        assert!(send.is_woken());
        assert_eq!(send.poll(), Poll::Ready(Err(SendError(n))));
    }
    assert_eq!(now(tx.send(7)), Err(SendError(7)));
}

/// 4: the same when the receiver is dropped; a future that is dropped then drops its message.
#[test]
fn the_receiver_goes() {
    let drops = Drops::default();
    let (tx, rx) = mpsc::rendezvous();
    let mut first = Task::waiting(tx.send(drops.message()));
    let second = Task::waiting(tx.send(drops.message()));
    drop(rx);
    assert_eq!(drops.alive(), 2, "they are their senders'");
    assert!(first.is_woken() && second.is_woken());
    drop(second);
    assert_eq!(drops.alive(), 1);
    assert!(matches!(first.poll(), Poll::Ready(Err(_))));
    assert_eq!(drops.alive(), 0);
}

/// 4: what was taken before the close was received, although its sender learns of it after.
#[test]
fn a_message_that_was_taken_before_the_close() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut taken = Task::waiting(tx.send(1));
    let mut waits = Task::waiting(tx.send(2));
    assert_eq!(rx.try_recv(), Ok(1));
    drop(rx);
    assert_eq!(taken.poll(), Poll::Ready(Ok(())));
    assert_eq!(waits.poll(), Poll::Ready(Err(SendError(2))));
}

/// 4: the senders go, and the receiver that waits learns of it.
#[test]
fn the_senders_go() {
    let (tx, mut rx) = mpsc::rendezvous::<u8>();
    let other = tx.clone();
    let mut recv = Task::waiting(rx.recv());
    drop(tx);
    assert!(recv.poll().is_pending());
    drop(other);
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(None));
}

/// 4: a receive that was polled and given up has left its waker: close wakes that task, and lets
/// the waker go.
#[test]
fn close_wakes_the_task_that_received() {
    let tally = Tally::new();
    let (_tx, mut rx) = mpsc::rendezvous::<u8>();
    assert!(poll(pin!(rx.recv()), &tally.waker()).is_pending());
    assert_eq!(Arc::strong_count(&tally), 2, "the receiver keeps it");
    rx.close();
    assert_eq!((tally.woken(), Arc::strong_count(&tally)), (1, 1));
}
