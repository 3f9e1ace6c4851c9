//! Reads that take no lock: many at once, forgotten ones, and values whose memory is used again.

use crate::shared::Counted;
use levada::watch;
use std::hint::black_box;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use support::within_deadline;

/// C140: counts of readers that wrapped when many read at once.
#[test]
fn many_values_are_held_at_once() {
    const HELD: usize = if cfg!(miri) { 300 } else { 300_000 };
    let alive = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = watch::channel(Counted::new(0, &alive));
    let mut held = Vec::new();
    for n in 0..HELD {
        held.push((n / 1_000, rx.borrow()));
        if n % 1_000 == 999 {
            tx.send(Counted::new(n / 1_000 + 1, &alive)).unwrap();
        }
    }
    assert!(held.iter().all(|(sent, look)| look.0 == *sent));
    let values = HELD.div_ceil(1_000) + usize::from(HELD >= 1_000);
    assert_eq!(alive.load(Ordering::SeqCst), values);
    drop(held);
    assert_eq!(alive.load(Ordering::SeqCst), 1);
}

/// C140: a read that never ends keeps its value, and nothing else.
#[test]
fn a_forgotten_read_keeps_only_its_value() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = watch::channel(Counted::new(0, &alive));
    for n in 1..=100 {
        #[expect(clippy::mem_forget, reason = "what is tested")]
        mem::forget(rx.borrow());
        tx.send(Counted::new(n, &alive)).unwrap();
        tx.send(Counted::new(n, &alive)).unwrap();
        assert_eq!(rx.borrow().0, n);
    }
    assert_eq!(alive.load(Ordering::SeqCst), 101);
    // The nodes of the channel itself drop their values with it: nothing borrows the receiver.
    drop((tx, rx));
    assert!(alive.load(Ordering::SeqCst) <= 100);
}

/// C141: a reader that was not counted saw memory that was freed and used again: a value that was
/// never sent, or one from before.
#[test]
fn values_are_whole_and_in_order_while_their_memory_is_used_again() {
    const ROUNDS: u64 = if cfg!(miri) { 30 } else { 30_000 };
    within_deadline(|| {
        let value = |n: u64| Box::new([n; 16]);
        let (tx, rx) = watch::channel(value(0));
        let running = AtomicBool::new(true);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (rx, mut last) = (rx.clone(), 0);
                    while running.load(Ordering::Relaxed) {
                        let look = rx.borrow();
                        assert!(look.iter().all(|n| *n == look[0]), "{look:?}");
                        assert!(look[0] >= last, "{} after {last}", look[0]);
                        last = look[0];
                    }
                });
            }
            // Blocks of the same size, in which there is something else.
            scope.spawn(|| {
                while running.load(Ordering::Relaxed) {
                    drop(black_box([Box::new([u64::MAX; 16]), Box::new([u64::MAX - 1; 16])]));
                }
            });
            for n in 1..=ROUNDS {
                tx.send(value(n)).unwrap();
            }
            running.store(false, Ordering::Relaxed);
        });
    });
}

/// C141: values that two senders exchange between two channels, while both are read.
#[test]
fn values_that_are_exchanged_stay_accounted_for() {
    const ROUNDS: usize = if cfg!(miri) { 30 } else { 10_000 };
    within_deadline(|| {
        let alive = Arc::new(AtomicUsize::new(0));
        let (a, in_a) = watch::channel(Counted::new(0, &alive));
        let (b, in_b) = watch::channel(Counted::new(1, &alive));
        thread::scope(|scope| {
            for n in 0..2 {
                let (a, b, alive) = (&a, &b, &alive);
                scope.spawn(move || {
                    let mut hand = Counted::new(2 + n, alive);
                    for _ in 0..ROUNDS {
                        hand = b.send_replace(a.send_replace(hand));
                    }
                });
            }
            for look in [&in_a, &in_b] {
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        assert!(look.borrow().0 < 4);
                    }
                });
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 2);
        assert_ne!(in_a.borrow().0, in_b.borrow().0);
    });
}

/// C142: a writer that waited for a reader held what the reader needed to make or drop a handle.
#[test]
fn handles_come_and_go_while_a_value_is_held() {
    const ROUNDS: usize = if cfg!(miri) { 30 } else { 3_000 };
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let held = rx.borrow();
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=ROUNDS {
                    tx.send(n).unwrap();
                    tx.send_modify(|n| *n += 1);
                }
            });
            for _ in 0..ROUNDS {
                let (other, subscribed) = (rx.clone(), tx.subscribe());
                assert!(*other.borrow() <= ROUNDS + 1);
                drop((other, subscribed));
            }
        });
        assert_eq!((*held, *rx.borrow()), (0, ROUNDS + 1));
    });
}

/// C143: a thread that held values of many channels ran out of the slots in which it said so.
#[test]
fn one_thread_holds_values_of_many_channels() {
    const CHANNELS: usize = if cfg!(miri) { 50 } else { 2_000 };
    let alive = Arc::new(AtomicUsize::new(0));
    let channels: Vec<_> = (0..CHANNELS).map(|n| watch::channel(Counted::new(n, &alive))).collect();
    let mut held = Vec::new();
    for generation in 0..3 {
        for (tx, rx) in &channels {
            held.push(rx.borrow());
            let next = rx.borrow().0 + CHANNELS;
            tx.send(Counted::new(next, &alive)).unwrap();
        }
        assert_eq!(alive.load(Ordering::SeqCst), (generation + 2) * CHANNELS);
    }
    assert!(held.iter().enumerate().all(|(n, look)| look.0 == n));
    drop(held);
    assert_eq!(alive.load(Ordering::SeqCst), CHANNELS);
}
