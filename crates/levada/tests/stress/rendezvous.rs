//! A rendezvous: senders and a receiver that give up at any poll.

use crate::shared::{Dice, Message, block_on, poll_for, rounds};
use levada::mpsc::error::TryRecvError;
use levada::mpsc::rendezvous::{Receiver, Sender};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const SENDERS: u64 = 3;

/// What became of the messages of one sender.
#[derive(Default)]
struct Sent {
    /// Their sends were ready: they were received.
    done: BTreeSet<u64>,
    /// Their sends were dropped: they were received, or dropped with them.
    cancelled: BTreeSet<u64>,
}

/// Sends `count` messages, or until the channel is closed.
fn send_all(tx: &Sender<Message>, sender: u64, count: u64, alive: &Arc<AtomicUsize>) -> Sent {
    let mut dice = Dice::new(sender);
    let mut sent = Sent::default();
    for number in 0..count {
        let message = Message::new(sender, number, alive);
        let result = match dice.roll(3) {
            0 => poll_for(tx.send(message), 1 + dice.roll(8)),
            1 => {
                let upgraded = tx.downgrade().upgrade().expect("a sender is there");
                Some(block_on(upgraded.send(message)))
            }
            _ => Some(tx.blocking_send(message)),
        };
        match result {
            Some(Ok(())) => drop(sent.done.insert(number)),
            None => drop(sent.cancelled.insert(number)),
            // It came back, and so will all that follow.
            Some(Err(error)) => {
                assert_eq!((error.0.sender, error.0.number), (sender, number));
                break;
            }
        }
    }
    sent
}

/// Receives to the end; closes the channel after `enough` messages.
fn receive_all(mut rx: Receiver<Message>, enough: u64) -> Vec<Message> {
    let mut dice = Dice::new(99);
    let mut received = Vec::new();
    loop {
        if received.len() as u64 >= enough {
            rx.close();
        }
        let message = match dice.roll(3) {
            0 => match rx.try_recv() {
                Ok(message) => Some(message),
                Err(TryRecvError::Empty) => {
                    thread::yield_now();
                    continue;
                }
                Err(TryRecvError::Disconnected) => None,
            },
            1 => match poll_for(rx.recv(), 1 + dice.roll(3)) {
                Some(message) => message,
                None => continue,
            },
            _ => block_on(rx.recv()),
        };
        let Some(message) = message else { return received };
        received.push(message);
    }
}

fn hammer(count: u64, enough: u64) {
    let alive = Arc::default();
    let (tx, rx) = levada::mpsc::rendezvous();
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), &alive);
                scope.spawn(move || send_all(&tx, sender, count, alive))
            })
            .collect();
        drop(tx);
        let receiver = scope.spawn(move || receive_all(rx, enough));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        (sent, receiver.join().unwrap())
    });
    for (sender, sent) in (0..).zip(&sent) {
        let numbers = received.iter().filter(|message| message.sender == sender);
        let numbers: Vec<_> = numbers.map(|message| message.number).collect();
        assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "out of order, or twice");
        let numbers = BTreeSet::from_iter(numbers);
        assert!(sent.done.is_subset(&numbers), "a send was ready, and its message not received");
        let other: BTreeSet<_> = numbers.difference(&sent.done).copied().collect();
        assert!(other.is_subset(&sent.cancelled), "a message that came back was received");
    }
    drop(received);
    // ORDERING: Relaxed, no pair: the threads were joined.
    assert_eq!(alive.load(Ordering::Relaxed), 0, "messages were never dropped");
}

#[test]
fn both_sides_give_up() {
    hammer(rounds(10_000), u64::MAX);
}

#[test]
fn closed_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 100 };
    for round in 0..rounds(100).max(3) {
        hammer(count, round % (2 * count));
    }
}
