//! What levada promises beyond tokio: a look is a snapshot, and `send` never waits for one.

use crate::shared::{Counted, let_others_run};
use levada::watch;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use support::{Tally, poll, poll_now, within_deadline};

/// C52: tokio #4246, zebra #3378, fedimint #9085.
#[test]
fn a_held_look_stops_nobody() {
    within_deadline(|| {
        let (tx, mut rx) = watch::channel(0);
        let second = rx.clone();
        let held = second.borrow();
        tx.send(1).unwrap();
        assert_eq!((*held, *rx.borrow_and_update()), (0, 1));
        let held_too = second.borrow();
        let other = tx.clone();
        thread::spawn(move || other.send(2).unwrap()).join().unwrap();
        assert_eq!((*held, *held_too, *rx.borrow(), *tx.borrow()), (0, 1, 2, 2));
        assert!(rx.has_changed().unwrap());
        drop(held);
        tx.send(3).unwrap();
        assert_eq!((*held_too, *second.borrow()), (1, 3));
    });
}

#[test]
fn an_old_value_is_dropped_as_soon_as_nobody_looks_at_it() {
    let alive = Arc::new(AtomicUsize::new(0));
    let count = || alive.load(Ordering::SeqCst);
    let (tx, rx) = watch::channel(Counted::new(0, &alive));
    for value in 1..5 {
        tx.send(Counted::new(value, &alive)).unwrap();
        assert_eq!(count(), 1, "without a look, `send` drops it");
    }
    let (one, two) = (rx.borrow(), rx.borrow());
    tx.send(Counted::new(5, &alive)).unwrap();
    let three = rx.borrow();
    tx.send(Counted::new(6, &alive)).unwrap();
    assert_eq!((one.0, two.0, three.0, count()), (4, 4, 5, 3));
    drop(one);
    assert_eq!(count(), 3, "there is another look at it");
    drop(three);
    assert_eq!(count(), 2);
    drop(two);
    assert_eq!(count(), 1);
    drop((tx, rx));
    assert_eq!(count(), 0);
}

#[test]
fn send_modify_waits_for_looks_at_the_value() {
    let (tx, rx) = watch::channel(0);
    let look = rx.borrow();
    let modified = Arc::new(AtomicBool::new(false));
    let modifier = thread::spawn({
        let modified = Arc::clone(&modified);
        move || {
            tx.send_modify(|value| {
                modified.store(true, Ordering::SeqCst);
                *value = 1;
            });
        }
    });
    let_others_run();
    assert_eq!((*look, *rx.borrow()), (0, 0), "looks are let in meanwhile");
    assert!(!modified.load(Ordering::SeqCst));
    drop(look);
    modifier.join().unwrap();
    assert_eq!(*rx.borrow(), 1);
}

#[test]
fn send_modify_does_not_wait_for_looks_at_earlier_values() {
    let (tx, rx) = watch::channel(0);
    let look = rx.borrow();
    let other = tx.clone();
    let modifier = thread::spawn(move || other.send_modify(|value| *value += 1));
    let_others_run();
    // The modification may still be waiting for the look at 0; from now on it need not.
    tx.send(10).unwrap();
    within_deadline(move || modifier.join().unwrap());
    assert_eq!((*look, *rx.borrow()), (0, 11));
}

#[test]
fn send_replace_waits_for_looks_at_what_it_returns() {
    let (tx, rx) = watch::channel(String::from("old"));
    let look = rx.borrow();
    let replacer = thread::spawn(move || tx.send_replace(String::from("new")));
    while *rx.borrow() != "new" {
        thread::yield_now();
    }
    assert!(!replacer.is_finished());
    assert_eq!(*look, "old");
    drop(look);
    assert_eq!(replacer.join().unwrap(), "old");
}

#[test]
fn a_look_waits_for_a_modification() {
    let (tx, rx) = watch::channel((0, 0));
    let started = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (rx, started) = (rx.clone(), Arc::clone(&started));
        move || {
            while !started.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            *rx.borrow()
        }
    });
    tx.send_modify(|value| {
        value.0 = 1;
        started.store(true, Ordering::SeqCst);
        let_others_run();
        assert!(!reader.is_finished());
        assert!(format!("{rx:?}").contains("<locked>"));
        value.1 = 1;
    });
    assert_eq!(reader.join().unwrap(), (1, 1));
}

#[test]
fn send_passes_a_modification() {
    within_deadline(|| {
        let alive = Arc::new(AtomicUsize::new(0));
        let (tx, mut rx) = watch::channel(Counted::new(0, &alive));
        let mut first = rx.clone();
        tx.send_modify(|value| {
            tx.send(Counted::new(5, &alive)).unwrap();
            assert_eq!(rx.borrow_and_update().0, 5, "looks find the new value");
            thread::scope(|scope| {
                scope.spawn(|| tx.send(Counted::new(6, &alive)).unwrap());
            });
            value.0 = 1;
        });
        assert_eq!((rx.borrow().0, alive.load(Ordering::SeqCst)), (6, 1));
        assert!(rx.has_changed().unwrap() && first.has_changed().unwrap());
        rx.mark_unchanged();
        first.borrow_and_update();
        assert!(!rx.has_changed().unwrap() && !first.has_changed().unwrap());
    });
}

#[test]
fn send_replace_returns_a_value_as_it_was_modified() {
    let (tx, _rx) = watch::channel(0);
    let entered = AtomicBool::new(false);
    thread::scope(|scope| {
        let replacer = scope.spawn(|| {
            while !entered.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            tx.send_replace(10)
        });
        tx.send_modify(|value| {
            entered.store(true, Ordering::SeqCst);
            let_others_run();
            *value += 1;
        });
        assert_eq!(replacer.join().unwrap(), 1);
    });
    assert_eq!(*tx.borrow(), 10);
}

/// C53: tokio #6021.
#[test]
fn a_panicking_modification_leaves_the_channel_whole() {
    within_deadline(|| {
        let (tx, mut rx) = watch::channel(0);
        let mut changed = pin!(rx.changed());
        let bell = Tally::new();
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        let other = tx.clone();
        let mut waiter = None;
        let result = catch_unwind(AssertUnwindSafe(|| {
            tx.send_modify(|value| {
                *value = 1;
                waiter = Some(thread::spawn(move || other.send_modify(|value| *value += 10)));
                let_others_run();
                panic!("as it should");
            });
        }));
        assert!(result.is_err());
        // Whoever waited goes on, with the value as the panic left it.
        waiter.unwrap().join().unwrap();
        assert_eq!(*tx.borrow(), 11);
        assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
    });
}

#[test]
fn a_panicking_modification_is_no_new_version() {
    let (tx, mut rx) = watch::channel(0);
    let bell = Tally::new();
    {
        let mut changed = pin!(rx.changed());
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        let modify = |value: &mut i32| {
            *value = 1;
            panic!("as it should");
        };
        assert!(catch_unwind(AssertUnwindSafe(|| tx.send_modify(modify))).is_err());
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
    }
    assert_eq!((bell.woken(), *rx.borrow()), (0, 1));
    assert!(!rx.has_changed().unwrap());
}

/// C53: tokio #6021; and the condition runs on a snapshot, so it may use the channel.
#[test]
fn a_panicking_condition_leaves_the_channel_whole() {
    let (tx, mut rx) = watch::channel(0);
    let condition = |value: &i32| {
        tx.send(value + 1).unwrap();
        tx.send_modify(|value| *value += 1);
        assert_eq!(*value, 2, "as it should");
        true
    };
    let result = catch_unwind(AssertUnwindSafe(|| poll_now(rx.wait_for(condition)).is_ready()));
    assert!(result.is_err());
    let Poll::Ready(Ok(value)) = poll_now(rx.wait_for(condition)) else {
        panic!("the second value meets the condition");
    };
    assert_eq!(*value, 2);
    drop(value);
    assert_eq!(*rx.borrow(), 4);
}

/// C55: a task that always finds something new lets the others run.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn watching_is_cooperative() {
    let (tx, mut rx) = watch::channel(0);
    let other = tokio::spawn(async {});
    let mut rounds = 0;
    while !other.is_finished() {
        assert!(rounds < 1_000, "the other task does not get to run");
        tx.send(rounds).unwrap();
        rx.changed().await.unwrap();
        assert_eq!(*rx.borrow(), rounds);
        rounds += 1;
    }
}
