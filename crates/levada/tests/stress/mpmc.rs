//! Senders in all the ways there are, and receivers that come and go.

#[path = "mpsc/senders.rs"]
pub(crate) mod senders;

use self::senders::send_all;
use crate::shared::{Dice, Message, account, block_on, poll_and_forget, poll_for, rounds};
use levada::mpmc::error::TryRecvError;
use levada::mpmc::{self as channel, Receiver};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const SENDERS: u64 = 2;
const RECEIVERS: u64 = 3;

/// Receives to the end. Who brings `total` to `enough` closes the channel.
///
/// With `forgets`, receivers are forgotten; then none sleeps, because a message that has woken a
/// forgotten one is had by whoever asks.
fn receive_all(
    mut rx: Receiver<Message>,
    seed: u64,
    mut forgets: u64,
    (total, enough): (&AtomicU64, u64),
) -> Vec<Message> {
    let mut dice = Dice::new(seed);
    let asks = forgets > 0;
    let mut received = Vec::new();
    loop {
        let before = received.len();
        let ended = match dice.roll(6) {
            0 => {
                let message = rx.try_recv();
                let ended = matches!(message, Err(TryRecvError::Disconnected));
                received.extend(message.ok());
                ended
            }
            2 if !asks => block_on(rx.recv_many(&mut received, 3)) == 0,
            1 | 2 => {
                let message = poll_for(rx.recv(), 1 + dice.roll(3));
                let ended = matches!(message, Some(None));
                received.extend(message.flatten());
                ended
            }
            3 => {
                // Another one takes its place.
                let heir = rx.clone();
                drop(std::mem::replace(&mut rx, heir));
                false
            }
            4 if forgets > 0 => {
                forgets -= 1;
                // As a task that is not polled any more; its receiver stays.
                let forgotten: &'static Receiver<_> = ::support::leak(rx.clone());
                let message = poll_and_forget(forgotten.recv());
                let ended = matches!(message, Some(None));
                received.extend(message.flatten());
                ended
            }
            _ if asks => false,
            _ => {
                let message = block_on(rx.recv());
                let ended = message.is_none();
                received.extend(message);
                ended
            }
        };
        let new = (received.len() - before) as u64;
        // ORDERING: AcqRel pairs with itself: one of the receivers finds the total.
        if total.fetch_add(new, Ordering::AcqRel) + new >= enough {
            rx.close();
        }
        if ended {
            return received;
        }
        if new == 0 {
            thread::yield_now();
        }
    }
}

fn hammer(capacity: usize, count: u64, enough: u64, forgets: u64) {
    let alive = Arc::default();
    let total = AtomicU64::new(0);
    let (tx, rx) = channel::channel(capacity);
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), &alive);
                scope.spawn(move || send_all(tx, sender, count, alive))
            })
            .collect();
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|seed| {
                let (rx, total) = (rx.clone(), &total);
                scope.spawn(move || receive_all(rx, seed, forgets, (total, enough)))
            })
            .collect();
        drop((tx, rx));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let received = receivers.into_iter().map(|receiver| receiver.join().unwrap());
        (sent, received.collect::<Vec<_>>())
    });
    let count = received.iter().map(Vec::len).sum::<usize>() as u64;
    assert!(count >= enough, "{count} of {enough}");
    account(&sent, received, &alive);
}

#[test]
fn bounded() {
    let count = rounds(10_000);
    for capacity in [1, 2, 5, 64] {
        hammer(capacity, count, SENDERS * count, 0);
    }
}

#[test]
fn receivers_that_are_forgotten() {
    let count = rounds(2_000);
    for capacity in [1, 2, 5, 64] {
        hammer(capacity, count, SENDERS * count, 10);
    }
}

#[test]
fn bounded_and_closed_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 200 };
    for round in 0..rounds(500).max(3) {
        hammer(1 + round as usize % 4, count, round % (2 * count), round % 2 * 10);
    }
}

#[test]
fn unbounded() {
    let count = rounds(30_000);
    let alive = Arc::default();
    let (tx, rx) = channel::unbounded_channel();
    let received = thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (tx, alive) = (tx.clone(), &alive);
            scope.spawn(move || {
                for number in 0..count {
                    tx.send(Message::new(sender, number, alive)).unwrap();
                }
            });
        }
        drop(tx);
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|seed| {
                let rx = rx.clone();
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    let mut received = Vec::new();
                    loop {
                        match dice.roll(3) {
                            0 => received.extend(rx.try_recv().ok()),
                            1 => received.extend(poll_for(rx.recv(), 1).flatten()),
                            _ if block_on(rx.recv_many(&mut received, 40)) == 0 => return received,
                            _ => {}
                        }
                    }
                })
            })
            .collect();
        drop(rx);
        receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect()
    });
    account(&[count; SENDERS as usize], received, &alive);
}
