//! Panics whose payload panics again when it is dropped, thrown by everything foreign: all the
//! others are served, no message is lost, and the first panic reaches the caller (C68).

use super::scenes::{CROWD, SCENES, Wait};
use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use support::{Drops, Event, Ledger, Message, Tally, Task, hooked_waker};

thread_local! {
    static IS_ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Until this is dropped, payloads explode. After a test has failed, nothing may.
pub(crate) struct Armed;

impl Armed {
    pub(crate) fn new() -> Self {
        IS_ARMED.set(true);
        Self
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        IS_ARMED.set(false);
    }
}

/// What the panics carry. Its drop panics with another one, for ever; the test that catches one
/// forgets it.
pub(crate) struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        if IS_ARMED.get() {
            panic_any(Self);
        }
    }
}

pub(crate) fn explode() -> ! {
    assert!(IS_ARMED.get(), "a test that lets something explode is armed");
    panic_any(Payload)
}

/// Whether `f` panics. If so, with a `Payload`.
pub(crate) fn explodes(f: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { return false };
    support::forget(payload.downcast::<Payload>().expect("the panic of the foreign code"));
    true
}

/// A waker that explodes at `event`, also while the thread is unwinding.
pub(crate) fn explosive_waker(event: Event) -> Waker {
    hooked_waker(move |happened| {
        if happened == event {
            explode();
        }
    })
}

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

/// Explodes when it is dropped; its message is counted all the same.
struct Bomb {
    _message: Message,
}

impl Bomb {
    fn new(ledger: &Ledger) -> Self {
        Self { _message: ledger.message() }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        explode();
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

/// A value whose clone runs a hook. Once armed, the original explodes when it is dropped.
struct Cloned {
    on_clone: Rc<dyn Fn()>,
    armed: Rc<Cell<bool>>,
    _alive: Drops,
}

impl Cloned {
    fn new(alive: &Drops, on_clone: impl Fn() + 'static) -> Self {
        Self { on_clone: Rc::new(on_clone), armed: Rc::default(), _alive: alive.message() }
    }
}

impl Clone for Cloned {
    fn clone(&self) -> Self {
        (self.on_clone)();
        let on_clone = Rc::clone(&self.on_clone);
        Self { on_clone, armed: Rc::default(), _alive: self._alive.message() }
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        if self.armed.get() {
            explode();
        }
    }
}

/// Each clone explodes: each receiver has passed the message, and the last one, which needs no
/// clone, gets it.
#[test]
fn clones() {
    let _armed = Armed::new();
    let alive = Drops::default();
    let (tx, rx) = broadcast::channel(2);
    let mut receivers = vec![rx];
    receivers.extend((1..CROWD).map(|_| tx.subscribe()));
    assert!(tx.send(Cloned::new(&alive, || explode())).is_ok());
    for (i, rx) in receivers.iter_mut().enumerate() {
        let exploded = explodes(|| assert!(rx.try_recv().is_ok()));
        assert_eq!(exploded, i < CROWD - 1);
        assert_eq!(rx.try_recv().err(), Some(broadcast::error::TryRecvError::Empty));
    }
    assert_eq!(alive.alive(), 0);
}

/// While one receiver clones, others come to wait for its end with wakers that explode: it has its
/// clone, and they are all told.
#[test]
fn receivers_wait_for_a_clone() {
    let _armed = Armed::new();
    let alive = Drops::default();
    let (tx, mut rx) = broadcast::channel(1);
    let receivers: Vec<_> = (0..CROWD).map(|_| tx.subscribe()).collect();
    let tallies: Vec<_> = (0..CROWD).map(|_| Arc::<Tally>::default()).collect();
    let (receivers, waits) = (Cell::new(receivers), Rc::new(Cell::new(Vec::<Wait>::new())));
    let on_clone = {
        let (tallies, waits) = (tallies.clone(), Rc::clone(&waits));
        move || {
            let mut waiting = waits.take();
            for (i, mut rx) in receivers.take().into_iter().enumerate() {
                let mut wait: Wait = Box::pin(async move { assert!(rx.recv().await.is_ok()) });
                let good = Waker::from(Arc::clone(&tallies[i]));
                let waker = if i % 3 == 0 { good } else { explosive_waker(Event::Wake) };
                assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                waiting.push(wait);
            }
            waits.set(waiting);
        }
    };
    assert!(tx.send(Cloned::new(&alive, on_clone)).is_ok());
    assert!(rx.try_recv().is_ok());
    let mut waits = waits.take();
    assert_eq!(waits.len(), CROWD);
    for (i, wait) in waits.iter_mut().enumerate() {
        assert!(i % 3 != 0 || tallies[i].woken() > 0, "{i} was not woken");
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

/// The message is lapped while it is cloned, so that it is dropped at the end of the clone, and
/// explodes.
#[test]
fn a_message_that_was_lapped_during_its_clone() {
    let _armed = Armed::new();
    let alive = Drops::default();
    let (tx, mut rx) = broadcast::channel(1);
    let mut other = tx.subscribe();
    let armed = Rc::<Cell<bool>>::default();
    let on_clone = {
        let (tx, alive, armed) = (tx.downgrade(), alive.clone(), Rc::clone(&armed));
        move || {
            armed.set(true);
            assert!(tx.upgrade().unwrap().send(Cloned::new(&alive, || ())).is_ok());
        }
    };
    let mut message = Cloned::new(&alive, on_clone);
    message.armed = armed;
    assert!(tx.send(message).is_ok());
    assert!(rx.try_recv().is_ok());
    assert!(rx.try_recv().is_ok());
    assert!(matches!(other.try_recv(), Err(broadcast::error::TryRecvError::Lagged(1))));
    assert!(other.try_recv().is_ok());
}
