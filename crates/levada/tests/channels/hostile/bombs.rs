//! Panics whose payload panics again when it is dropped, thrown by everything foreign: all the
//! others are served, no message is lost, and the first panic reaches the caller (C68).

use super::scenes::{CROWD, SCENES};
use levada::{mpmc, mpsc, oneshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use support::{Armed, Bomb, Event, Ledger, Tally, Task, explodes, explosive_waker};

/// Two in three wakers explode: that is several in each batch, next to each other.
#[test]
fn wakers_that_are_woken() {
    let _armed = Armed::new();
    for (name, make) in SCENES {
        let ledger = Ledger::new(3 * CROWD);
        let mut scene = make(&ledger);
        let bad = explosive_waker(Event::Wake);
        let tallies: Vec<_> = (0..CROWD).map(|_| Arc::<Tally>::default()).collect();
        for (i, wait) in scene.waits.iter_mut().enumerate() {
            let good = Waker::from(Arc::clone(&tallies[i]));
            let waker = if i % 3 == 0 { &good } else { &bad };
            assert!(wait.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        }
        let mut kept = None;
        let exploded = explodes(|| kept = Some((scene.trigger)()));
        assert_eq!(exploded, scene.panic_goes_on, "{name}");
        for (i, wait) in scene.waits.iter_mut().enumerate() {
            assert!(i % 3 != 0 || tallies[i].woken() > 0, "{name}: {i} was not woken");
            let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_ready(), "{name}: {i} waits");
        }
        drop((scene.waits, kept));
        ledger.settle();
    }
}

/// The same at the other things that happen to a waker, which concern its own task only.
#[test]
fn wakers_that_are_cloned_or_dropped() {
    let _armed = Armed::new();
    for (name, make) in SCENES {
        let ledger = Ledger::new(3 * CROWD);
        let mut scene = make(&ledger);
        let lent = explosive_waker(Event::Drop);
        let tallies: Vec<_> = (0..CROWD).map(|_| Arc::<Tally>::default()).collect();
        for (i, wait) in scene.waits.iter_mut().enumerate() {
            let waker = match i % 3 {
                0 => Waker::from(Arc::clone(&tallies[i])),
                1 => explosive_waker(Event::Clone),
                _ => lent.clone(),
            };
            let exploded = explodes(|| {
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            });
            assert_eq!(exploded, i % 3 == 1, "{name}: {i}");
            support::forget(waker);
        }
        for (i, wait) in scene.waits.iter_mut().enumerate().filter(|(i, _)| i % 3 != 0) {
            let cancelled = std::mem::replace(wait, Box::pin(async {}));
            assert_eq!(explodes(|| drop(cancelled)), i % 3 == 2, "{name}: {i}");
        }
        support::forget(lent);
        let _kept = (scene.trigger)();
        for i in (0..CROWD).step_by(3) {
            assert!(tallies[i].woken() > 0, "{name}: {i} was not woken");
            let wait = scene.waits[i].as_mut();
            assert!(wait.poll(&mut Context::from_waker(Waker::noop())).is_ready(), "{name}: {i}");
        }
    }
}

/// While the thread is unwinding, nothing may be thrown by the drop of a future.
#[test]
fn futures_that_are_dropped_by_a_panic() {
    let _armed = Armed::new();
    for (name, make) in SCENES {
        let ledger = Ledger::new(3 * CROWD);
        let mut scene = make(&ledger);
        let lent = explosive_waker(Event::Drop);
        for wait in &mut scene.waits {
            assert!(wait.as_mut().poll(&mut Context::from_waker(&lent)).is_pending());
        }
        support::forget(lent);
        let waits = std::mem::take(&mut scene.waits);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _waits = waits;
            panic!("first");
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"first"), "{name}");
        drop((scene.trigger)());
        ledger.settle();
    }
}

const BOMBS: usize = 40;

fn bombs(ledger: &Ledger) -> impl Iterator<Item = Bomb> {
    std::iter::repeat_with(|| Bomb::new(ledger)).take(BOMBS)
}

#[test]
fn messages_that_are_left_behind() {
    let _armed = Armed::new();
    let ledger = Ledger::new(3 * BOMBS);
    let (tx, rx) = mpsc::unbounded_channel();
    bombs(&ledger).for_each(|bomb| assert!(tx.send(bomb).is_ok()));
    let mut closed = Task::waiting(tx.closed());
    assert!(explodes(|| drop(rx)));
    assert!(closed.is_woken() && closed.poll().is_ready());
    let (tx, rx) = mpmc::channel(BOMBS);
    bombs(&ledger).for_each(|bomb| assert!(tx.try_send(bomb).is_ok()));
    let mut reserve = Task::waiting(tx.reserve());
    assert!(explodes(|| drop(rx)));
    assert!(reserve.is_woken() && reserve.poll().is_ready());
    for bomb in bombs(&ledger) {
        let (mut tx, rx) = oneshot::channel::<Bomb>();
        let mut closed = Task::waiting(tx.closed());
        drop(rx);
        assert!(closed.is_woken() && closed.poll().is_ready());
        drop(closed);
        let bomb = tx.send(bomb).err().unwrap();
        let (tx, rx) = oneshot::channel();
        assert!(tx.send(bomb).is_ok());
        assert!(explodes(|| drop(rx)));
    }
    ledger.settle();
}

/// The message is received although the sender that gets its room explodes.
#[test]
fn a_sender_explodes_beside_a_receive() {
    let _armed = Armed::new();
    let (tx, mut rx) = mpsc::channel(1);
    let (m_tx, m_rx) = mpmc::channel(1);
    for round in 0..BOMBS {
        let drain = |received: Option<usize>| assert_eq!(received, Some(round));
        tx.try_send(round).unwrap();
        m_tx.try_send(round).unwrap();
        let bad = explosive_waker(Event::Wake);
        let mut cx = Context::from_waker(&bad);
        let mut reserve = Box::pin(tx.reserve());
        assert!(reserve.as_mut().poll(&mut cx).is_pending());
        let mut m_reserve = Box::pin(m_tx.reserve());
        assert!(m_reserve.as_mut().poll(&mut cx).is_pending());
        if round % 2 == 0 {
            drain(rx.try_recv().ok());
            drain(m_rx.try_recv().ok());
        } else {
            let mut batch = Vec::new();
            assert_eq!(support::poll_now(rx.recv_many(&mut batch, 1)), Poll::Ready(1));
            drain(batch.pop());
            assert_eq!(support::poll_now(m_rx.recv_many(&mut batch, 1)), Poll::Ready(1));
            drain(batch.pop());
        }
        // Its turn has come.
        assert!(reserve.as_mut().poll(&mut cx).is_ready());
        assert!(m_reserve.as_mut().poll(&mut cx).is_ready());
    }
}
