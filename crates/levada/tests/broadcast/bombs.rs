//! Panics whose payload panics again when it is dropped, thrown by everything foreign (C68, C69).

use levada::broadcast;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use support::{
    Armed, Drops, Event, Tally, explode, explodes, explosive_waker, hooked_and_explosive, poll_with,
};

const CROWD: usize = 37;

type Wait = Pin<Box<dyn Future<Output = ()>>>;

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

/// That messages were missed is told once: it must not be lost.
#[test]
fn a_lag_in_hand() {
    let _armed = Armed::new();
    let (tx, mut rx) = broadcast::channel(1);
    let mut recv = Box::pin(rx.recv());
    let waker = hooked_and_explosive(move || {
        for message in 0..3 {
            assert!(tx.send(message).is_ok());
        }
    });
    let lagged = Err(broadcast::error::RecvError::Lagged(2));
    assert_eq!(poll_with(&mut recv, waker), Poll::Ready(lagged));
    drop(recv);
    assert_eq!(rx.try_recv(), Ok(2));
}
