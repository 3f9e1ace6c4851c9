//! The protocol with several receivers: each message to one of them, and none asleep beside it.

use crate::mpmc::{Receiver, channel};
use crate::prim::{block_on, model, thread};
use core::task::{Context, Waker};

fn all(rx: &Receiver<usize>) -> usize {
    let mut received = 0;
    while block_on(rx.recv()).is_some() {
        received += 1;
    }
    received
}

#[test]
fn each_message_to_one_receiver() {
    model(|| {
        let (tx, rx) = channel(2);
        let other = rx.clone();
        let receiver = thread::spawn(move || all(&other));
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        drop(tx);
        assert_eq!(all(&rx) + receiver.join().unwrap(), 2);
    });
}

#[test]
fn room_wakes_a_sender() {
    model(|| {
        let (tx, rx) = channel(1);
        tx.try_send(0).unwrap();
        let sender = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(rx.try_recv(), Ok(0));
        sender.join().unwrap();
        assert_eq!(rx.try_recv(), Ok(1));
    });
}

/// C2: a receiver that was woken and is cancelled wakes the next.
#[test]
fn a_cancelled_receiver_hands_on_its_message() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let sender = thread::spawn(move || {
            let mut recv = Box::pin(other.recv());
            let mut cx = Context::from_waker(Waker::noop());
            let first = recv.as_mut().poll(&mut cx);
            tx.try_send(1).unwrap();
            drop(recv);
            assert!(first.is_pending(), "nothing had been sent");
            drop(tx);
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        sender.join().unwrap();
    });
}

/// The end wakes all receivers, also the one that finds the last message gone.
#[test]
fn the_end_wakes_every_receiver() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || all(&other));
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        assert_eq!(all(&rx) + receiver.join().unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn no_message_outlives_the_last_receiver() {
    model(|| {
        let (tx, rx) = channel(1);
        let other = rx.clone();
        let message = std::sync::Arc::new(());
        let count = std::sync::Arc::downgrade(&message);
        let receiver = thread::spawn(move || drop(other));
        let sender = thread::spawn(move || {
            let _sent_or_not = tx.try_send(message);
            tx
        });
        drop(rx);
        receiver.join().unwrap();
        let tx = sender.join().unwrap();
        assert_eq!(count.strong_count(), 0);
        drop(tx);
    });
}
