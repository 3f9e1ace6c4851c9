//! Senders that lap, receivers that come, go, lag and stop in the middle.

use crate::shared::{Dice, Message, block_on, poll_and_forget, poll_for, rounds};
use levada::broadcast::error::{RecvError, TryRecvError};
use levada::broadcast::{self, Receiver, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const SENDERS: u64 = 2;
const RECEIVERS: u64 = 3;

fn send_all(tx: &Sender<Message>, sender: u64, count: u64, alive: &Arc<AtomicUsize>) {
    let mut dice = Dice::new(sender);
    for number in 0..count {
        let readers = tx.send(Message::new(sender, number, alive)).expect("receivers are there");
        assert!(readers >= 1, "counted: {readers}");
        match dice.roll(50) {
            // Comes, reads perhaps, and goes with claims on what it did not read.
            0 => drop(poll_for(tx.subscribe().recv(), 1)),
            1 => assert!(tx.len() as u64 <= SENDERS * count),
            2 => assert!(poll_for(tx.closed(), 1).is_none(), "receivers are there"),
            3..10 => thread::yield_now(),
            _ => {}
        }
    }
}

/// Reads to the end, and gives how many messages it read and how many it was told it missed.
fn receive_all(mut rx: Receiver<Message>, seed: u64) -> (u64, u64) {
    let mut dice = Dice::new(seed + 50);
    let (mut read, mut missed) = (0, 0);
    let mut last = [None; SENDERS as usize];
    let mut forgets = 5;
    loop {
        let taken = match dice.roll(5) {
            0 => match rx.try_recv() {
                Ok(message) => Ok(message),
                Err(TryRecvError::Empty) => {
                    thread::yield_now();
                    continue;
                }
                Err(TryRecvError::Closed) => Err(RecvError::Closed),
                Err(TryRecvError::Lagged(count)) => Err(RecvError::Lagged(count)),
            },
            1 => match poll_for(rx.recv(), 1 + dice.roll(3)) {
                Some(taken) => taken,
                None => continue,
            },
            2 if forgets > 0 => {
                forgets -= 1;
                let forgotten: &'static mut Receiver<_> = ::support::leak(rx.resubscribe());
                drop(poll_and_forget(forgotten.recv()));
                continue;
            }
            _ => block_on(rx.recv()),
        };
        match taken {
            Ok(message) => {
                read += 1;
                let last = &mut last[message.sender as usize];
                assert!(last.is_none_or(|last| last < message.number), "out of order, or twice");
                *last = Some(message.number);
            }
            Err(RecvError::Lagged(count)) => missed += count,
            Err(RecvError::Closed) => return (read, missed),
        }
    }
}

fn hammer(capacity: usize, count: u64) {
    let alive = Arc::default();
    let (tx, rx) = broadcast::channel(capacity);
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|seed| {
                let rx = rx.resubscribe();
                scope.spawn(move || receive_all(rx, seed))
            })
            .collect();
        // It reads nothing, and holds nothing up.
        let idle = rx;
        for sender in 0..SENDERS {
            let (tx, alive) = (tx.clone(), &alive);
            scope.spawn(move || send_all(&tx, sender, count, alive));
        }
        drop(tx);
        for receiver in receivers {
            let (read, missed) = receiver.join().unwrap();
            assert_eq!(read + missed, SENDERS * count, "{read} read, {missed} missed");
        }
        drop(idle);
    });
    // A forgotten receiver never reads: what was kept for it is in the channel, which it keeps.
    // ORDERING: Relaxed, no pair: the threads were joined.
    let left = AtomicUsize::load(&alive, Ordering::Relaxed);
    assert!(left <= capacity.next_power_of_two(), "{left} left");
}

#[test]
fn laps_and_lags() {
    for capacity in [1, 2, 16, 100] {
        hammer(capacity, rounds(5_000));
    }
}
