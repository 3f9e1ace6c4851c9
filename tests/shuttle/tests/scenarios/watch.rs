//! Watch: two senders, two receivers or more.

use levada::watch::{self, Receiver, Sender};
use shuttle::future::{block_on, spawn};
use shuttle::thread;
use shuttle_scenarios::{Either, Task, below, check, cut, first, forget, join, pause, race, tasks};
use std::sync::Arc;

/// A value, with a count of the values that are alive.
type Value = (usize, Arc<()>);

const SENDERS: usize = 2;
const EACH: usize = 3;
const LAST: usize = SENDERS * EACH;

/// A channel that begins at 0.
fn from_zero() -> (Sender<Value>, Receiver<Value>, Arc<()>) {
    let alive = Arc::new(());
    let (sender, receiver) = watch::channel((0, Arc::clone(&alive)));
    (sender, receiver, alive)
}

/// Senders that count up to [`LAST`] together.
fn counting(sender: Sender<Value>) -> Vec<Task> {
    tasks(SENDERS, sender, |_, sender: Sender<Value>| async move {
        for _ in 0..EACH {
            sender.send_modify(|value| value.0 += 1);
            if below(2) == 0 {
                pause().await;
            }
        }
    })
}

/// Looks at the newest value, which is not older than `seen`.
fn look(receiver: &mut Receiver<Value>, seen: &mut usize) {
    let newest = receiver.borrow_and_update().0;
    assert!(newest >= *seen, "{newest} after {seen}");
    *seen = newest;
}

#[test]
fn everybody_sees_the_last_value() {
    check(|| {
        let (sender, receiver, alive) = from_zero();
        block_on(async {
            let mut all = counting(sender);
            all.extend(tasks(2, receiver, |_, mut receiver: Receiver<_>| async move {
                let mut seen = 0;
                while receiver.changed().await.is_ok() {
                    look(&mut receiver, &mut seen);
                }
                assert_eq!(seen, LAST, "the last value comes before the end");
            }));
            join(all).await;
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a value outlives the channel");
    });
}

#[test]
fn cancelled_waits_miss_nothing() {
    check(|| {
        let (sender, receiver, alive) = from_zero();
        block_on(async {
            let mut all = counting(sender);
            all.extend(tasks(2, receiver, |number, mut receiver: Receiver<_>| async move {
                let mut seen = 0;
                loop {
                    let changed = match number {
                        0 => cut(receiver.changed()).await,
                        _ => race(receiver.changed()).await,
                    };
                    match changed {
                        Some(Ok(())) => look(&mut receiver, &mut seen),
                        Some(Err(_)) => break,
                        None => {}
                    }
                }
                assert_eq!(seen, LAST, "the last value comes before the end");
            }));
            join(all).await;
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a value outlives the channel");
    });
}

#[test]
fn wait_for_finds_what_it_waits_for() {
    check(|| {
        let (sender, receiver, _) = from_zero();
        block_on(async {
            let mut all = counting(sender);
            all.extend(tasks(3, receiver, |number, mut receiver: Receiver<_>| async move {
                let wanted = LAST - number;
                loop {
                    // The value goes by while the sender goes on: at least, not exactly.
                    if let Some(found) = cut(receiver.wait_for(|value| value.0 >= wanted)).await {
                        assert!(found.expect("it is sent").0 >= wanted);
                        break;
                    }
                }
                let never = receiver.wait_for(|value| value.0 > LAST).await;
                assert!(never.is_err(), "the end comes instead");
            }));
            join(all).await;
        });
    });
}

#[test]
fn forgotten_waits_stop_nobody() {
    check(|| {
        let (sender, receiver, _) = from_zero();
        block_on(async {
            let mut all = counting(sender);
            all.extend(tasks(3, receiver, |number, mut receiver: Receiver<_>| async move {
                if number == 0 {
                    let _ = forget(receiver.changed()).await;
                    return;
                }
                assert!(receiver.wait_for(|value| value.0 == LAST).await.is_ok());
            }));
            join(all).await;
        });
    });
}

#[test]
fn a_snapshot_delays_no_send() {
    check(|| {
        let (sender, receiver, alive) = from_zero();
        block_on(async {
            let ours = Arc::clone(&alive);
            let mut all = tasks(SENDERS, sender, move |number, sender: Sender<Value>| {
                let ours = Arc::clone(&ours);
                async move {
                    for message in 1..=EACH {
                        // Without a receiver the value comes back.
                        drop(sender.send((10 * message + number, Arc::clone(&ours))));
                    }
                }
            });
            all.extend(tasks(2, receiver, |_, mut receiver: Receiver<_>| async move {
                while receiver.changed().await.is_ok() {
                    let snapshot = receiver.borrow_and_update();
                    let value = snapshot.0;
                    for _ in 0..below(3) {
                        thread::yield_now();
                    }
                    assert_eq!(snapshot.0, value, "a snapshot does not change");
                }
            }));
            join(all).await;
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a value outlives the channel");
    });
}

#[test]
fn subscriptions_come_and_go() {
    check(|| {
        let (sender, receiver, alive) = from_zero();
        block_on(async {
            let (late, watcher) = (sender.clone(), sender.clone());
            let mut all = counting(sender);
            all.push(spawn(async move {
                let mut receiver = late.subscribe();
                let mut seen = receiver.borrow().0;
                drop(late);
                // Only as long as somebody sends: the watcher below is a sender as well.
                while seen < LAST {
                    receiver.changed().await.unwrap();
                    look(&mut receiver, &mut seen);
                }
            }));
            all.push(spawn(async move { while cut(watcher.closed()).await.is_none() {} }));
            drop(receiver);
            join(all).await;
        });
        assert_eq!(Arc::strong_count(&alive), 1, "a value outlives the channel");
    });
}

#[test]
fn select_watches_two_channels() {
    check(|| {
        let ((left, mut lefts, _), (right, mut rights, _)) = (from_zero(), from_zero());
        block_on(async {
            let mut all = counting(left);
            all.extend(counting(right));
            let (mut left, mut right) = (0, 0);
            loop {
                let (is_left, ended) = match first(lefts.changed(), rights.changed()).await {
                    Either::Left(changed) => (true, changed.is_err()),
                    Either::Right(changed) => (false, changed.is_err()),
                };
                if ended {
                    break;
                }
                if is_left {
                    look(&mut lefts, &mut left);
                } else {
                    look(&mut rights, &mut right);
                }
            }
            assert!(lefts.wait_for(|value| value.0 == LAST).await.is_ok());
            assert!(rights.wait_for(|value| value.0 == LAST).await.is_ok());
            join(all).await;
        });
    });
}
