//! Feature `stream`: receivers as streams and senders as sinks, with the combinators of `futures`.
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::future::poll_fn;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use levada::{mpmc, mpsc};
use support::{Drops, Task, now};

fn poll_next<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn poll_ready<T, S: Sink<T>>(sink: Pin<&mut S>) -> Poll<Result<(), S::Error>> {
    sink.poll_ready(&mut Context::from_waker(Waker::noop()))
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
