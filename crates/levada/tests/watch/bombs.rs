//! Panics whose payload panics again when it is dropped, thrown by everything foreign (C68, C69).

use levada::watch;
use std::task::{Context, Poll, Waker};
use support::{
    Armed, Bomb, Event, Ledger, Task, explode, explodes, explosive_waker, poll_now, poll_with,
};

const CROWD: usize = 37;
const BOMBS: usize = 40;

fn bombs(ledger: &Ledger) -> impl Iterator<Item = Bomb> {
    std::iter::repeat_with(|| Bomb::new(ledger)).take(BOMBS)
}

#[test]
fn values_that_are_superseded() {
    let _armed = Armed::new();
    let ledger = Ledger::new(2 * BOMBS + 1);
    let (tx, rx) = watch::channel(Bomb::new(&ledger));
    for bomb in bombs(&ledger) {
        let (mut first, mut second) = (tx.subscribe(), tx.subscribe());
        let mut changed = Task::waiting(first.changed());
        let bad = explosive_waker(Event::Wake);
        let mut other = Box::pin(second.changed());
        assert!(other.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
        assert!(explodes(|| assert!(tx.send(bomb).is_ok())));
        assert!(changed.is_woken() && changed.poll().is_ready());
    }
    // With the last look at them.
    for bomb in bombs(&ledger) {
        let look = rx.borrow();
        assert!(tx.send(bomb).is_ok());
        assert!(explodes(|| drop(look)));
    }
    drop(tx);
    assert!(explodes(|| drop(rx)));
    ledger.settle();
}

/// Closures explode, and what they leave: the others are told of the next value.
#[test]
fn closures() {
    let _armed = Armed::new();
    let (tx, rx) = watch::channel(0);
    let mut waits: Vec<_> = (0..CROWD)
        .map(|_| {
            let mut rx = rx.clone();
            Task::waiting(async move { rx.changed().await.is_ok() })
        })
        .collect();
    assert!(explodes(|| tx.send_modify(|_| explode())));
    assert!(explodes(|| {
        tx.send_if_modified(|_| explode());
    }));
    let mut meets = rx.clone();
    let mut wait = Box::pin(meets.wait_for(|value| if *value == 1 { explode() } else { false }));
    assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    tx.send_modify(|value| *value += 1);
    let poll = || assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(explodes(poll));
    drop(wait);
    assert!(waits.iter_mut().all(|wait| wait.is_woken() && wait.poll() == Poll::Ready(true)));
    tx.send_modify(|value| *value += 1);
    assert_eq!((*rx.borrow(), meets.has_changed().unwrap()), (2, true));
}

/// A closure explodes while it modifies a value that was superseded meanwhile, whose drop explodes
/// too.
#[test]
fn a_closure_and_its_value() {
    let _armed = Armed::new();
    let ledger = Ledger::new(2);
    let (tx, rx) = watch::channel(Bomb::new(&ledger));
    let mut closed = Box::pin(tx.closed());
    let bad = explosive_waker(Event::Wake);
    assert!(closed.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
    assert!(explodes(|| {
        tx.send_modify(|_| {
            assert!(tx.send(Bomb::new(&ledger)).is_ok());
            explode();
        });
    }));
    assert_eq!(ledger.alive(), 1);
    rx.borrow();
    drop((closed, rx));
    assert!(explodes(|| drop(tx)));
    ledger.settle();
}

/// The old value is the caller's, whatever the receivers' wakers do.
#[test]
fn a_replaced_value_in_hand() {
    let _armed = Armed::new();
    let (tx, mut rx) = watch::channel(1);
    let mut other = tx.subscribe();
    let mut changed = Box::pin(rx.changed());
    assert!(poll_with(&mut changed, explosive_waker(Event::Wake)).is_pending());
    let mut told = Task::waiting(other.changed());
    assert_eq!(tx.send_replace(2), 1);
    assert!(told.is_woken() && told.poll().is_ready());
    assert!(poll_now(changed).is_ready());
}
