//! Foreign code that does its worst.

use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Poll, Waker};
use support::{Tally, Task, on_wake, panicking, poll};

/// A waker that panics is woken in one lane; the message is there, and the other lane works.
#[test]
fn wakers_that_panic() {
    let (tx, mut rx) = mpsc::lanes([2, 2], Serve::Strict);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(recv.as_mut(), &panicking()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| tx.lane(1).try_send(1))).is_err());
    assert_eq!(poll(recv.as_mut(), Waker::noop()), Poll::Ready(Some(1)));
    drop(recv);
    // The other lane has the waker still.
    assert!(catch_unwind(AssertUnwindSafe(|| tx.lane(0).try_send(0))).is_err());
    assert_eq!(rx.try_recv(), Ok(0));
}

/// The waker to which a promise passes panics: the receiver that passes it on has its message.
#[test]
fn wakers_of_the_next_receiver_that_panic() {
    let (tx, rx) = mpmc::lanes([2, 2], Serve::Strict);
    let mut first = Task::waiting(rx.recv());
    let mut second = Box::pin(rx.recv());
    assert!(poll(second.as_mut(), &panicking()).is_pending());
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    assert_eq!(first.poll(), Poll::Ready(Some(0)), "it is in hand");
    assert_eq!(poll(second.as_mut(), Waker::noop()), Poll::Ready(Some(1)));

    // The same when the first is dropped: the panic goes on, and both lanes were left.
    let first = Task::waiting(rx.recv());
    let mut second = Box::pin(rx.recv());
    assert!(poll(second.as_mut(), &panicking()).is_pending());
    tx.lane(0).try_send(0).unwrap();
    tx.lane(1).try_send(1).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(first))).is_err());
    assert_eq!(poll(second.as_mut(), Waker::noop()), Poll::Ready(Some(0)));
    drop(second);
    assert_eq!(rx.try_recv(), Ok(1));
}

/// Senders that wait in both lanes and panic when close wakes them: all are woken.
#[test]
fn wakers_of_senders_that_panic_at_the_close() {
    let (tx, mut rx) = mpsc::lanes([1, 1], Serve::Strict);
    let good = Tally::new();
    let mut sends = Vec::new();
    for lane in 0..2 {
        tx.lane(lane).try_send(0).unwrap();
        for waker in [panicking(), good.waker()] {
            let mut send = Box::pin(tx.lane(lane).send(1));
            assert!(poll(send.as_mut(), &waker).is_pending());
            sends.push(send);
        }
    }
    assert!(catch_unwind(AssertUnwindSafe(|| rx.close())).is_err());
    assert_eq!(good.woken(), 2);
    assert!(sends.iter_mut().all(|send| poll(send.as_mut(), Waker::noop()).is_ready()));
}

/// Wakers that send and receive.
#[test]
fn wakers_call_back() {
    let (tx, rx) = mpmc::lanes([4, 4], Serve::Weighted([2, 1]));
    let (sender, receiver) = (tx.clone(), rx.clone());
    let waker = on_wake(move || {
        let _ = sender.lane(1).try_send(7);
        let _ = receiver.try_recv();
        let _ = sender.lane(0).try_send(7);
    });
    for _ in 0..3 {
        let mut recv = pin!(rx.recv());
        if poll(recv.as_mut(), &waker).is_pending() {
            tx.lane(1).try_send(1).unwrap();
            while poll(recv.as_mut(), &waker).is_pending() {}
        }
    }
}
