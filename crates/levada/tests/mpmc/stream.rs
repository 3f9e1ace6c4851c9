//! Receivers as streams, and senders as sinks.

use futures_util::sink::Sink;
use futures_util::stream::{FusedStream, StreamExt};
use levada::mpmc;
use std::pin::pin;
use std::task::Poll;
use support::{Drops, Task, now, poll_now};
use tokio_stream::StreamMap;

#[test]
fn a_receiver_becomes_a_stream() {
    let (tx, rx) = mpmc::channel(8);
    let (mut a, mut b) = (pin!(rx.clone().into_stream()), pin!(rx.into_stream()));
    for i in 0..4 {
        tx.try_send(i).unwrap();
    }
    assert_eq!(now(a.next()), Some(0));
    assert_eq!(now(b.next()), Some(1));
    drop(tx);
    assert_eq!(now(a.as_mut().collect::<Vec<_>>()), [2, 3]);
    assert!(a.is_terminated() && !b.is_terminated());
    assert_eq!(now(b.next()), None);
    assert!(b.is_terminated());
    assert_eq!(now(b.next()), None);

    let (tx, rx) = mpmc::unbounded_channel();
    tx.send(1).unwrap();
    drop(tx);
    assert_eq!(now(rx.into_stream().collect::<Vec<_>>()), [1]);
}

/// A stream that waits, woken and dropped: the next one is woken (C2).
#[test]
fn a_dropped_stream_passes_its_wake_on() {
    let (tx, rx) = mpmc::channel(1);
    let mut stream = Box::pin(rx.clone().into_stream());
    let waits = Task::waiting(async move { stream.next().await });
    let mut other = Task::waiting(rx.recv());
    tx.try_send(1).unwrap();
    assert!(waits.is_woken() && !other.is_woken());
    drop(waits);
    assert!(other.is_woken());
    assert_eq!(other.poll(), Poll::Ready(Some(1)));
    assert_eq!(rx.receiver_count(), 1);
}

/// The stream is a receiver: with the last one the channel closes, and its messages go.
#[test]
fn a_dropped_stream_closes_the_channel() {
    let drops = Drops::default();
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(drops.message()).unwrap();
    drop(rx.into_stream());
    assert!(tx.is_closed());
    assert_eq!(drops.alive(), 0);
}

#[test]
#[should_panic(expected = "`start_send` needs `poll_ready` before it")]
fn start_send_without_poll_ready() {
    let (tx, _rx) = mpmc::channel(1);
    let _sent = pin!(tx.into_sink()).start_send(1);
}

#[test]
fn one_map_holds_streams_of_one_kind() {
    let mut map = StreamMap::new();
    let mut senders = Vec::new();
    for key in 0..8 {
        let (tx, rx) = mpmc::channel(4);
        map.insert(key, rx.into_stream());
        senders.push(tx);
    }
    let mut next = Task::waiting(map.next());
    assert!(senders[5].try_send("five").is_ok());
    assert!(next.is_woken());
    assert_eq!(next.poll(), Poll::Ready(Some((5, "five"))));
    drop(next);
    // The map moves its streams, also those that are in line, when one is taken out.
    assert!(poll_now(map.next()).is_pending());
    drop(map.remove(&0));
    assert!(senders[0].is_closed());
    for (key, sender) in senders.iter().enumerate().skip(1) {
        assert!(sender.try_send("all").is_ok());
        assert_eq!(now(map.next()), Some((key, "all")));
    }
    drop(senders);
    assert_eq!(now(map.next()), None);
}

/// Moved while it is in line: what is in line stays where it is.
#[test]
fn a_stream_moves_while_it_waits() {
    let (tx, rx) = mpmc::channel(1);
    let mut streams = Vec::with_capacity(1);
    let mut stream = rx.into_stream();
    assert!(poll_now(stream.next()).is_pending());
    for i in 0..100 {
        streams.push(stream);
        streams.reserve(1 + i);
        tx.try_send(i).unwrap();
        let mut moved = streams.swap_remove(0);
        assert_eq!(now(moved.next()), Some(i));
        assert!(poll_now(moved.next()).is_pending());
        stream = moved;
    }
}
