//! A bound by weight: senders in all the ways there are, and the one receiver.

use crate::shared::{Dice, Message, account, block_on, poll_and_forget, poll_for, rounds};
use levada::mpsc::error::TryRecvError;
use levada::mpsc::weighted::error::{SendError, TrySendError};
use levada::mpsc::weighted::{Receiver, Sender};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

const SENDERS: u64 = 3;
/// The heaviest message.
const HEAVIEST: u64 = 5;
/// A forgotten sender costs the others polls, and its memory.
const FORGETS: u64 = 10;

fn weight(message: &Message) -> usize {
    1 + (message.number % HEAVIEST) as usize
}

/// The channel is closed.
struct Closed;

/// Tries to send `message` in a way that the dice choose, and says whether it was sent.
fn send_somehow(tx: &Sender<Message>, message: Message, dice: &mut Dice) -> Result<bool, Closed> {
    let (polls, needed) = (1 + dice.roll(3), weight(&message));
    // A permit for more than the maximum would go alone.
    let reserved = (needed + dice.roll(2) as usize).min(tx.max_weight().max(needed));
    match dice.roll(7) {
        0 => match tx.try_send(message) {
            Err(TrySendError::Closed(_)) => return Err(Closed),
            sent => return Ok(sent.is_ok()),
        },
        1 | 2 => match poll_for(tx.send(message), polls) {
            Some(sent) => sent.map_err(|_| Closed)?,
            None => return Ok(false),
        },
        3 => match poll_for(tx.reserve_weight(reserved), polls) {
            // What it does not need goes back.
            Some(permit) => {
                permit.map_err(|_| Closed)?.send(message).map_err(|_| Closed)?;
            }
            None => return Ok(false),
        },
        4 => {
            let Ok(permit) = tx.try_reserve_weight(needed) else { return Ok(false) };
            if needed > 1 && dice.roll(2) == 0 {
                drop(permit);
                let Ok(small) = tx.try_reserve_weight(1) else { return Ok(false) };
                let heavy = small.send(message);
                assert!(matches!(heavy, Err(SendError::TooHeavy(_) | SendError::Closed(_))));
            }
            return Ok(false);
        }
        _ => block_on(tx.send(message)).map_err(|_| Closed)?,
    }
    Ok(true)
}

/// Sends `count` messages, or until the channel is closed; gives how many were sent.
fn send_all(tx: Sender<Message>, sender: u64, run: Run, alive: &Arc<AtomicUsize>) -> u64 {
    let mut dice = Dice::new(sender);
    let mut forgets = FORGETS;
    let mut sent = 0;
    while sent < run.count {
        if forgets > 0 && dice.roll(run.count / FORGETS + 1) == 0 {
            forgets -= 1;
            // A permit that is had at once is given back; else its place in line is forgotten.
            let forgetful: &'static Sender<_> = ::support::leak(tx.clone());
            drop(poll_and_forget(forgetful.reserve_weight(2)));
        }
        if run.changes && dice.roll(8) == 0 {
            tx.set_max_weight(1 + dice.roll(2 * HEAVIEST) as usize);
        }
        match send_somehow(&tx, Message::new(sender, sent, alive), &mut dice) {
            Ok(true) => sent += 1,
            Ok(false) => thread::yield_now(),
            Err(Closed) => return sent,
        }
        assert!(run.changes || tx.weight() <= run.max, "{} of {}", tx.weight(), run.max);
    }
    sent
}

/// Receives to the end; closes the channel after `enough` messages.
fn receive_all(rx: &mut Receiver<Message>, run: Run) -> Vec<Message> {
    let mut dice = Dice::new(99);
    let mut received = Vec::new();
    loop {
        if received.len() as u64 >= run.enough {
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

/// What one run is.
#[derive(Clone, Copy)]
struct Run {
    max: usize,
    /// Whether the maximum changes.
    changes: bool,
    count: u64,
    enough: u64,
}

fn hammer(run: Run) {
    let alive = Arc::default();
    let (tx, mut rx) = levada::mpsc::weighted(run.max, weight);
    let (sent, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, alive) = (tx.clone(), &alive);
                scope.spawn(move || send_all(tx, sender, run, alive))
            })
            .collect();
        drop(tx);
        // A forgotten future has a sender, so only closing ends the channel.
        let receiver = scope.spawn(|| receive_all(&mut rx, run));
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        (sent, receiver.join().unwrap())
    });
    assert!(received.len() as u64 >= run.enough, "{} of {}", received.len(), run.enough);
    assert_eq!(rx.weight(), 0, "all room came back");
    account(&sent, vec![received], &alive);
}

/// Where the heaviest message fits, the bound is exact.
#[test]
fn the_bound_holds() {
    let count = rounds(5_000);
    for max in [HEAVIEST as usize, 7, 100] {
        hammer(Run { max, changes: false, count, enough: SENDERS * count });
    }
}

/// Messages heavier than the maximum go alone, and the maximum changes all the time.
#[test]
fn oversize_and_a_maximum_that_changes() {
    let count = rounds(5_000);
    for max in [1, 3] {
        hammer(Run { max, changes: true, count, enough: SENDERS * count });
    }
}

#[test]
fn closed_on_the_way() {
    let count = if cfg!(miri) { 2 } else { 200 };
    for round in 0..rounds(500).max(3) {
        let (max, enough) = (5 + round as usize % 4, round % (2 * count));
        hammer(Run { max, changes: round % 2 == 0, count, enough });
    }
}
