//! Streams and sinks in what programs put them into: they are `Unpin`, so nothing is pinned by
//! hand.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::task::Poll;

use futures_util::sink::Sink;
use futures_util::stream::{self, Stream, StreamExt};
use levada::{broadcast, mpmc, mpsc, watch};
use support::{Task, now, poll_now};
use tokio_stream::StreamMap;

/// Compiles only if the types are `Unpin` for every message, also for one that is not.
#[expect(dead_code, reason = "it is compiled, not called")]
fn streams_and_sinks_are_unpin<T: Clone>() {
    fn stream<S: Stream + Unpin>() {}
    fn sink<T, S: Sink<T> + Unpin + Clone>() {}
    stream::<mpsc::Receiver<T>>();
    stream::<mpsc::UnboundedReceiver<T>>();
    stream::<mpmc::stream::RecvStream<T>>();
    stream::<broadcast::stream::RecvStream<T>>();
    stream::<watch::stream::WatchStream<T>>();
    sink::<T, mpsc::stream::SendSink<T>>();
    sink::<T, mpsc::stream::UnboundedSendSink<T>>();
    sink::<T, mpmc::stream::SendSink<T>>();
    sink::<T, mpmc::stream::UnboundedSendSink<T>>();
}

/// Compiles only if what is sent between threads may hold messages that are not shared.
#[expect(dead_code, reason = "it is compiled, not called")]
fn streams_and_sinks_are_send() {
    fn send<S: Send + Sync>() {}
    send::<mpmc::stream::RecvStream<RefCell<u8>>>();
    send::<broadcast::stream::RecvStream<RefCell<u8>>>();
    send::<watch::stream::WatchStream<u8>>();
    send::<mpsc::stream::SendSink<RefCell<u8>>>();
    send::<mpmc::stream::SendSink<RefCell<u8>>>();
}

#[test]
fn maps_take_broadcast_and_watch_streams() {
    let news: Vec<_> = (0..3).map(|_| broadcast::channel(2).0).collect();
    let mut map: StreamMap<_, _> =
        news.iter().map(|tx| tx.subscribe().into_stream()).enumerate().collect();
    assert!(poll_now(map.next()).is_pending());
    news.iter().for_each(|tx| drop(tx.send(1)));
    let got: BTreeSet<_> = (0..3).map(|_| now(map.next()).unwrap()).map(|(key, _)| key).collect();
    assert_eq!(got, (0..3).collect());

    let states: Vec<_> = (0..3).map(watch::Sender::new).collect();
    let mut map: StreamMap<_, _> =
        states.iter().map(|tx| tx.subscribe().into_stream()).enumerate().collect();
    let got: BTreeSet<_> = (0..3).map(|_| now(map.next())).collect();
    assert_eq!(got, (0..3).map(|i| Some((i, i))).collect());
    assert!(poll_now(map.next()).is_pending());
    states[2].send_replace(7);
    assert_eq!(now(map.next()), Some((2, 7)));
}

/// Streams of all kinds, in one `select_all` by way of the trait object that its users write.
#[test]
fn select_all_takes_them_as_they_are() {
    let (mpsc_tx, mpsc_rx) = mpsc::channel(4);
    let (mpmc_tx, mpmc_rx) = mpmc::channel(4);
    let (broadcast_tx, broadcast_rx) = broadcast::channel(4);
    let (watch_tx, watch_rx) = watch::channel(3);
    let mut all = stream::select_all::<Vec<Box<dyn Stream<Item = u8> + Unpin + Send>>>(vec![
        Box::new(mpsc_rx),
        Box::new(mpmc_rx.into_stream()),
        Box::new(broadcast_rx.into_stream().map(Result::unwrap)),
        Box::new(watch_rx.into_stream()),
    ]);
    assert_eq!(now(all.next()), Some(3));
    let mut next = Task::waiting(all.next());
    mpsc_tx.try_send(0).unwrap();
    mpmc_tx.try_send(1).unwrap();
    broadcast_tx.send(2).unwrap();
    assert!(next.is_woken());
    let Poll::Ready(first) = next.poll() else { panic!("three are ready") };
    drop(next);
    let got = BTreeSet::from([first, now(all.next()), now(all.next())]);
    assert_eq!(got, BTreeSet::from([Some(0), Some(1), Some(2)]));
    drop((mpsc_tx, mpmc_tx, broadcast_tx, watch_tx));
    assert_eq!(now(all.next()), None);
}

/// Forgotten in line, without a pin that would keep it in place: its place in the line lives on,
/// and the others are served.
#[test]
fn a_stream_is_forgotten_while_it_waits() {
    let (tx, rx) = mpmc::channel(2);
    let mut stream = rx.clone().into_stream();
    assert!(poll_now(stream.next()).is_pending());
    support::forget(stream);
    let mut recv = Task::waiting(rx.recv());
    (0..2).for_each(|i| tx.try_send(i).unwrap());
    assert!(recv.is_woken());
    assert_eq!(recv.poll(), Poll::Ready(Some(0)));

    let (tx, mut rx) = broadcast::channel(2);
    let mut stream = tx.subscribe().into_stream();
    assert!(poll_now(stream.next()).is_pending());
    support::forget(stream);
    let mut recv = Task::waiting(rx.recv());
    tx.send(1).unwrap();
    assert_eq!(recv.poll(), Poll::Ready(Ok(1)));

    let (tx, mut rx) = watch::channel(0);
    let mut stream = rx.clone().into_changes_stream();
    assert!(poll_now(stream.next()).is_pending());
    support::forget(stream);
    let mut changed = Task::waiting(rx.changed());
    tx.send(1).unwrap();
    assert!(changed.is_woken());
    assert!(changed.poll().is_ready());
}
