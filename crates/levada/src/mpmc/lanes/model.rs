//! Models of receivers that wait in several lanes.
#![forbid(unsafe_code)]

use super::Serve;
use crate::mpmc;
use crate::prim::{block_on, model, thread};
use core::task::{Context, Waker};

/// Guarantee 4: it sleeps in both lanes, and whichever is used wakes it, also at the end.
#[test]
fn either_lane_wakes_the_receiver() {
    model(|| {
        let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
        let senders = tx.into_lanes().map(|lane| thread::spawn(move || lane.try_send(1).is_ok()));
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received, 2);
        for sender in senders {
            assert!(sender.join().unwrap());
        }
    });
}

/// Guarantee 5: a receiver that is promised a message of each lane takes one, and the other one
/// wakes the receiver that sleeps behind it.
#[test]
fn what_is_not_taken_is_passed_on() {
    model(|| {
        let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
        let mut first = Box::pin(rx.recv());
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = rx.clone();
        let second = thread::spawn(move || block_on(other.recv()));
        assert!(tx.lane(0).try_send(1).is_ok() && tx.lane(1).try_send(1).is_ok());
        assert_eq!(block_on(first.as_mut()), Some(1));
        assert_eq!(second.join().unwrap(), Some(1));
    });
}

/// Guarantee 5: the same for one that is cancelled.
#[test]
fn a_cancelled_receive_passes_on_both() {
    model(|| {
        let (tx, rx) = mpmc::lanes([1, 1], Serve::Strict);
        let mut first = Box::pin(rx.recv());
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = rx.clone();
        let second = thread::spawn(move || block_on(other.recv()));
        let sender = thread::spawn(move || {
            assert!(tx.lane(1).try_send(1).is_ok());
        });
        drop(first);
        assert_eq!(second.join().unwrap(), Some(1));
        sender.join().unwrap();
    });
}
