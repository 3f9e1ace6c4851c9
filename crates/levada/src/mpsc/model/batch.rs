//! Many messages at once, and looking at the next one.

use super::received;
use crate::mpsc::{channel, unbounded_channel};
use crate::prim::{block_on, model, thread};
use std::collections::VecDeque;

/// One wake-up is enough for all messages of a batch.
#[test]
fn a_batch_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = unbounded_channel();
        let sender = thread::spawn(move || tx.send_many(&mut VecDeque::from([1, 2])).unwrap());
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// A batch that does not fit sleeps and goes on, as often as it takes.
#[test]
fn a_batch_goes_through_a_small_channel() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let sender = thread::spawn(move || {
            block_on(tx.send_many(&mut VecDeque::from([1, 2]))).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// What was not sent when the channel closes is still in the batch.
#[test]
fn a_batch_meets_the_end() {
    model(|| {
        let (tx, mut rx) = channel(2);
        let sender = thread::spawn(move || {
            let mut batch = VecDeque::from([1, 2]);
            let _sent_or_closed = tx.try_send_many(&mut batch);
            batch.len()
        });
        rx.close();
        assert_eq!(received(&mut rx).len() + sender.join().unwrap(), 2);
    });
}

/// A receiver that waits without taking sees the message, and the end.
#[test]
fn ready_meets_a_message_and_the_end() {
    model(|| {
        let (tx, mut rx) = channel(1);
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        assert!(block_on(rx.ready()));
        assert_eq!(rx.peek(), Some(&1));
        assert_eq!(rx.recv_if(|&message| message == 1), Some(1));
        assert!(!block_on(rx.ready()));
        sender.join().unwrap();
    });
}
