//! A receiver as a stream, a sender as a sink: what they allocate, and the wakers that they keep.

use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use levada::mpsc;
use std::sync::Arc;
use std::task::{Context, Waker};
use support::{Task, counted, now};

/// The receivers of mpsc are streams themselves, and never allocate to wait.
#[test]
fn an_mpsc_receiver_that_waits_allocates_nothing() {
    let (tx, mut rx) = mpsc::channel(4);
    tx.try_send(0).unwrap();
    assert_eq!(now(rx.next()), Some(0));
    let mut cx = Context::from_waker(Waker::noop());
    let ((), bytes, allocations) = counted(|| {
        for i in 0..100 {
            assert!(rx.poll_next_unpin(&mut cx).is_pending());
            tx.try_send(i).unwrap();
            assert_eq!(now(rx.next()), Some(i));
        }
    });
    assert_eq!((bytes, allocations), (0, 0));
}

/// The waker goes with a reservation that is given up, too, while the sink lives on.
#[test]
fn an_aborted_send_keeps_no_waker() {
    let (tx, _rx) = mpsc::channel(1);
    let mut sink = tx.into_sink();
    now(sink.feed(0)).unwrap();
    let task = Task::waiting(sink.feed(1));
    let wakers = task.wakers();
    drop(task);
    assert_eq!(Arc::strong_count(&wakers), 2, "it is in line");
    assert!(sink.abort_send());
    assert_eq!(Arc::strong_count(&wakers), 1);
}
