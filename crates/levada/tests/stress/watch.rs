//! Senders in all the ways there are, receivers that look, wait and go.

use crate::shared::{Dice, Message, block_on, poll_and_forget, poll_for, rounds};
use levada::watch::{self, Receiver, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

const SENDERS: u64 = 2;
const RECEIVERS: u64 = 3;

/// Two halves of one value: whoever sees them differ sees it being written.
type Pair = (Message, Message);

fn pair(sender: u64, number: u64, alive: &Arc<AtomicUsize>) -> Pair {
    (Message::new(sender, number, alive), Message::new(sender, number, alive))
}

fn assert_whole(pair: &Pair) {
    assert_eq!((pair.0.sender, pair.0.number), (pair.1.sender, pair.1.number), "torn");
}

fn send_all(tx: &Sender<Pair>, sender: u64, count: u64, alive: &Arc<AtomicUsize>) {
    let mut dice = Dice::new(sender);
    for number in 0..count {
        match dice.roll(6) {
            0 => assert_whole(&tx.send_replace(pair(sender, number, alive))),
            1 => tx.send_modify(|value| {
                assert_whole(value);
                (value.0.number, value.1.number) = (number, number);
                (value.0.sender, value.1.sender) = (sender, sender);
            }),
            2 => {
                let modified = tx.send_if_modified(|value| {
                    assert_whole(value);
                    false
                });
                assert!(!modified);
            }
            3 => drop(poll_for(tx.subscribe().changed(), 1)),
            4 => assert!(poll_for(tx.closed(), 1).is_none(), "receivers are there"),
            _ => tx.send(pair(sender, number, alive)).expect("receivers are there"),
        }
    }
}

/// Looks and waits until all senders are gone; gives how many changes it saw.
fn receive_all(mut rx: Receiver<Pair>, seed: u64) -> u64 {
    let mut dice = Dice::new(seed + 20);
    let mut forgets = 5;
    let mut seen = 0;
    loop {
        match dice.roll(6) {
            0 => {
                // An old value is kept while new ones come.
                let look = rx.borrow();
                thread::yield_now();
                assert_whole(&look);
            }
            1 => match poll_for(rx.changed(), 1 + dice.roll(3)) {
                Some(Ok(())) => seen += 1,
                Some(Err(_)) => return seen,
                None => {}
            },
            2 => drop(poll_for(rx.wait_for(|value| value.0.number % 2 == 0), 2)),
            3 if forgets > 0 => {
                forgets -= 1;
                let forgotten: &'static mut Receiver<_> = ::support::leak(rx.clone());
                let _changed = poll_and_forget(forgotten.changed());
            }
            4 => rx = rx.clone(),
            _ => match block_on(rx.changed()) {
                Ok(()) => {
                    seen += 1;
                    assert_whole(&rx.borrow_and_update());
                }
                Err(_) => return seen,
            },
        }
    }
}

#[test]
fn values_are_whole() {
    let count = rounds(20_000);
    let alive = Arc::default();
    let (tx, rx) = watch::channel(pair(0, 0, &alive));
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|seed| {
                let rx = rx.clone();
                scope.spawn(move || receive_all(rx, seed))
            })
            .collect();
        for sender in 0..SENDERS {
            let (tx, alive) = (tx.clone(), &alive);
            scope.spawn(move || send_all(&tx, sender, count, alive));
        }
        drop(tx);
        for receiver in receivers {
            let seen = receiver.join().unwrap();
            assert!(seen <= SENDERS * count, "saw {seen}");
        }
    });
    assert_whole(&rx.borrow());
    // The forgotten receivers keep the channel, and that its last value.
    // ORDERING: Relaxed, no pair: the threads were joined.
    assert_eq!(AtomicUsize::load(&alive, Ordering::Relaxed), 2, "one value is left");
}

/// A value comes with its own version: who was given an old one finds that there is a new one.
#[test]
fn who_sees_an_old_value_learns_of_the_new_one() {
    // It takes many: what must not come in between takes nanoseconds.
    let count = rounds(1_000_000);
    let (tx, mut rx) = watch::channel(0);
    // In each round both begin at once, and wait for each other at the end.
    let (sent, seen) = (AtomicU64::new(0), AtomicU64::new(0));
    let until = |counter: &AtomicU64, number| {
        // ORDERING: Acquire pairs with the Release store in `tell`: the rounds follow each other.
        let mut looks = 0;
        while counter.load(Ordering::Acquire) < number {
            looks += 1;
            if looks % 1_000 == 0 {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    };
    // ORDERING: Release pairs with the Acquire load in `until`.
    let tell = |counter: &AtomicU64, number| counter.store(number, Ordering::Release);
    let mut unaware = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=count {
                until(&seen, 2 * number - 1);
                tx.send(number).expect("the receiver is there");
                tell(&sent, number);
                until(&seen, 2 * number);
            }
        });
        for number in 1..=count {
            tell(&seen, 2 * number - 1);
            let value = *rx.borrow_and_update();
            until(&sent, number);
            unaware += u64::from(value != number && !rx.has_changed().unwrap());
            rx.mark_unchanged();
            tell(&seen, 2 * number);
        }
    });
    assert_eq!(unaware, 0, "of {count} rounds");
}
