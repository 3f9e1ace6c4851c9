//! Many threads at once: the bound holds, nothing is lost, and all of it ends.

use levada::mpsc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use support::{Dice, Drops};

const SENDERS: usize = 4;
const MESSAGES: usize = if cfg!(miri) { 20 } else { 3_000 };

struct Numbered {
    sender: usize,
    number: usize,
    weight: usize,
    _alive: Drops,
}

#[test]
fn the_bound_holds_and_all_arrive() {
    for max in [1, 7, 100] {
        let drops = Drops::default();
        let (tx, mut rx) = mpsc::weighted(max, |message: &Numbered| message.weight);
        let sent = AtomicUsize::new(0);
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (tx, drops, sent) = (tx.clone(), &drops, &sent);
                scope.spawn(move || {
                    let mut dice = Dice::new(sender as u64);
                    for number in 0..MESSAGES {
                        let weight = 1 + dice.below(max.min(9));
                        let message = Numbered { sender, number, weight, _alive: drops.message() };
                        if dice.roll(4) == 0 {
                            let permit = support::block_on(tx.reserve_weight(weight)).unwrap();
                            assert!(permit.send(message).is_ok());
                        } else {
                            assert!(tx.blocking_send(message).is_ok());
                        }
                        // ORDERING: SeqCst, no pair: a test's own count.
                        sent.fetch_add(1, Ordering::SeqCst);
                        assert!(tx.weight() <= max);
                    }
                });
            }
            drop(tx);
            let mut next = [0; SENDERS];
            while let Some(message) = rx.blocking_recv() {
                assert_eq!(message.number, next[message.sender], "in order, each once");
                next[message.sender] += 1;
                assert!(rx.weight() <= max);
            }
            assert_eq!(next, [MESSAGES; SENDERS]);
        });
        // ORDERING: SeqCst, no pair: a test's own count.
        assert_eq!(sent.load(Ordering::SeqCst), SENDERS * MESSAGES);
        assert_eq!((drops.alive(), rx.weight()), (0, 0));
    }
}

/// Sends that give up at every poll, permits that are dropped and a maximum that changes lose no
/// room.
#[test]
fn cancelled_sends_lose_no_room() {
    let (tx, mut rx) = mpsc::weighted(5, |n: &usize| *n);
    thread::scope(|scope| {
        for seed in 0..3 {
            let tx = tx.clone();
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                for _ in 0..MESSAGES {
                    let weight = 1 + dice.below(5);
                    let mut send = support::Task::new(tx.send(weight));
                    for _ in 0..dice.below(3) {
                        if send.poll().is_ready() {
                            break;
                        }
                    }
                    drop(tx.try_reserve_weight(weight));
                    tx.set_max_weight(3 + dice.below(5));
                }
            });
        }
        let last = tx.clone();
        drop(tx);
        scope.spawn(move || {
            for _ in 0..MESSAGES {
                assert!(last.blocking_send(1).is_ok());
            }
        });
        while rx.blocking_recv().is_some() {}
    });
    assert_eq!(rx.weight(), 0);
}
