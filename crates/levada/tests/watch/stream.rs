//! The watch channel as a stream.

use futures_util::future::FutureExt;
use futures_util::stream::{FusedStream, StreamExt};
use levada::watch;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use support::Tally;

fn next<S: StreamExt>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn it_gives_the_current_value_then_the_latest() {
    let (tx, mut rx) = watch::channel(0);
    rx.mark_unchanged();
    let mut values = pin!(rx.into_stream());
    assert_eq!(next(values.as_mut()), Poll::Ready(Some(0)));
    assert_eq!(next(values.as_mut()), Poll::Pending);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(next(values.as_mut()), Poll::Ready(Some(2)));
    assert_eq!(next(values.as_mut()), Poll::Pending);
    tx.send(3).unwrap();
    drop(tx);
    assert!(!values.is_terminated());
    assert_eq!(next(values.as_mut()), Poll::Ready(Some(3)));
    for _ in 0..2 {
        assert_eq!(next(values.as_mut()), Poll::Ready(None));
        assert!(values.is_terminated());
    }
}

#[test]
fn it_gives_one_value_of_a_closed_channel() {
    let (tx, rx) = watch::channel(0);
    drop(tx);
    let mut values = pin!(rx.into_stream());
    assert_eq!(next(values.as_mut()), Poll::Ready(Some(0)));
    assert_eq!(next(values.as_mut()), Poll::Ready(None));
}

/// The value that is there when the stream is made is no change.
#[test]
fn changes_begin_after_the_value_that_was_seen() {
    let (tx, rx) = watch::channel(0);
    let mut changes = rx.into_changes_stream();
    assert_eq!(next(Pin::new(&mut changes)), Poll::Pending);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(Some(2)));
    assert_eq!(next(Pin::new(&mut changes)), Poll::Pending);
    tx.send(3).unwrap();
    drop(tx);
    assert!(!changes.is_terminated());
    assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(Some(3)));
    for _ in 0..2 {
        assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(None));
        assert!(changes.is_terminated());
    }
}

/// No change is lost between the look at a value and the stream: what the receiver has not seen
/// comes.
#[test]
fn changes_begin_with_what_was_not_seen() {
    let (tx, mut rx) = watch::channel(0);
    tx.send(1).unwrap();
    let mut changes = rx.clone().into_changes_stream();
    assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(Some(1)));
    assert_eq!(next(Pin::new(&mut changes)), Poll::Pending);

    assert_eq!(*rx.borrow_and_update(), 1);
    let mut changes = rx.clone().into_changes_stream();
    assert_eq!(next(Pin::new(&mut changes)), Poll::Pending);

    rx.mark_changed();
    drop(tx);
    let mut changes = rx.clone().into_changes_stream();
    assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(Some(1)));
    assert_eq!(next(Pin::new(&mut changes)), Poll::Ready(None));

    rx.mark_unchanged();
    assert_eq!(next(Pin::new(&mut rx.into_changes_stream())), Poll::Ready(None));
}

/// A loop that takes what is ready and then waits gets to wait.
#[test]
fn changes_can_be_drained() {
    let (tx, rx) = watch::channel(0);
    for _ in 0..3 {
        tx.send_modify(|value| *value += 1);
        let mut changes = rx.clone().into_changes_stream();
        assert!(changes.next().now_or_never().is_some_and(|value| value == Some(*tx.borrow())));
        assert!(changes.next().now_or_never().is_none());
    }
}

/// One send is one item, also beside the value that the stream began with.
#[test]
fn a_value_is_given_once() {
    let (tx, rx) = watch::channel("hello");
    let mut values = rx.into_stream();
    tx.send("goodbye").unwrap();
    assert_eq!(next(Pin::new(&mut values)), Poll::Ready(Some("goodbye")));
    assert_eq!(next(Pin::new(&mut values)), Poll::Pending);

    let mut values = tx.subscribe().into_stream();
    assert_eq!(next(Pin::new(&mut values)), Poll::Ready(Some("goodbye")));
    assert_eq!(next(Pin::new(&mut values)), Poll::Pending);
}

#[test]
fn it_is_a_receiver() {
    let (tx, rx) = watch::channel(0);
    let values = rx.into_stream();
    assert_eq!(tx.receiver_count(), 1);
    drop(values);
    assert!(tx.is_closed());
}

#[test]
fn it_keeps_no_waker_when_dropped() {
    let (tx, rx) = watch::channel(0);
    let bell = Tally::new();
    let waker = bell.waker();
    let mut values = Box::pin(rx.into_stream());
    assert!(pin!(values.next()).poll(&mut Context::from_waker(&waker)).is_ready());
    assert!(pin!(values.next()).poll(&mut Context::from_waker(&waker)).is_pending());
    tx.send(1).unwrap();
    assert_eq!(bell.woken(), 1);
    assert!(pin!(values.next()).poll(&mut Context::from_waker(&waker)).is_ready());
    assert!(pin!(values.next()).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(values);
    drop(waker);
    assert_eq!(Arc::strong_count(&bell), 1);
}

/// Panics when it is cloned, once.
struct Fragile(Arc<AtomicBool>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!self.0.swap(false, Ordering::SeqCst), "as it should");
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn a_value_whose_clone_panics_is_not_lost() {
    let fragile = Arc::new(AtomicBool::new(true));
    let (tx, rx) = watch::channel(Fragile(Arc::clone(&fragile)));
    let mut values = pin!(rx.into_stream());
    for _ in 0..2 {
        let panic = catch_unwind(AssertUnwindSafe(|| next(values.as_mut()).is_ready()));
        assert!(panic.is_err());
        assert!(matches!(next(values.as_mut()), Poll::Ready(Some(_))));
        assert!(next(values.as_mut()).is_pending());
        fragile.store(true, Ordering::SeqCst);
        tx.send_modify(|_| ());
    }
    fragile.store(false, Ordering::SeqCst);
    tx.send_modify(|_| ());
    assert!(next(values.as_mut()).is_ready());
}

#[test]
fn it_works_in_a_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let (tx, rx) = watch::channel(0);
        let last = tokio::spawn(rx.into_stream().fold(0, |last, value| async move {
            assert!(value >= last);
            value
        }));
        for value in 1..=1000 {
            tx.send(value).unwrap();
        }
        drop(tx);
        assert_eq!(last.await.unwrap(), 1000);
    });
}
