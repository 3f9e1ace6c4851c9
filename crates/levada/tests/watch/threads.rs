//! Many threads, and several runtimes.

use crate::shared::Counted;
use levada::watch;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use support::{block_on, within_deadline};

/// Every value is dropped exactly once, every look is one value, and every receiver ends with the
/// last one, whatever the senders do.
#[test]
fn values_are_whole_and_accounted_for() {
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 5_000 };
    within_deadline(|| {
        let alive = Arc::new(AtomicUsize::new(0));
        let pair = |n| (Counted::new(n, &alive), Counted::new(n, &alive));
        let (tx, rx) = watch::channel(pair(0));
        thread::scope(|scope| {
            for sender in 1..=3 {
                let tx = tx.clone();
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        match (sender + round) % 3 {
                            0 => tx.send(pair(round)).unwrap(),
                            1 => drop(tx.send_replace(pair(round))),
                            _ => tx.send_modify(|value| {
                                value.0.0 += 1;
                                value.1.0 += 1;
                            }),
                        }
                    }
                });
            }
            for _ in 0..3 {
                let rx = rx.clone();
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let look = rx.borrow();
                        assert_eq!(look.0.0, look.1.0);
                    }
                });
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 2);
        drop((tx, rx));
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn receivers_in_tasks_end_with_the_last_value() {
    const LAST: usize = 10_000;
    for workers in [None, Some(2)] {
        let runtime = match workers {
            None => tokio::runtime::Builder::new_current_thread().build(),
            Some(count) => {
                tokio::runtime::Builder::new_multi_thread().worker_threads(count).build()
            }
        };
        runtime.unwrap().block_on(async {
            let (tx, rx) = watch::channel(0);
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let mut rx = rx.clone();
                    tokio::spawn(async move {
                        let mut latest = 0;
                        while rx.changed().await.is_ok() {
                            let value = *rx.borrow_and_update();
                            assert!(value > latest);
                            latest = value;
                        }
                        latest
                    })
                })
                .collect();
            drop(rx);
            thread::spawn(move || {
                for value in 1..=LAST {
                    tx.send(value).unwrap();
                }
            });
            for task in tasks {
                assert_eq!(task.await.unwrap(), LAST);
            }
        });
    }
}

/// Without any runtime.
#[test]
fn bare_threads_wait_for_a_value() {
    within_deadline(|| {
        let (tx, rx) = watch::channel(0);
        let waiters: Vec<_> = (1..=4)
            .map(|target| {
                let mut rx = rx.clone();
                thread::spawn(move || *block_on(rx.wait_for(|value| *value >= target)).unwrap())
            })
            .collect();
        for value in 1..=4 {
            tx.send(value).unwrap();
        }
        for (target, waiter) in (1..=4).zip(waiters) {
            assert!(waiter.join().unwrap() >= target);
        }
    });
}
