//! Models of the protocol: what several threads may do at once.
#![forbid(unsafe_code)]

use core::task::{Context, Waker};
use std::pin::pin;

use super::error::{SendError, TryRecvError};
use super::{Receiver, Sender};
use crate::mpsc;
use crate::prim::{Arc, block_on, model, thread};

/// A message with its weight, which tells when it is dropped.
struct Message {
    weight: usize,
    _alive: Arc<()>,
}

fn channel(max: usize) -> (Sender<Message>, Receiver<Message>, Arc<()>) {
    let (tx, rx) = mpsc::weighted(max, |message: &Message| message.weight);
    (tx, rx, Arc::new(()))
}

fn message(weight: usize, alive: &Arc<()>) -> Message {
    Message { weight, _alive: Arc::clone(alive) }
}

/// Receives to the end, and gives the sum of what came.
fn drain(rx: &mut Receiver<Message>) -> usize {
    let mut sum = 0;
    while let Some(message) = block_on(rx.recv()) {
        sum += message.weight;
    }
    sum
}

/// Asserts that all room was given back and every message dropped.
fn all_settled(rx: &Receiver<Message>, mut alive: Arc<()>) {
    assert_eq!(rx.weight(), 0);
    assert!(Arc::get_mut(&mut alive).is_some(), "every message was dropped");
}

/// I2: a sender waits for weight that the receiver gives back, whenever that is, and is woken.
#[test]
fn a_sender_waits_for_room() {
    model(|| {
        let (tx, mut rx, alive) = channel(2);
        assert!(tx.try_send(message(2, &alive)).is_ok());
        let other = Arc::clone(&alive);
        let sender = thread::spawn(move || {
            assert!(block_on(tx.send(message(1, &other))).is_ok());
        });
        assert_eq!(drain(&mut rx), 3);
        sender.join().unwrap();
        all_settled(&rx, alive);
    });
}

/// I1: two senders of which only one fits meet; the other waits for the receiver.
#[test]
fn two_senders_for_one_room() {
    model(|| {
        let (tx, mut rx, alive) = channel(3);
        let senders = [2, 2].map(|weight| {
            let (tx, alive) = (tx.clone(), Arc::clone(&alive));
            thread::spawn(move || {
                assert!(block_on(tx.send(message(weight, &alive))).is_ok());
                assert!(tx.weight() <= 3);
            })
        });
        drop(tx);
        assert_eq!(drain(&mut rx), 4);
        for sender in senders {
            sender.join().unwrap();
        }
        all_settled(&rx, alive);
    });
}

/// A sender that gives up as its turn comes passes it on.
#[test]
fn a_cancelled_sender_passes_its_turn_on() {
    model(|| {
        let (tx, mut rx, alive) = channel(1);
        assert!(tx.try_send(message(1, &alive)).is_ok());
        let mut first = Box::pin(tx.send(message(1, &alive)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let (other, alive_too) = (tx.clone(), Arc::clone(&alive));
        let second = thread::spawn(move || {
            assert!(block_on(other.send(message(1, &alive_too))).is_ok());
        });
        let receiver = thread::spawn(move || {
            assert!(rx.try_recv().is_ok());
            rx
        });
        drop(first);
        second.join().unwrap();
        let mut rx = receiver.join().unwrap();
        drop(tx);
        assert_eq!(drain(&mut rx), 1);
        all_settled(&rx, alive);
    });
}

/// I3: a send that meets the close is received or given back, and the account is settled.
#[test]
fn a_send_meets_the_close() {
    model(|| {
        let (tx, mut rx, alive) = channel(1);
        let other = Arc::clone(&alive);
        let sender = thread::spawn(move || {
            let sent = block_on(tx.send(message(1, &other))).is_ok();
            let again = tx.try_send(message(1, &other)).is_ok();
            (usize::from(sent) + usize::from(again), tx)
        });
        rx.close();
        let received = drain(&mut rx);
        let (sent, tx) = sender.join().unwrap();
        assert_eq!(received, sent);
        assert!(matches!(block_on(tx.send(message(1, &alive))), Err(SendError::Closed(_))));
        drop(tx);
        all_settled(&rx, alive);
    });
}

/// I4: the end waits for a permit, and gets what is sent with it.
#[test]
fn a_permit_meets_the_close() {
    model(|| {
        let (tx, mut rx, alive) = channel(2);
        let other = Arc::clone(&alive);
        let sender = thread::spawn(move || {
            let Ok(permit) = tx.try_reserve_weight(2) else { return 0 };
            usize::from(permit.send(message(1, &other)).is_ok())
        });
        rx.close();
        let received = drain(&mut rx);
        assert_eq!(received, sender.join().unwrap());
        assert!(matches!(rx.try_recv(), Err(TryRecvError::Disconnected)));
        all_settled(&rx, alive);
    });
}

/// The maximum grows while a sender begins to wait.
#[test]
fn a_new_maximum_meets_a_sender() {
    model(|| {
        let (tx, mut rx, alive) = channel(1);
        assert!(tx.try_send(message(1, &alive)).is_ok());
        let (other, alive_too) = (tx.clone(), Arc::clone(&alive));
        let sender = thread::spawn(move || {
            assert!(block_on(other.send(message(1, &alive_too))).is_ok());
        });
        tx.set_max_weight(2);
        sender.join().unwrap();
        assert_eq!(tx.weight(), 2);
        drop(tx);
        assert_eq!(drain(&mut rx), 2);
        all_settled(&rx, alive);
    });
}

/// Futurelock: the receiver sleeps when a forgotten sender is granted the room, and is woken to
/// count against it.
#[test]
fn a_grant_that_is_not_claimed_expires() {
    model(|| {
        let (tx, mut rx, alive) = channel(1);
        let permit = tx.try_reserve_weight(1);
        assert!(permit.is_ok());
        let mut forgotten = pin!(tx.send(message(1, &alive)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(forgotten.as_mut().poll(&mut cx).is_pending());
        let (other, alive_too) = (tx.clone(), Arc::clone(&alive));
        let sender = thread::spawn(move || {
            assert!(block_on(other.send(message(1, &alive_too))).is_ok());
        });
        drop(permit);
        assert!(block_on(rx.recv()).is_some());
        sender.join().unwrap();
    });
}
