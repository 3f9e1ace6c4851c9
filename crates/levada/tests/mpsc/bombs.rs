//! Panics whose payload panics again when it is dropped, thrown by everything foreign (C68, C69).

use levada::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::{
    Armed, Event, explodes, explosive_waker, hooked_and_explosive, poll_explosive, poll_with,
};

/// A sender that waits for much is cancelled and explodes; the one behind it, that waits for
/// little, is served, and explodes as well.
#[test]
fn a_cancelled_sender_hands_capacity_on() {
    let _armed = Armed::new();
    let (tx, _rx) = mpsc::channel::<u8>(2);
    let _permit = tx.try_reserve().unwrap();
    let mut much = Box::pin(tx.reserve_many(2));
    assert!(poll_explosive(&mut much).unwrap().is_pending());
    let mut little = Box::pin(tx.reserve());
    assert!(poll_with(&mut little, explosive_waker(Event::Wake)).is_pending());
    assert!(explodes(|| drop(much)));
    assert!(poll_with(&mut little, Waker::noop().clone()).is_ready());
}

/// Capacity that becomes free just when the waker is cloned is the sender's, whatever becomes of
/// that clone.
#[test]
fn a_permit_in_hand() {
    let _armed = Armed::new();
    let (tx, rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    let rx = Arc::new(Mutex::new(rx));
    let receives = |rx: &Arc<Mutex<mpsc::Receiver<u8>>>| {
        let rx = Arc::clone(rx);
        hooked_and_explosive(move || assert!(rx.lock().unwrap().try_recv().is_ok()))
    };
    let mut reserve = Box::pin(tx.reserve());
    let permit = poll_with(&mut reserve, receives(&rx));
    assert!(matches!(permit, Poll::Ready(Ok(_))));
    drop(permit);
    assert_eq!(tx.capacity(), 1, "a permit is lost");
    tx.try_send(2).unwrap();
    let mut send = Box::pin(tx.send(3));
    assert_eq!(poll_with(&mut send, receives(&rx)), Poll::Ready(Ok(())));
    assert_eq!(rx.lock().unwrap().try_recv(), Ok(3));
}
