//! Senders as sinks: what is reserved is given back, and a closed channel is a closed sink.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::poll_fn;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, StreamExt};
use levada::mpsc::error::{SendError, TryRecvError};
use levada::{mpmc, mpsc};
use support::{Drops, Task, now, poll_now};

fn poll_ready<S>(sink: &mut S) -> Poll<Result<(), ()>>
where
    S: Sink<Drops, Error = SendError<()>> + Unpin,
{
    let polled = Pin::new(sink).poll_ready(&mut Context::from_waker(Waker::noop()));
    polled.map_err(|SendError(())| ())
}

/// What the tests need of a bounded sink, of either kind.
trait Bounded: Sink<Drops, Error = SendError<()>> + Unpin + Clone {
    fn abort(&mut self) -> bool;
    fn room(&self) -> usize;
}

impl Bounded for mpsc::stream::SendSink<Drops> {
    fn abort(&mut self) -> bool {
        self.abort_send()
    }
    fn room(&self) -> usize {
        self.sender().expect("the sink is open").capacity()
    }
}

impl Bounded for mpmc::stream::SendSink<Drops> {
    fn abort(&mut self) -> bool {
        self.abort_send()
    }
    fn room(&self) -> usize {
        self.sender().expect("the sink is open").capacity()
    }
}

/// What the tests need of a receiver, of any kind.
trait Source {
    fn take(&mut self) -> Result<Drops, TryRecvError>;
    fn shut(&mut self);
}

macro_rules! source {
    ($($receiver:ty),*) => {$(
        impl Source for $receiver {
            fn take(&mut self) -> Result<Drops, TryRecvError> {
                self.try_recv()
            }
            fn shut(&mut self) {
                self.close();
            }
        }
    )*};
}

source!(mpsc::Receiver<Drops>, mpsc::UnboundedReceiver<Drops>);
source!(mpmc::Receiver<Drops>, mpmc::UnboundedReceiver<Drops>);

/// Runs a test with a bounded sink of each kind, and its receiver.
macro_rules! bounded {
    ($test:ident, $capacity:expr) => {{
        let (tx, rx) = mpsc::channel($capacity);
        $test(tx.into_sink(), rx);
        let (tx, rx) = mpmc::channel($capacity);
        $test(tx.into_sink(), rx);
    }};
}

/// The same with an unbounded one.
macro_rules! unbounded {
    ($test:ident) => {{
        let (tx, rx) = mpsc::unbounded_channel();
        $test(tx.into_sink(), rx);
        let (tx, rx) = mpmc::unbounded_channel();
        $test(tx.into_sink(), rx);
    }};
}

/// An idle sink holds a place, and gives it back when it is asked to.
#[test]
fn an_idle_sink_gives_back_its_place() {
    fn test<S: Bounded>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let mut other = sink.clone();
        assert!(!sink.abort(), "nothing was reserved");
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Ok(())));
        assert_eq!(sink.room(), 0);
        assert_eq!(poll_ready(&mut other), Poll::Pending);
        assert!(sink.abort());
        assert!(!sink.abort(), "it was given back once");
        // The sink that waited is next, and the first one can go on behind it.
        assert_eq!(poll_ready(&mut other), Poll::Ready(Ok(())));
        assert_eq!(poll_ready(&mut sink), Poll::Pending);
        now(other.feed(drops.message())).unwrap();
        drop(rx.take().unwrap());
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Ok(())));
        assert!(sink.abort());
        assert_eq!(sink.room(), 1);
    }
    bounded!(test, 1);
}

/// The task that waits for the place is woken by it.
#[test]
fn the_place_of_an_idle_sink_wakes_the_next() {
    fn test<S: Bounded>(mut sink: S, _rx: impl Source) {
        let mut other = sink.clone();
        assert!(poll_ready(&mut sink).is_ready());
        let mut waits = Task::waiting(poll_fn(|cx| Pin::new(&mut other).poll_ready(cx)));
        assert!(sink.abort());
        assert!(waits.is_woken());
        assert!(waits.poll().is_ready());
    }
    bounded!(test, 1);
}

/// A sink in line leaves it, with its turn if that has come.
#[test]
fn a_sink_in_line_leaves_it() {
    fn test<S: Bounded>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        now(sink.feed(drops.message())).unwrap();
        assert_eq!(poll_ready(&mut sink), Poll::Pending);
        assert!(sink.abort());
        assert!(!sink.abort());
        drop(rx.take().unwrap());
        assert_eq!(sink.room(), 1, "the line is empty");

        now(sink.feed(drops.message())).unwrap();
        let waits = Task::waiting(poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)));
        drop(rx.take().unwrap());
        assert!(waits.is_woken());
        assert_eq!(waits.wakers_kept(), 0);
        drop(waits);
        assert_eq!(sink.room(), 0, "it is the sink's turn");
        assert!(sink.abort());
        assert_eq!(sink.room(), 1);
        assert!(now(sink.send(drops.message())).is_ok());
    }
    bounded!(test, 1);
}

/// A sink that was told of the end by `poll_ready` tells it by `start_send`, too.
#[test]
fn a_sink_that_is_sent_to_after_the_end() {
    fn test<S: Bounded>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        rx.shut();
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Err(())));
        assert!(Pin::new(&mut sink).start_send(drops.message()).is_err());
        assert_eq!(drops.alive(), 0);
    }
    bounded!(test, 1);
}

/// The clone begins with nothing, whatever the original has; the clone of a closed sink is closed.
#[test]
fn a_clone_begins_with_nothing() {
    fn test<S: Bounded>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        assert!(poll_ready(&mut sink).is_ready());
        let mut clone = sink.clone();
        assert_eq!(sink.room(), 1);
        assert!(!clone.abort());
        assert!(poll_ready(&mut clone).is_ready());
        assert_eq!(sink.room(), 0);
        drop(clone);
        assert_eq!(sink.room(), 1, "it gave back its own only");
        now(sink.send(drops.message())).unwrap();
        now(sink.close()).unwrap();
        assert_eq!(poll_ready(&mut sink.clone()), Poll::Ready(Err(())));
        drop(rx.take().unwrap());
        assert_eq!(rx.take().unwrap_err(), TryRecvError::Disconnected);
    }
    bounded!(test, 2);
}

/// Sinks that were ready and forward nothing leave the others room, if they give back what they
/// have.
#[test]
fn idle_forwarders_do_not_use_up_the_channel() {
    fn test<S: Bounded>(sink: S, _rx: impl Source) {
        let mut idle: Vec<_> = (0..10).map(|_| sink.clone()).collect();
        for sink in &mut idle {
            assert!(poll_ready(sink).is_ready());
            assert!(sink.abort(), "there is nothing to forward");
        }
        assert_eq!(sink.room(), 2);
    }
    bounded!(test, 2);
}

/// Without a receiver an unbounded sink is closed, and says so before a message is made for it.
#[test]
fn an_unbounded_sink_without_a_receiver() {
    fn test<S: Sink<Drops, Error = SendError<()>> + Unpin + Clone>(mut sink: S, rx: impl Source) {
        let drops = Drops::default();
        let mut clone = sink.clone();
        now(sink.send(drops.message())).unwrap();
        drop(rx);
        assert_eq!(drops.alive(), 0);
        for sink in [&mut sink, &mut clone] {
            assert_eq!(poll_ready(sink), Poll::Ready(Err(())));
            assert!(Pin::new(&mut *sink).start_send(drops.message()).is_err());
            assert!(now(sink.feed(drops.message())).is_err());
            assert!(now(sink.send_all(&mut stream::iter([Ok(drops.message())]))).is_err());
            assert!(now(sink.flush()).is_ok(), "there is nothing to flush");
            assert!(now(sink.close()).is_ok());
        }
        let messages = stream::iter([Ok(drops.message())]);
        assert!(now(messages.forward(clone)).is_err());
        assert_eq!(drops.alive(), 0);
    }
    unbounded!(test);
}

/// The receiver closes: what was sent arrives, nothing more is taken.
#[test]
fn an_unbounded_sink_of_a_channel_that_closes() {
    fn test<S: Sink<Drops, Error = SendError<()>> + Unpin>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Ok(())));
        now(sink.feed(drops.message())).unwrap();
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Ok(())));
        rx.shut();
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Err(())));
        assert!(now(sink.flush()).is_ok());
        drop(rx.take().unwrap());
        assert_eq!(rx.take().unwrap_err(), TryRecvError::Disconnected);
    }
    unbounded!(test);
}

/// Closing a sink ends the channel, while the sink and what borrows it live on.
#[test]
fn a_closed_sink_ends_the_channel() {
    fn test<S: Sink<Drops, Error = SendError<()>> + Unpin>(mut sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        now(stream::iter([Ok(drops.message())]).forward(&mut sink)).unwrap();
        drop(rx.take().unwrap());
        assert_eq!(rx.take().unwrap_err(), TryRecvError::Disconnected);
        assert_eq!(poll_ready(&mut sink), Poll::Ready(Err(())));
        assert!(Pin::new(&mut sink).start_send(drops.message()).is_err());
        now(sink.close()).unwrap();
        assert_eq!(drops.alive(), 0);
    }
    unbounded!(test);
    bounded!(test, 1);
}

/// A sink that was promised a place and is not polled again, or is forgotten, lets the others go on
/// as a `send` does: the promise lapses. A place that was reserved does not.
#[test]
fn a_promise_that_a_sink_does_not_take_lapses() {
    fn test<S: Bounded>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        // The one that comes late is the last: the channel learns from it.
        for forgotten in [true, false] {
            let (mut stalled, mut other) = (sink.clone(), sink.clone());
            now(other.feed(drops.message())).unwrap();
            assert_eq!(poll_ready(&mut stalled), Poll::Pending);
            drop(rx.take().unwrap());
            assert_eq!(sink.room(), 0, "promised");
            let stalled = if forgotten {
                support::forget(stalled);
                None
            } else {
                Some(stalled)
            };
            let mut goes_on = Task::waiting(poll_fn(|cx| Pin::new(&mut other).poll_ready(cx)));
            let (polls, ready) = goes_on.run();
            assert!(ready.is_ready() && polls <= 8, "{polls} polls");
            drop(goes_on);
            now(other.feed(drops.message())).unwrap();
            drop(rx.take().unwrap());
            if let Some(mut stalled) = stalled {
                assert!(poll_ready(&mut stalled).is_ready(), "it comes late");
            }
        }
        let (mut holds, mut other) = (sink.clone(), sink.clone());
        assert!(poll_ready(&mut holds).is_ready());
        (0..100).for_each(|_| assert_eq!(poll_ready(&mut other), Poll::Pending));
        drop(holds);
        assert!(poll_ready(&mut other).is_ready());
    }
    bounded!(test, 1);
}

/// A combinator that asks two sinks for room and gets it from one keeps that one's place; dropped,
/// it gives it back.
#[test]
fn a_fanout_that_waits_for_one_of_two() {
    let (wide, _wide) = mpsc::channel(1);
    let (narrow, narrow_rx) = mpmc::channel(1);
    assert!(narrow.try_send(0).is_ok());
    let mut both = wide.clone().into_sink().fanout(narrow.clone().into_sink());
    assert!(poll_now(both.feed(1)).is_pending());
    assert_eq!(wide.capacity(), 0);
    assert_eq!(narrow_rx.try_recv(), Ok(0));
    now(both.feed(1)).unwrap();
    assert!(poll_now(both.feed(2)).is_pending());
    drop(both);
    assert_eq!((narrow_rx.try_recv(), narrow_rx.len()), (Ok(1), 0));
    assert_eq!((wide.capacity(), narrow.capacity()), (0, 1), "the message is in the wide one");
}

/// `send_all` and `forward` take a place only with a message in hand: while their stream has none,
/// the channel is all the others'.
#[test]
fn a_forward_that_waits_for_its_stream_reserves_nothing() {
    fn test<S: Bounded>(sink: S, mut rx: impl Source) {
        let drops = Drops::default();
        let (tx, messages) = mpsc::channel(1);
        let mut forward = Task::waiting(messages.map(Ok).forward(sink.clone()));
        assert_eq!(sink.room(), 1);
        tx.try_send(drops.message()).unwrap();
        assert!(forward.poll().is_pending());
        assert_eq!(sink.room(), 0, "the message");
        drop(rx.take().unwrap());
        assert_eq!(sink.room(), 1);
        assert!(forward.poll().is_pending());
        assert_eq!(sink.room(), 1);
        drop(tx);
        assert!(matches!(forward.poll(), Poll::Ready(Ok(()))));
    }
    bounded!(test, 1);
}
