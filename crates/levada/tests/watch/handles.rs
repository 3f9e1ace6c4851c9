//! The semantics tokio's own tests leave open, texts, traits and sizes.

use levada::watch::{self, Receiver, Ref, Sender, error};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use support::{Tally, poll, poll_now};

#[test]
fn a_value_is_not_stored_without_a_receiver() {
    let (tx, rx) = watch::channel(1);
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.send(2), Err(error::SendError(2)));
    assert_eq!(*tx.borrow(), 1);
    tx.send_modify(|value| *value = 3);
    assert_eq!(tx.send_replace(4), 3);
    assert!(!tx.send_if_modified(|_| false));
    let rx = tx.subscribe();
    assert_eq!((*rx.borrow(), rx.has_changed().unwrap()), (4, false));
    assert_eq!(tx.send(5), Ok(()));
}

#[test]
fn a_channel_can_be_reopened_again_and_again() {
    let tx = Sender::new(0);
    let bell = Tally::new();
    for _ in 0..3 {
        assert!(poll_now(tx.closed()).is_ready());
        let (one, two) = (tx.subscribe(), tx.subscribe());
        assert_eq!(tx.receiver_count(), 2);
        let rung = bell.woken();
        let mut closed = pin!(tx.closed());
        assert!(poll(closed.as_mut(), &bell.waker()).is_pending());
        drop(one);
        assert_eq!(bell.woken(), rung);
        drop(two);
        assert_eq!(bell.woken(), rung + 1);
        assert!(poll(closed.as_mut(), &bell.waker()).is_ready());
    }
}

#[test]
fn closed_goes_on_waiting_when_somebody_subscribes_in_time() {
    let (tx, rx) = watch::channel(0);
    let bell = Tally::new();
    let mut closed = pin!(tx.closed());
    assert!(poll(closed.as_mut(), &bell.waker()).is_pending());
    drop(rx);
    let rx = tx.subscribe();
    assert_eq!(bell.woken(), 1);
    assert!(poll(closed.as_mut(), &bell.waker()).is_pending());
    drop(rx);
    assert_eq!(bell.woken(), 2);
    assert!(poll(closed.as_mut(), &bell.waker()).is_ready());
}

#[test]
fn a_clone_has_seen_what_the_original_has() {
    let (tx, mut rx) = watch::channel(0);
    tx.send(1).unwrap();
    let mut fresh = rx.clone();
    rx.mark_unchanged();
    let mut seen = rx.clone();
    assert!(fresh.borrow_and_update().has_changed());
    assert!(!seen.borrow_and_update().has_changed());
    rx.mark_changed();
    assert!(rx.borrow().has_changed() && rx.clone().has_changed().unwrap());
    assert!(poll_now(rx.changed()).is_ready());
    assert!(poll_now(rx.changed()).is_pending());
}

#[test]
fn what_the_last_sender_leaves_is_seen_first() {
    let (tx, mut rx) = watch::channel(0);
    let second = tx.clone();
    assert_eq!(second.sender_count(), 2);
    drop(tx);
    second.send(1).unwrap();
    assert_eq!((second.sender_count(), rx.is_closed()), (1, false));
    drop(second);
    assert!(rx.is_closed() && rx.has_changed().is_err());
    assert!(matches!(
        poll_now(rx.clone().wait_for(|value| *value == 1)),
        std::task::Poll::Ready(Ok(_))
    ));
    assert!(matches!(
        poll_now(rx.clone().wait_for(|value| *value == 2)),
        std::task::Poll::Ready(Err(_))
    ));
    assert!(matches!(poll_now(rx.changed()), std::task::Poll::Ready(Ok(()))));
    assert!(matches!(poll_now(rx.changed()), std::task::Poll::Ready(Err(_))));
}

/// C53: tokio #3234.
#[test]
fn being_woken_is_not_a_change() {
    let (tx, mut rx) = watch::channel(0);
    let mut second = rx.clone();
    let bell = Tally::new();
    let mut changed = pin!(rx.changed());
    for _ in 0..3 {
        assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
    }
    assert!(!tx.send_if_modified(|value| {
        *value = 1;
        false
    }));
    assert_eq!(bell.woken(), 0, "a silent modification");
    tx.send(2).unwrap();
    assert_eq!(bell.woken(), 1, "in line once, so woken once");
    assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
    assert!(poll_now(second.changed()).is_ready());
    assert!(poll_now(second.changed()).is_pending());
}

#[test]
fn a_future_that_completed_can_be_polled_again() {
    let (tx, mut rx) = watch::channel(0);
    let bell = Tally::new();
    let waker = bell.waker();
    {
        let mut changed = pin!(rx.changed());
        for value in 1..3 {
            assert!(poll(changed.as_mut(), &waker).is_pending());
            tx.send(value).unwrap();
            assert!(poll(changed.as_mut(), &waker).is_ready());
        }
    }
    {
        let mut positive = pin!(rx.wait_for(|value| *value > 0));
        assert!(poll(positive.as_mut(), &waker).is_ready());
        assert!(poll(positive.as_mut(), &waker).is_ready());
    }
    drop(rx);
    let mut closed = pin!(tx.closed());
    assert!(poll(closed.as_mut(), &waker).is_ready());
    let rx = tx.subscribe();
    assert!(poll(closed.as_mut(), &waker).is_pending());
    drop(rx);
    assert!(poll(closed.as_mut(), &waker).is_ready());
}

/// C6: faern/oneshot #15. C29: tokio #8095, #7886, restate #4327.
#[test]
fn the_newest_waker_is_woken_and_none_is_kept() {
    let (tx, mut rx) = watch::channel(0);
    let (old, new) = (Tally::new(), Tally::new());
    {
        let mut changed = pin!(rx.changed());
        assert!(poll(changed.as_mut(), &old.waker()).is_pending());
        assert!(poll(changed.as_mut(), &new.waker()).is_pending());
        assert_eq!(Arc::strong_count(&old), 1);
        tx.send(1).unwrap();
        assert_eq!((old.woken(), new.woken()), (0, 1));
        assert_eq!(Arc::strong_count(&new), 1, "woken, so given away");
        assert!(poll(changed.as_mut(), &new.waker()).is_ready());
    }
    {
        let mut changed = Box::pin(rx.changed());
        assert!(poll(changed.as_mut(), &new.waker()).is_pending());
        assert_eq!(Arc::strong_count(&new), 2);
    }
    assert_eq!(Arc::strong_count(&new), 1, "cancelled");
    {
        let mut closed = Box::pin(tx.closed());
        assert!(poll(closed.as_mut(), &new.waker()).is_pending());
    }
    {
        let mut two = Box::pin(rx.wait_for(|value| *value == 2));
        assert!(poll(two.as_mut(), &new.waker()).is_pending());
    }
    assert_eq!(Arc::strong_count(&new), 1);
}

/// C54: tokio #5923. One wake for each receiver and value, though each comes back at once.
#[test]
fn each_receiver_is_woken_once_for_a_value() {
    let (tx, rx) = watch::channel(0);
    let mut receivers: Vec<_> = (0..512).map(|_| (rx.clone(), Tally::new())).collect();
    for round in 1..4 {
        let mut waits: Vec<_> =
            receivers.iter_mut().map(|(rx, bell)| (Box::pin(rx.changed()), bell)).collect();
        for (changed, bell) in &mut waits {
            assert!(poll(changed.as_mut(), &bell.waker()).is_pending());
        }
        tx.send(round).unwrap();
        for (changed, bell) in &mut waits {
            assert_eq!(bell.woken(), round);
            assert!(poll(changed.as_mut(), &bell.waker()).is_ready());
        }
    }
}

/// tokio's texts without its lock, which has different ones depending on tokio's features.
#[test]
fn texts_are_tokios() {
    let (tx, rx) = watch::channel("hello");
    assert_eq!(format!("{:?}", tx.borrow()), r#"Ref { inner: "hello", has_changed: false }"#);
    let shared = r#"shared: Shared { value: "hello", version: Version(0), is_closed: false, ref_count_rx: 1 }"#;
    assert_eq!(format!("{tx:?}"), format!("Sender {{ {shared} }}"));
    assert_eq!(format!("{rx:?}"), format!("Receiver {{ {shared}, version: Version(0) }}"));
    drop(rx);

    let (tokio_tx, tokio_rx) = tokio::sync::watch::channel("");
    drop(tokio_rx);
    let sent = (tx.send("").unwrap_err(), tokio_tx.send("").unwrap_err());
    assert_eq!(format!("{:?} {}", sent.0, sent.0), format!("{:?} {}", sent.1, sent.1));
    let (rx, tokio_rx) = (tx.subscribe(), tokio_tx.subscribe());
    drop((tx, tokio_tx));
    let closed = (rx.has_changed().unwrap_err(), tokio_rx.has_changed().unwrap_err());
    assert_eq!(format!("{:?} {}", closed.0, closed.0), format!("{:?} {}", closed.1, closed.1));
}

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn future_is_send_and_sync<F: Future + Send + Sync>(_: F) {}

/// What tokio's own test of them leaves open; that they are not more is in tokio's.
#[test]
fn auto_traits_are_tokios() {
    is_send::<Sender<u8>>();
    is_sync::<Receiver<u8>>();
    is_sync::<Ref<'static, u8>>();
    is_unpin::<(Sender<PhantomPinned>, Receiver<PhantomPinned>, Ref<'static, PhantomPinned>)>();
    is_unwind_safe::<(Sender<Cell<u8>>, Receiver<&mut u8>, Ref<'static, u8>)>();
    is_unwind_safe::<(error::SendError<u8>, error::RecvError)>();
    let (tx, mut rx) = watch::channel(0);
    future_is_send_and_sync(tx.closed());
    future_is_send_and_sync(rx.changed());
    future_is_send_and_sync(rx.wait_for(|_| true));
}

#[cfg(not(feature = "observe"))]
#[test]
fn handles_are_small() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<Sender<[u64; 9]>>(), word);
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), 2 * word);
    assert_eq!(size_of::<Ref<'static, [u64; 9]>>(), 3 * word);
}
