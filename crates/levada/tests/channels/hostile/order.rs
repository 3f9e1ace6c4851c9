//! A waker of one's own that explodes when it is dropped or cloned, in every operation that waits:
//! the other party, which relies on that operation, is served all the same, and nothing that was in
//! hand is lost (C69).

use levada::{broadcast, mpmc, mpsc, oneshot, watch};
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use support::{
    Armed, Event, Task, explodes, explosive_waker, hooked_and_explosive, poll_explosive, poll_with,
};

/// More than the polls for which a promise that is not taken is kept.
const PATIENCE: usize = 20;

/// Polls with a waker that runs `hook` when it is cloned, and explodes when the clone is dropped;
/// once more if that reached the caller.
fn ready<F: Future>(mut future: Pin<Box<F>>, hook: impl Fn() + Send + Sync + 'static) -> F::Output {
    let mut polled = Poll::Pending;
    let waker = hooked_and_explosive(hook);
    let poll = || polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    if explodes(poll) {
        polled = poll_with(&mut future, Waker::noop().clone());
    }
    support::forget(waker);
    let Poll::Ready(output) = polled else { panic!("it waits") };
    output
}

/// A sender was promised capacity and does not come. A waiting receiver lets the promise lapse, and
/// serves the next sender, though each of its polls explodes.
#[test]
fn a_receiver_serves_the_next_sender() {
    let _armed = Armed::new();
    let (tx, mut rx) = mpsc::channel::<u8>(1);
    let permit = tx.try_reserve().unwrap();
    let (gone, mut next) = (Task::waiting(tx.reserve()), Task::waiting(tx.reserve()));
    drop(permit);
    assert!(gone.is_woken() && !next.is_woken());
    let mut recv = Box::pin(rx.recv());
    for _ in 0..PATIENCE {
        assert!(poll_explosive(&mut recv).is_none_or(|polled| polled.is_pending()));
    }
    assert!(next.is_woken(), "it waits beside capacity");
    assert!(next.poll().is_ready());
    drop(recv);
    support::forget(rx);

    let (tx, rx) = mpmc::channel::<u8>(1);
    let permit = tx.try_reserve().unwrap();
    let (gone, mut next) = (Task::waiting(tx.reserve()), Task::waiting(tx.reserve()));
    drop(permit);
    assert!(gone.is_woken() && !next.is_woken());
    let mut recv = Box::pin(rx.recv());
    for _ in 0..PATIENCE {
        assert!(poll_explosive(&mut recv).is_none_or(|polled| polled.is_pending()));
    }
    assert!(next.is_woken(), "it waits beside capacity");
    assert!(next.poll().is_ready());
    support::forget(recv);
}

/// A message that comes just when the waker is cloned is received, whatever becomes of that clone.
#[test]
fn a_message_in_hand() {
    let _armed = Armed::new();
    let (tx, rx) = mpmc::unbounded_channel();
    let mut recv = Box::pin(rx.recv());
    let waker = hooked_and_explosive(move || tx.send(1).unwrap());
    assert_eq!(poll_with(&mut recv, waker), Poll::Ready(Some(1)));

    // The message is promised to another receiver, which does not come, until the promise lapses.
    let (tx, rx) = mpmc::unbounded_channel();
    let first = Task::waiting(rx.recv());
    let mut second = Box::pin(rx.recv());
    assert!(poll_explosive(&mut second).unwrap().is_pending());
    tx.send(1).unwrap();
    assert!(first.is_woken());
    let polled = (0..100).find_map(|_| poll_explosive(&mut second).filter(Poll::is_ready));
    assert_eq!(polled, Some(Poll::Ready(Some(1))));

    let (tx, mut rx) = mpsc::unbounded_channel();
    assert_eq!(ready(Box::pin(rx.recv()), move || tx.send(1).unwrap()), Some(1));
}

/// A message that is given back is not lost when the senders that are served instead explode.
#[test]
fn a_message_that_is_refused() {
    let _armed = Armed::new();
    let (tx, _rx) = mpsc::channel(1);
    let permit = tx.try_reserve().unwrap();
    let gone = Task::waiting(tx.reserve());
    let mut next = Box::pin(tx.reserve());
    assert!(poll_with(&mut next, explosive_waker(Event::Wake)).is_pending());
    drop(permit);
    assert!(gone.is_woken());
    // One more than a promise outlives: it is the next sender's turn, and it does not come yet.
    for message in 0..9 {
        let refused = tx.try_send(message);
        assert_eq!(refused, Err(mpsc::error::TrySendError::Full(message)));
    }
    assert!(poll_with(&mut next, Waker::noop().clone()).is_ready());

    let (tx, rx) = mpmc::channel(1);
    let gone = Task::waiting(rx.recv());
    let mut asleep = Box::pin(rx.recv());
    assert!(poll_with(&mut asleep, explosive_waker(Event::Wake)).is_pending());
    tx.try_send(PATIENCE).unwrap();
    assert!(gone.is_woken());
    for message in 0..PATIENCE {
        let refused = tx.try_send(message);
        assert_eq!(refused, Err(mpmc::error::TrySendError::Full(message)));
    }
}

/// A new value, or an end, that comes just when the waker is cloned is found in this poll or the
/// next.
#[test]
fn what_comes_while_the_waker_is_cloned() {
    let _armed = Armed::new();
    fn end<T: Send + 'static>(handle: T) -> impl Fn() + Send + Sync + 'static {
        let last = Mutex::new(Some(handle));
        move || drop(last.lock().unwrap().take())
    }
    let (tx, mut rx) = watch::channel(0);
    let sender = tx.clone();
    ready(Box::pin(rx.changed()), move || sender.send(1).unwrap()).unwrap();
    let sender = tx.clone();
    let met = ready(Box::pin(rx.wait_for(|value| *value == 2)), move || sender.send(2).unwrap());
    assert_eq!(*met.unwrap(), 2);
    ready(Box::pin(tx.closed()), end(rx));
    let (tx, mut rx) = watch::channel(0);
    assert!(ready(Box::pin(rx.changed()), end(tx)).is_err());

    let (tx, mut rx) = mpsc::channel::<u8>(1);
    assert_eq!(ready(Box::pin(rx.recv()), end(tx)), None);
    let (tx, rx) = mpsc::channel::<u8>(1);
    ready(Box::pin(tx.closed()), end(rx));
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    assert!(ready(Box::pin(tx.send(2)), end(rx)).is_err());

    let (tx, rx) = mpmc::channel::<u8>(1);
    assert_eq!(ready(Box::pin(rx.recv()), end(tx)), None);
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(1).unwrap();
    assert!(ready(Box::pin(tx.reserve()), end(rx)).is_err());

    let (tx, rx) = broadcast::channel::<u8>(1);
    ready(Box::pin(tx.closed()), end(rx));
    let (tx, mut rx) = broadcast::channel::<u8>(1);
    assert!(ready(Box::pin(rx.recv()), end(tx)).is_err());

    let (tx, mut rx) = oneshot::channel();
    let tx = Mutex::new(Some(tx));
    let send = move || tx.lock().unwrap().take().map_or((), |tx| tx.send(7).unwrap());
    assert_eq!(ready(Box::pin(&mut rx), send), Ok(7));
    let (tx, mut rx) = oneshot::channel::<u8>();
    assert!(ready(Box::pin(&mut rx), end(tx)).is_err());
    let (mut tx, rx) = oneshot::channel::<u8>();
    ready(Box::pin(tx.closed()), end(rx));
}
