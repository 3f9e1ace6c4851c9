//! Waiting for no longer than a limit: a future of any kind, a time, a moment.
#![allow(unused_mut, reason = "the receiver of mpmc need not be `mut`")]

use super::queue::{self, error::RecvTimeoutError, error::SendTimeoutError};
use std::future::{pending, ready};
use std::task::Poll;
use std::time::{Duration, Instant};
use support::{Ledger, Task, now};

/// Long enough for anything to happen, and short enough for a test that waits for it to pass.
const SHORT: Duration = Duration::from_millis(5);
const NEVER: Duration = Duration::MAX;

#[test]
fn what_is_possible_at_once_is_not_stopped() {
    let (tx, mut rx) = queue::channel(1);
    assert_eq!(now(tx.send_until(1, ready(()))), Ok(()));
    assert_eq!(now(rx.recv_until(ready(()))), Ok(1));
    assert_eq!(tx.blocking_send_timeout(2, Duration::ZERO), Ok(()));
    assert_eq!(rx.blocking_recv_timeout(Duration::ZERO), Ok(2));
    assert_eq!(tx.blocking_send_deadline(3, Instant::now()), Ok(()));
    assert_eq!(rx.blocking_recv_deadline(Instant::now()), Ok(3));
}

#[test]
fn a_send_that_is_stopped_gives_the_message_back() {
    let ledger = Ledger::new(4);
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(ledger.message()).unwrap();
    let (stop, stopped) = queue::channel::<()>(1);
    let mut send = Task::waiting(tx.send_until(ledger.message(), stop.closed()));
    drop(stopped);
    assert!(send.is_woken());
    let Poll::Ready(Err(SendTimeoutError::Timeout(back))) = send.poll() else { panic!("stopped") };
    drop(send);
    assert_eq!(back.id(), 1);
    for i in [2, 3] {
        let full = if i == 2 {
            tx.blocking_send_timeout(ledger.message(), SHORT)
        } else {
            tx.blocking_send_deadline(ledger.message(), Instant::now() + SHORT)
        };
        let Err(SendTimeoutError::Timeout(back)) = full else { panic!("it is full") };
        assert_eq!(back.id(), i);
    }
    drop(rx.try_recv().unwrap());
    assert_eq!(tx.capacity(), 1, "no sender is left in the line");
    drop(back);
    ledger.settle();
}

#[test]
fn a_receive_that_is_stopped_takes_nothing() {
    let (tx, mut rx) = queue::channel(1);
    assert_eq!(now(rx.recv_until(ready(()))), Err(RecvTimeoutError::Timeout));
    assert_eq!(rx.blocking_recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    let deadline = Instant::now() + SHORT;
    assert_eq!(rx.blocking_recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
    let mut recv = Task::waiting(rx.recv_until(pending::<()>()));
    tx.try_send(1).unwrap();
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Ok(1)));
}

#[test]
fn the_end_is_not_a_time_that_passed() {
    let (tx, mut rx) = queue::channel(1);
    tx.try_send(1).unwrap();
    let mut send = Task::waiting(tx.send_until(2, pending::<()>()));
    rx.close();
    assert_eq!(send.poll(), Poll::Ready(Err(SendTimeoutError::Closed(2))));
    drop(send);
    assert_eq!(tx.blocking_send_timeout(3, NEVER), Err(SendTimeoutError::Closed(3)));
    assert_eq!(rx.blocking_recv_timeout(NEVER), Ok(1));
    assert_eq!(rx.blocking_recv_timeout(NEVER), Err(RecvTimeoutError::Disconnected));
    assert_eq!(now(rx.recv_until(ready(()))), Err(RecvTimeoutError::Disconnected));

    let (tx, mut rx) = queue::unbounded_channel();
    tx.send(1).unwrap();
    drop(tx);
    assert_eq!(rx.blocking_recv_deadline(Instant::now()), Ok(1));
    assert_eq!(now(rx.recv_until(pending::<()>())), Err(RecvTimeoutError::Disconnected));
}
