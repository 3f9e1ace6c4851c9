//! Streams and sinks: what they allocate, and that they give it back with their wakers.

use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{Stream, StreamExt};
use levada::{broadcast, mpmc, mpsc, watch};
use std::sync::Arc;
use std::task::{Context, Waker};
use support::{Task, counted, now};

/// What a place in a line takes at most, in bytes, as the docs of streams and sinks say.
const PLACE: isize = 88;

/// A stream allocates nothing for a message that is there, once for the first wait, and then
/// nothing more; dropped in line, it leaves neither memory nor a waker.
#[track_caller]
fn one_allocation<S: Stream + Unpin>(name: &str, make: impl FnOnce() -> S, mut send: impl FnMut()) {
    // What the channel itself allocates once is there.
    send();
    let (mut stream, bytes, allocations) = counted(|| {
        let mut stream = make();
        assert!(now(stream.next()).is_some());
        stream
    });
    assert_eq!((bytes, allocations), (0, 0), "{name}: nothing to wait for");

    let mut cx = Context::from_waker(Waker::noop());
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..100 {
            assert!(stream.poll_next_unpin(&mut cx).is_pending());
            send();
            assert!(stream.poll_next_unpin(&mut cx).is_ready());
        }
        assert!(stream.poll_next_unpin(&mut cx).is_pending());
    });
    assert_eq!(allocations, 1, "{name}: its place in the line");
    assert!(bytes <= PLACE, "{name}: {bytes} bytes");

    let task = Task::waiting(stream.next());
    let wakers = task.wakers();
    drop(task);
    let ((), freed, _) = counted(|| drop(stream));
    assert_eq!(freed, -bytes, "{name}: all of it is given back");
    assert_eq!(Arc::strong_count(&wakers), 1, "{name}: no waker is left");
}

#[test]
fn streams_allocate_when_they_first_wait() {
    let (tx, rx) = mpmc::channel(4);
    let other = rx.clone();
    one_allocation("mpmc", || rx.into_stream(), || tx.try_send(1).unwrap());
    assert_eq!(other.receiver_count(), 1);

    let (tx, mut rx) = broadcast::channel(4);
    tx.send(0).unwrap();
    now(rx.recv()).unwrap();
    one_allocation("broadcast", || rx.into_stream(), || assert!(tx.send(1).is_ok()));

    // A watch allocates a node for a value that replaces one; changed in place it does not.
    let (tx, rx) = watch::channel(0);
    one_allocation("watch", || rx.into_changes_stream(), || tx.send_modify(|value| *value += 1));
}

/// The same for a sink of a channel for one message.
#[track_caller]
fn one_allocation_of<S: Sink<u8> + Unpin>(mut sink: S, mut receive: impl FnMut() -> Option<u8>) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(now(sink.feed(0)).is_ok());
    assert_eq!(receive(), Some(0));
    let ((), bytes, allocations) = counted(|| {
        for i in 0..100 {
            assert!(now(sink.feed(i)).is_ok());
            assert_eq!(receive(), Some(i));
        }
    });
    assert_eq!((bytes, allocations), (0, 0), "there was room");

    assert!(now(sink.feed(0)).is_ok());
    let ((), bytes, allocations) = counted(|| {
        for _ in 0..100 {
            assert!(sink.poll_ready_unpin(&mut cx).is_pending());
            assert!(receive().is_some());
            assert!(sink.poll_ready_unpin(&mut cx).is_ready());
            assert!(sink.start_send_unpin(1).is_ok());
        }
        assert!(sink.poll_ready_unpin(&mut cx).is_pending());
    });
    assert_eq!(allocations, 1, "its place in the line");
    assert!(bytes <= PLACE, "{bytes} bytes");

    let task = Task::waiting(sink.feed(2));
    let wakers = task.wakers();
    drop(task);
    let ((), freed, _) = counted(|| drop(sink));
    assert_eq!(freed, -bytes, "all of it is given back");
    assert_eq!(Arc::strong_count(&wakers), 1, "no waker is left");
}

#[test]
fn sinks_allocate_when_they_first_wait() {
    let (tx, mut rx) = mpsc::channel(1);
    // Another sender, so that the channel lives on without the sink.
    let _other = tx.clone();
    one_allocation_of(tx.into_sink(), || rx.try_recv().ok());
    let (tx, rx) = mpmc::channel(1);
    let _other = tx.clone();
    one_allocation_of(tx.into_sink(), || rx.try_recv().ok());
}
