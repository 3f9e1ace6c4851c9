//! One run, in all the ways to send and to receive there are. Compiled for mpsc and for mpmc:
//! `super::channel` says which, and `super` what only a single receiver can do.

use super::channel::error::TryRecvError;
use super::channel::{Receiver, Sender, builder};
use super::{look, receivers};
use crate::policies::{Gone, Run, SENDERS};
use crate::shared::{Dice, Message, account_beside, block_on, poll_for};
use levada::mpsc::Offered;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

/// Sends one message, or a few, in a way that the dice choose. Gives how many were
/// sent; none if the channel is closed.
fn send_somehow(
    tx: &Sender<Message>,
    next: impl Fn(u64) -> Message,
    dice: &mut Dice,
    gone: &Gone,
) -> Option<u64> {
    let message = next(0);
    match dice.roll(8) {
        0 => tx.try_send(message).ok()?,
        1 => block_on(tx.send(message)).ok()?,
        // Under a policy it is ready at once.
        2 => poll_for(tx.send(message), 1).expect("it does not wait").ok()?,
        3 => gone.extend(tx.force_send(message).ok()?),
        4 | 5 => match tx.offer(message).ok()? {
            Offered::Queued { .. } => {}
            Offered::Evicted(other) | Offered::Discarded(other) => gone.extend([other]),
        },
        6 => {
            let batch = [message].into_iter().chain((1..3).map(next));
            let mut batch = VecDeque::from_iter(batch);
            let all = batch.len() as u64;
            let sent = match dice.roll(2) {
                0 => block_on(tx.send_many(&mut batch)).is_ok(),
                _ => tx.try_send_many(&mut batch).is_ok(),
            };
            let count = all - batch.len() as u64;
            return (sent || count > 0).then_some(count);
        }
        // A reserved place is not evicted; it is waited for.
        _ => match poll_for(tx.reserve(), 1 + dice.roll(3)) {
            Some(permit) => permit.ok()?.send(message),
            None => return Some(0),
        },
    }
    Some(1)
}

fn send_all(
    tx: &Sender<Message>,
    sender: u64,
    run: Run,
    gone: &Gone,
    alive: &Arc<AtomicUsize>,
) -> u64 {
    let mut dice = Dice::new(sender);
    let mut sent = 0;
    while sent < run.count {
        let next = |n| Message::new(sender, sent + n, alive);
        match send_somehow(tx, next, &mut dice, gone) {
            Some(count) => sent += count,
            None => break,
        }
        if dice.roll(4) == 0 {
            thread::yield_now();
        }
    }
    sent
}

#[allow(unused_mut, clippy::allow_attributes, reason = "mpsc's receiver is exclusive")]
fn receive_all(mut rx: Receiver<Message>, seed: u64, run: Run) -> Vec<Message> {
    let mut dice = Dice::new(seed);
    let mut received = Vec::new();
    loop {
        if received.len() >= run.enough {
            rx.close();
        }
        match dice.roll(6) {
            0 => match rx.try_recv() {
                Ok(message) => received.push(message),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => return received,
            },
            1 => match poll_for(rx.recv(), 1 + dice.roll(3)) {
                Some(Some(message)) => received.push(message),
                Some(None) => return received,
                None => {}
            },
            2 if block_on(rx.recv_many(&mut received, 3)) == 0 => return received,
            2 => {}
            3 => received.extend(rx.drain()),
            4 => received.extend(look(&mut rx, &mut dice)),
            _ => match block_on(rx.recv()) {
                Some(message) => received.push(message),
                None => return received,
            },
        }
    }
}

pub(crate) fn hammer(run: Run) {
    let (alive, gone) = (Arc::default(), Gone::default());
    let hook = gone.clone();
    let (tx, rx) = builder(run.capacity)
        .overflow(run.overflow)
        .on_evicted(move |message| hook.extend([message]))
        .build();
    let evicted = tx.clone();
    let (sent, count, received) = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (tx, gone, alive) = (tx.clone(), &gone, &alive);
                scope.spawn(move || send_all(&tx, sender, run, gone, alive))
            })
            .collect();
        drop(tx);
        let receivers: Vec<Receiver<Message>> = receivers(rx);
        let receivers: Vec<_> = receivers
            .into_iter()
            .zip(77..)
            .map(|(rx, seed)| scope.spawn(move || receive_all(rx, seed, run)))
            .collect();
        let sent: Vec<_> = senders.into_iter().map(|it| it.join().unwrap()).collect();
        let count = evicted.evicted();
        drop(evicted);
        let received = receivers.into_iter().map(|it| it.join().unwrap()).collect();
        (sent, count, received)
    });
    let gone = gone.take();
    assert_eq!(gone.len() as u64, count, "each that goes is counted, and seen once");
    account_beside(&sent, received, gone, &alive);
}
