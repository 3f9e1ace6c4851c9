//! Feature `stream`: receivers as streams and senders as sinks, with the combinators of `futures`.
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::future::{FutureExt, poll_fn};
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use levada::{mpmc, mpsc};
use support::{Drops, Task};

/// A future that does not wait.
fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("there is something to wait for")
}

fn poll_next<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn poll_ready<T, S: Sink<T>>(sink: Pin<&mut S>) -> Poll<Result<(), S::Error>> {
    sink.poll_ready(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn an_mpsc_receiver_is_a_stream() {
    let (tx, mut rx) = mpsc::channel(8);
    for i in 0..3 {
        tx.try_send(i).unwrap();
    }
    assert_eq!(rx.size_hint(), (3, None));
    assert_eq!(now(rx.next()), Some(0));
    assert_eq!(rx.size_hint(), (2, None));
    drop(tx);
    assert_eq!(now(rx.by_ref().collect::<Vec<_>>()), [1, 2]);
    assert!(rx.is_terminated());
    assert_eq!(now(rx.next()), None);
}

#[test]
fn an_unbounded_mpsc_receiver_is_a_stream() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    tx.send(1).unwrap();
    assert_eq!(rx.size_hint(), (1, None));
    rx.close();
    assert_eq!(now(rx.by_ref().collect::<Vec<_>>()), [1]);
    assert!(rx.is_terminated());
}

#[test]
fn an_mpmc_receiver_becomes_a_stream() {
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

/// A stream is terminated when it has said so, and not before: `select!` does not poll one that is.
#[test]
fn the_end_is_given_once_before_termination() {
    let (tx, mut bounded) = mpsc::channel::<u8>(1);
    drop(tx);
    assert!(!bounded.is_terminated());
    assert_eq!(poll_next(Pin::new(&mut bounded)), Poll::Ready(None));
    assert!(bounded.is_terminated());

    let (tx, mut unbounded) = mpsc::unbounded_channel::<u8>();
    unbounded.close();
    assert!(!unbounded.is_terminated());
    assert_eq!(poll_next(Pin::new(&mut unbounded)), Poll::Ready(None));
    assert!(unbounded.is_terminated());
    drop(tx);

    let (tx, rx) = mpmc::channel::<u8>(1);
    drop(tx);
    let mut stream = pin!(rx.into_stream());
    assert!(!stream.is_terminated());
    assert_eq!(poll_next(stream.as_mut()), Poll::Ready(None));
    assert!(stream.is_terminated());
}

/// The loop of futures' own documentation: it ends on `None`, and has no `complete` branch.
#[test]
fn a_select_loop_sees_the_end() {
    let (tx, mut rx) = mpsc::channel(4);
    tx.try_send(1).unwrap();
    drop(tx);
    let mut received = Vec::new();
    now(async {
        loop {
            futures_util::select_biased! {
                message = rx.next() => match message {
                    Some(message) => received.push(message),
                    None => break,
                },
            }
        }
    });
    assert_eq!(received, [1]);
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

/// The receiver of a sink, of either kind.
trait Source {
    fn take(&mut self) -> Result<Drops, mpsc::error::TryRecvError>;
    fn end(&mut self);
    fn room(&self) -> usize;
}

impl Source for mpsc::Receiver<Drops> {
    fn take(&mut self) -> Result<Drops, mpsc::error::TryRecvError> {
        self.try_recv()
    }
    fn end(&mut self) {
        self.close();
    }
    fn room(&self) -> usize {
        self.capacity()
    }
}

impl Source for mpmc::Receiver<Drops> {
    fn take(&mut self) -> Result<Drops, mpsc::error::TryRecvError> {
        self.try_recv()
    }
    fn end(&mut self) {
        self.close();
    }
    fn room(&self) -> usize {
        self.capacity()
    }
}

/// Runs a test with a sink of each kind, and its receiver.
macro_rules! with_both {
    ($test:ident, $capacity:expr) => {{
        let (tx, rx) = mpsc::channel($capacity);
        $test(tx.into_sink(), rx);
        let (tx, rx) = mpmc::channel($capacity);
        $test(tx.into_sink(), rx);
    }};
}

/// Readiness is one permit, however often it is asked for, and it is kept.
#[test]
fn a_sink_reserves_once() {
    fn test<S: Sink<Drops>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        for _ in 0..5 {
            assert!(poll_ready(sink.as_mut()).is_ready());
            assert_eq!(rx.room(), 2);
        }
        assert!(sink.as_mut().start_send(drops.message()).is_ok());
        assert_eq!(rx.room(), 2);
        assert!(poll_ready(sink.as_mut()).is_ready());
        assert_eq!(rx.room(), 1);
        drop(sink);
        assert_eq!(rx.room(), 2);
        drop(rx.take().unwrap());
        assert!(rx.take().is_err());
        assert_eq!((rx.room(), drops.alive()), (3, 0));
    }
    with_both!(test, 3);
}

/// C56: `send_all` after `poll_ready` uses the permit that is there.
#[test]
fn send_all_after_poll_ready() {
    fn test<S: Sink<Drops, Error: std::fmt::Debug>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        assert!(poll_ready(sink.as_mut()).is_ready());
        let mut messages = stream::iter([drops.message(), drops.message()]).map(Ok);
        now(sink.send_all(&mut messages)).unwrap();
        assert_eq!(drops.alive(), 2);
        assert_eq!(rx.room(), 0, "no third permit");
        for _ in 0..2 {
            drop(rx.take().unwrap());
        }
        assert_eq!((rx.room(), drops.alive()), (2, 0));
    }
    with_both!(test, 2);
}

/// A sink that waits is in line; when it goes, the turn is the next one's.
#[test]
fn a_sink_waits_in_line() {
    fn test<S: Sink<Drops, Error: std::fmt::Debug>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        now(sink.feed(drops.message())).unwrap();
        let mut waits = Task::waiting(poll_fn(|cx| sink.as_mut().poll_ready(cx)));
        drop(rx.take().unwrap());
        assert!(waits.is_woken());
        assert_eq!(rx.room(), 0, "promised");
        assert!(waits.poll().is_ready());
        drop(waits);
        assert_eq!(rx.room(), 0, "reserved, though the future of readiness is gone");
        now(sink.close()).unwrap();
        assert_eq!(rx.room(), 1);
    }
    with_both!(test, 1);
}

/// Closed or dropped while it waits, with and without its turn: nothing is left in line.
#[test]
fn a_sink_that_goes_while_it_waits() {
    fn test<S: Sink<Drops, Error: std::fmt::Debug>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        now(sink.feed(drops.message())).unwrap();
        assert!(poll_ready(sink.as_mut()).is_pending());
        drop(rx.take().unwrap());
        drop(sink);
        assert_eq!(rx.room(), 1);
        assert_eq!(rx.take().unwrap_err(), mpsc::error::TryRecvError::Disconnected);
    }
    with_both!(test, 1);
}

/// The receiver closes: no more room; what is reserved may still be used.
#[test]
fn a_sink_of_a_channel_that_closes() {
    fn test<S: Sink<Drops>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        assert!(poll_ready(sink.as_mut()).is_ready());
        rx.end();
        assert!(matches!(poll_ready(sink.as_mut()), Poll::Ready(Ok(()))));
        assert!(rx.take().is_err(), "a permit is out");
        assert!(sink.as_mut().start_send(drops.message()).is_ok());
        drop(rx.take().unwrap());
        assert!(matches!(poll_ready(sink.as_mut()), Poll::Ready(Err(_))));
        assert_eq!(rx.take().unwrap_err(), mpsc::error::TryRecvError::Disconnected);
    }
    with_both!(test, 2);
}

#[test]
fn a_sink_whose_receiver_is_gone() {
    fn test<S: Sink<Drops>>(sink: S, rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        assert!(poll_ready(sink.as_mut()).is_ready());
        drop(rx);
        assert!(sink.as_mut().start_send(drops.message()).is_err());
        assert_eq!(drops.alive(), 0);
        assert!(matches!(poll_ready(sink.as_mut()), Poll::Ready(Err(_))));
    }
    with_both!(test, 2);
}

/// After `poll_close` the sender is gone, and the sink says so.
#[test]
fn a_closed_sink() {
    fn test<S: Sink<Drops, Error: std::fmt::Debug>>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut sink = Box::pin(sink);
        now(sink.send(drops.message())).unwrap();
        assert!(poll_ready(sink.as_mut()).is_ready());
        now(sink.close()).unwrap();
        now(sink.close()).unwrap();
        assert!(rx.take().is_ok(), "what was sent arrives");
        assert_eq!(rx.take().unwrap_err(), mpsc::error::TryRecvError::Disconnected);
        assert!(matches!(poll_ready(sink.as_mut()), Poll::Ready(Err(_))));
        assert!(sink.as_mut().start_send(drops.message()).is_err());
        assert_eq!(drops.alive(), 0);
    }
    with_both!(test, 2);
}

#[test]
#[should_panic(expected = "`start_send` needs `poll_ready` before it")]
fn start_send_without_poll_ready() {
    let (tx, _rx) = mpmc::channel(1);
    let _sent = pin!(tx.into_sink()).start_send(1);
}

#[test]
fn a_sink_shows_its_sender() {
    let (tx, _rx) = mpsc::channel::<u8>(2);
    let mut sink = pin!(tx.into_sink());
    assert_eq!(sink.sender().map(mpsc::Sender::max_capacity), Some(2));
    assert!(format!("{sink:?}").starts_with("SendSink { sender: Some(Sender {"));
    now(sink.close()).unwrap();
    assert!(sink.sender().is_none());

    let (tx, _rx) = mpmc::channel::<u8>(2);
    let sink = tx.into_sink();
    assert_eq!(sink.sender().map(mpmc::Sender::max_capacity), Some(2));
}

#[test]
fn unbounded_senders_become_sinks() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let mut sink = tx.into_sink();
    now(sink.send_all(&mut stream::iter(0..100).map(Ok))).unwrap();
    now(sink.close()).unwrap();
    assert_eq!(now(rx.by_ref().count()), 100);

    let (tx, rx) = mpmc::unbounded_channel();
    let mut sink = tx.into_sink();
    now(sink.send_all(&mut stream::iter(0..100).map(Ok))).unwrap();
    assert_eq!(rx.len(), 100);
    assert!(sink.sender().is_some_and(|tx| tx.strong_count() == 1));
    drop(sink);
    assert_eq!(now(rx.into_stream().count()), 100);
}

/// From end to end, through a channel smaller than the stream.
#[tokio::test]
async fn forward_from_one_channel_to_the_next() {
    let (tx, rx) = mpsc::channel(2);
    let (next, mut last) = mpsc::channel(1);
    let produce = async move {
        let mut sink = pin!(tx.into_sink());
        let mut messages = stream::iter(0..1_000).map(Ok);
        sink.send_all(&mut messages).await.unwrap();
        sink.close().await.unwrap();
    };
    let forward = rx.map(Ok).forward(next.into_sink());
    let consume = last.by_ref().collect::<Vec<_>>();
    let ((), forwarded, received) = futures_util::join!(produce, forward, consume);
    assert!(forwarded.is_ok());
    assert!(received.into_iter().eq(0..1_000));
}
