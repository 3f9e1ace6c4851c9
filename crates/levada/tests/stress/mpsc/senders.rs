//! Sending in all the ways there are. Compiled into mpsc and into mpmc: `super::channel` says
//! which.

use super::channel::Sender;
use super::channel::error::TrySendError;
use crate::shared::{Dice, Message, block_on, poll_and_forget, poll_for};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

/// A forgotten sender costs the others polls, and its memory.
const FORGETS: u64 = 10;

/// The channel is closed.
struct Closed;

/// Tries to send `message` in a way that the dice choose, and says whether it was sent.
fn send_somehow(tx: &Sender<Message>, message: Message, dice: &mut Dice) -> Result<bool, Closed> {
    let polls = 1 + dice.roll(3);
    let closed = |_| Closed;
    match dice.roll(8) {
        0 => match tx.try_send(message) {
            Err(TrySendError::Closed(_)) => return Err(Closed),
            sent => return Ok(sent.is_ok()),
        },
        1 => match poll_for(tx.send(message), polls) {
            Some(sent) => sent.map_err(|_| Closed)?,
            None => return Ok(false),
        },
        2 => match poll_for(tx.reserve(), polls) {
            Some(permit) => permit.map_err(closed)?.send(message),
            None => return Ok(false),
        },
        3 => match poll_for(tx.reserve_many(2.min(tx.max_capacity())), polls) {
            // The second one, if there is one, goes back unused.
            Some(permits) => permits.map_err(closed)?.next().unwrap().send(message),
            None => return Ok(false),
        },
        4 => match poll_for(tx.clone().reserve_owned(), polls) {
            Some(permit) => drop(permit.map_err(closed)?.send(message)),
            None => return Ok(false),
        },
        5 => {
            drop(tx.try_reserve());
            return Ok(false);
        }
        6 => {
            let upgraded = tx.downgrade().upgrade().expect("a sender is there");
            block_on(upgraded.send(message)).map_err(|_| Closed)?;
        }
        _ => block_on(tx.send(message)).map_err(|_| Closed)?,
    }
    Ok(true)
}

/// Sends `count` messages, or until the channel is closed; gives how many were sent.
pub(crate) fn send_all(
    tx: Sender<Message>,
    sender: u64,
    count: u64,
    alive: &Arc<AtomicUsize>,
) -> u64 {
    let mut dice = Dice::new(sender);
    let mut forgets = FORGETS;
    let mut sent = 0;
    while sent < count {
        if forgets > 0 && dice.roll(count / FORGETS + 1) == 0 {
            forgets -= 1;
            // A permit that is had at once is given back; else its place in line is forgotten.
            drop(poll_and_forget(tx.clone().reserve_owned()));
        }
        match send_somehow(&tx, Message::new(sender, sent, alive), &mut dice) {
            Ok(true) => sent += 1,
            Ok(false) => thread::yield_now(),
            Err(Closed) => return sent,
        }
    }
    sent
}
