//! Models of the protocol: what several threads may do at once.
#![forbid(unsafe_code)]

use core::task::{Context, Poll, Waker};

use crate::mpsc;
use crate::mpsc::error::SendError;
use crate::prim::{Arc, block_on, model, thread};

/// I2: either of them comes first, and the other one is woken.
#[test]
fn a_sender_meets_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let sender = thread::spawn(move || {
            assert!(block_on(tx.send(1)).is_ok());
            assert!(block_on(tx.send(2)).is_ok());
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

#[test]
fn two_senders_meet_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let senders = [1, 2].map(|n| {
            let tx = tx.clone();
            thread::spawn(move || assert!(block_on(tx.send(n)).is_ok()))
        });
        drop(tx);
        let mut sum = 0;
        while let Some(n) = block_on(rx.recv()) {
            sum += n;
        }
        assert_eq!(sum, 3);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// I1: a send that gives up was received, or its message is dropped: once.
#[test]
fn a_cancelled_send_meets_the_receiver() {
    model(|| {
        let mut alive = Arc::new(());
        let (tx, mut rx) = mpsc::rendezvous();
        let message = Arc::clone(&alive);
        let sender = thread::spawn(move || {
            let mut send = Box::pin(tx.send(message));
            assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        });
        let received = block_on(rx.recv());
        sender.join().unwrap();
        drop(received);
        assert!(Arc::get_mut(&mut alive).is_some());
    });
}

/// I1: a send that takes its message back has it, or the receiver has.
#[test]
fn a_send_that_is_taken_back_meets_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let sender = thread::spawn(move || {
            let mut send = Box::pin(tx.send(1));
            assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            send.as_mut().cancel()
        });
        let received = block_on(rx.recv());
        let back = sender.join().unwrap();
        assert_eq!((received.is_some(), back.is_some()), (back.is_none(), received.is_none()));
    });
}

/// I3: a send that meets the close was received before it, or has its message back.
#[test]
fn a_send_meets_the_close() {
    model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let sender = thread::spawn(move || block_on(tx.send(1)));
        let received = rx.try_recv().ok();
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(received, Some(1)),
            Err(SendError(back)) => assert_eq!((back, received), (1, None)),
        }
    });
}

/// The same with a receiver that is dropped while it waits.
#[test]
fn a_send_meets_the_drop_of_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let receiver = thread::spawn(move || {
            let mut recv = Box::pin(rx.recv());
            match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(received) => received,
                Poll::Pending => None,
            }
        });
        let sent = block_on(tx.send(1)).is_ok();
        assert_eq!(receiver.join().unwrap().is_some(), sent);
    });
}
