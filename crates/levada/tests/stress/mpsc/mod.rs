//! Senders in all the ways there are, and the one receiver.

pub(crate) mod senders;

use self::senders::send_all;
use crate::shared::{Dice, Message, account, block_on, poll_for, rounds};
use levada::mpsc::error::TryRecvError;
use levada::mpsc::{self as channel, Receiver, UnboundedReceiver, UnboundedSender};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

const SENDERS: u64 = 3;

/// Receives to the end; closes the channel after `enough` messages.
fn receive_all(mut rx: Receiver<Message>, enough: u64) -> Vec<Message> {
    let mut dice = Dice::new(99);
    let mut received = Vec::new();
    loop {
        if received.len() as u64 >= enough {
            rx.close();
        }
        let message = match dice.roll(4) {
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
            2 => {
                if block_on(rx.recv_many(&mut received, 3)) > 0 {
                    continue;
                }
                None
            }
            _ => block_on(rx.recv()),
        };
        let Some(message) = message else { return received };
        received.push(message);
    }
}

fn hammer(capacity: usize, count: u64, enough: u64) {
    let alive = Arc::default();
    let (tx, rx) = channel::channel(capacity);
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), &alive);
                scope.spawn(move || send_all(tx, sender, count, alive))
            })
            .collect();
        drop(tx);
        // A forgotten future has a sender, so only closing ends the channel.
        let receiver = scope.spawn(move || receive_all(rx, enough));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        (sent, receiver.join().unwrap())
    });
    assert!(received.len() as u64 >= enough, "{} of {enough}", received.len());
    account(&sent, vec![received], &alive);
}

#[test]
fn bounded() {
    let count = rounds(10_000);
    for capacity in [1, 2, 5, 64] {
        hammer(capacity, count, SENDERS * count);
    }
}

#[test]
fn bounded_and_closed_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 200 };
    for round in 0..rounds(500).max(3) {
        hammer(1 + round as usize % 4, count, round % (2 * count));
    }
}

fn send_unbounded(tx: UnboundedSender<Message>, sender: u64, alive: &Arc<AtomicUsize>) -> u64 {
    let count = rounds(30_000);
    for number in 0..count {
        let upgraded = tx.downgrade().upgrade().expect("a sender is there");
        upgraded.send(Message::new(sender, number, alive)).unwrap();
    }
    count
}

fn receive_unbounded(mut rx: UnboundedReceiver<Message>) -> Vec<Message> {
    let mut dice = Dice::new(7);
    let mut received = Vec::new();
    loop {
        match dice.roll(3) {
            0 => received.extend(rx.try_recv().ok()),
            1 => received.extend(poll_for(rx.recv(), 1).flatten()),
            _ if block_on(rx.recv_many(&mut received, 40)) == 0 => return received,
            _ => {}
        }
    }
}

#[test]
fn unbounded() {
    let alive = Arc::default();
    let (tx, rx) = channel::unbounded_channel();
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), &alive);
                scope.spawn(move || send_unbounded(tx, sender, alive))
            })
            .collect();
        drop(tx);
        let receiver = scope.spawn(move || receive_unbounded(rx));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        (sent, receiver.join().unwrap())
    });
    account(&sent, vec![received], &alive);
}
