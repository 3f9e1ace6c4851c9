//! What was wrong with streams and sinks of other channels, and what holds here instead.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::poll_fn;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use levada::mpsc::error::SendError;
use levada::{broadcast, mpmc, mpsc, watch};
use support::{Tally, Task, now, poll_now};

/// A sink that is closed, by a `forward` or by hand, ends itself and leaves its clones open. The
/// channel ends with the last of them.
#[test]
fn closing_one_sink_leaves_its_clones_open() {
    fn test<S: Sink<u8, Error = SendError<()>> + Unpin + Clone>(
        sink: S,
        mut rx: impl Stream<Item = u8> + Unpin,
    ) {
        let mut last = sink.clone();
        for message in 0..3 {
            now(stream::iter([Ok(message)]).forward(sink.clone())).unwrap();
            assert_eq!(now(rx.next()), Some(message));
        }
        drop(sink);
        assert!(poll_now(rx.next()).is_pending(), "one is open");
        now(last.send(3)).unwrap();
        now(last.close()).unwrap();
        assert_eq!(now(rx.next()), Some(3));
        assert_eq!(now(rx.next()), None);
    }
    let (tx, rx) = mpsc::channel(1);
    test(tx.into_sink(), rx);
    let (tx, rx) = mpsc::unbounded_channel();
    test(tx.into_sink(), rx);
    let (tx, rx) = mpmc::channel(1);
    test(tx.into_sink(), rx.into_stream());
    let (tx, rx) = mpmc::unbounded_channel();
    test(tx.into_sink(), rx.into_stream());
}

/// The capacity is that of the channel, however many sinks it has. A clone for each message, as in
/// `for_each(|message| sink.clone().send(message))`, waits like the first.
#[test]
fn clones_of_a_sink_share_the_capacity() {
    fn test<S: Sink<u8, Error = SendError<()>> + Unpin + Clone>(sink: S, len: impl Fn() -> usize) {
        for i in 0..10 {
            let mut clone = sink.clone();
            assert_eq!(poll_now(clone.feed(i)).is_ready(), i < 2);
        }
        assert_eq!(len(), 2);
    }
    let (tx, rx) = mpsc::channel(2);
    test(tx.into_sink(), || rx.len());
    let (tx, rx) = mpmc::channel(2);
    test(tx.into_sink(), || rx.len());
}

/// A sink in line is told when the receiver goes, and its future with the message in hand fails.
#[test]
fn a_forward_that_waits_learns_of_the_end() {
    fn test(sink: impl Sink<u8, Error = SendError<()>>, rx: impl Sized) {
        let mut forward = Task::waiting(stream::iter([Ok(0), Ok(1)]).forward(sink));
        drop(rx);
        assert!(forward.is_woken());
        assert!(matches!(forward.poll(), Poll::Ready(Err(_))));
    }
    let (tx, rx) = mpsc::channel(1);
    test(tx.into_sink(), rx);
    let (tx, rx) = mpmc::channel(1);
    test(tx.into_sink(), rx);
}

/// Compares what a stream promises with what it gives from here on.
#[track_caller]
fn keeps_its_hint<S: Stream + Unpin>(mut stream: S) {
    let mut hints = vec![stream.size_hint()];
    while now(stream.next()).is_some() {
        hints.push(stream.size_hint());
    }
    let last = hints.len() - 1;
    for (given, (least, most)) in hints.into_iter().enumerate() {
        let left = last - given;
        assert!(least <= left, "{least} promised, {left} given");
        assert!(most.is_none_or(|most| left <= most), "at most {most:?} promised, {left} given");
    }
}

/// A hint counts what is there, and neither the capacity nor what was missed.
#[test]
fn size_hints_are_kept() {
    let (tx, rx) = mpsc::channel(2);
    tx.try_send(1).unwrap();
    assert_eq!(rx.size_hint(), (1, None), "more may be sent than there is room for now");
    drop(tx);
    keeps_its_hint(rx);

    // A permit that is out when the channel closes may be used or not.
    for used in [false, true] {
        let (tx, mut rx) = mpsc::channel(4);
        tx.try_send(1).unwrap();
        let permit = tx.try_reserve().unwrap();
        rx.close();
        let hint = rx.size_hint();
        assert!(hint.0 <= 1 && hint.1.is_none_or(|most| most >= 2), "{hint:?}");
        if used {
            permit.send(2);
        } else {
            drop(permit);
        }
        keeps_its_hint(rx);
    }

    let (tx, rx) = mpsc::unbounded_channel();
    tx.send(1).unwrap();
    drop(tx);
    keeps_its_hint(rx);

    // The other receiver takes some of what this one could have.
    let (tx, rx) = mpmc::channel(4);
    (0..4).for_each(|i| tx.try_send(i).unwrap());
    let stream = rx.clone().into_stream();
    assert_eq!(stream.size_hint().0, 0);
    assert!(rx.try_recv().is_ok());
    drop(tx);
    keeps_its_hint(stream);

    // Two that are left and two that were missed are three items.
    let (tx, rx) = broadcast::channel(2);
    (0..4).for_each(|i| drop(tx.send(i)));
    assert_eq!(rx.len(), 4);
    drop(tx);
    keeps_its_hint(rx.into_stream());

    let (tx, rx) = watch::channel(0);
    drop(tx);
    keeps_its_hint(rx.into_stream());
}

/// A stream that has ended says so as often as it is asked.
#[test]
fn the_end_stays_the_end() {
    #[track_caller]
    fn ends(mut stream: impl FusedStream + Unpin) {
        assert!(!stream.is_terminated());
        for _ in 0..3 {
            assert!(now(stream.next()).is_none());
            assert!(stream.is_terminated());
        }
    }
    let (_, rx) = mpsc::channel::<u8>(1);
    ends(rx);
    let (_, rx) = mpsc::unbounded_channel::<u8>();
    ends(rx);
    let (_, rx) = mpmc::channel::<u8>(1);
    ends(rx.into_stream());
    let (_, rx) = mpmc::unbounded_channel::<u8>();
    ends(rx.into_stream());
    let (_, rx) = broadcast::channel::<u8>(1);
    ends(rx.into_stream());
    let (_, rx) = watch::channel(0);
    ends(rx.clone().into_changes_stream());
    let mut values = rx.into_stream();
    assert_eq!(now(values.next()), Some(0));
    ends(values);
}

/// Closed and empty is not the end while a permit is out.
#[test]
fn a_permit_keeps_a_closed_stream_going() {
    let (tx, mut rx) = mpsc::channel(1);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    assert!(!rx.is_terminated());
    let mut next = Task::waiting(rx.next());
    permit.send(1);
    assert!(next.is_woken());
    assert_eq!(next.poll(), Poll::Ready(Some(1)));
    drop(next);
    assert!(!rx.is_terminated());
    assert_eq!(now(rx.next()), None);
    assert!(rx.is_terminated());

    let (tx, rx) = mpmc::channel(1);
    let permit = tx.try_reserve().unwrap();
    let mut stream = rx.clone().into_stream();
    rx.close();
    let mut next = Task::waiting(stream.next());
    permit.send(1);
    assert_eq!(next.poll(), Poll::Ready(Some(1)));
    drop(next);
    assert!(!stream.is_terminated());
    assert_eq!(now(stream.next()), None);
}

/// A stream that is polled beside others, item after item and by task after task, has one waker in
/// line: its last.
#[test]
fn a_stream_that_is_polled_for_ever_has_one_waker() {
    #[track_caller]
    fn test(stream: impl Stream + Unpin) {
        let tallies: Vec<_> = (0..100).map(|_| Arc::<Tally>::default()).collect();
        let ticks = stream::repeat(());
        let mut ticks = ticks.take_until(Box::pin(stream.into_future()));
        for tally in &tallies {
            let waker = Waker::from(Arc::clone(tally));
            let mut cx = Context::from_waker(&waker);
            for _ in 0..10 {
                assert_eq!(Pin::new(&mut ticks).poll_next(&mut cx), Poll::Ready(Some(())));
            }
        }
        let kept = |tallies: &[Arc<Tally>]| -> usize {
            tallies.iter().map(|tally| Arc::strong_count(tally) - 1).sum()
        };
        assert_eq!(kept(&tallies), 1);
        assert_eq!(kept(&tallies[..99]), 0, "it is the last one's");
        drop(ticks);
        assert_eq!(kept(&tallies), 0);
    }
    let (_tx, rx) = mpsc::channel::<u8>(1);
    test(rx);
    let (_tx, rx) = mpsc::unbounded_channel::<u8>();
    test(rx);
    let (_tx, rx) = mpmc::channel::<u8>(1);
    test(rx.into_stream());
    let (_tx, rx) = broadcast::channel::<u8>(1);
    test(rx.into_stream());
    let (_tx, rx) = watch::channel(0);
    test(rx.into_changes_stream());
    let (tx, _rx) = mpsc::channel(1);
    let mut sink = tx.into_sink();
    now(sink.feed(0)).unwrap();
    test(Box::pin(stream::once(poll_fn(move |cx| Pin::new(&mut sink).poll_ready(cx)))));
}

/// A loop over a stream that always has an item lets the other tasks run.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn streams_are_cooperative() {
    /// Polls in one task for as long as there is something; that many items are there.
    async fn test(name: &str, mut stream: impl Stream + Unpin, there: usize) {
        let mut items = 0;
        poll_fn(|cx| {
            while Pin::new(&mut stream).poll_next(cx).is_ready() {
                items += 1;
            }
            Poll::Ready(())
        })
        .await;
        assert!(0 < items && items < there, "{name}: {items} of {there} items in one go");
        tokio::task::yield_now().await;
        assert!(stream.next().await.is_some(), "{name}: goes on where it was");
    }
    let there = 1_000;
    let (tx, rx) = mpsc::channel(there);
    (0..there).for_each(|i| tx.try_send(i).unwrap());
    test("mpsc", rx, there).await;
    tokio::task::yield_now().await;
    let (tx, rx) = mpmc::channel(there);
    (0..there).for_each(|i| tx.try_send(i).unwrap());
    test("mpmc", rx.into_stream(), there).await;
    tokio::task::yield_now().await;
    let (tx, rx) = broadcast::channel(there);
    (0..there).for_each(|i| drop(tx.send(i)));
    test("broadcast", rx.into_stream(), there).await;
    tokio::task::yield_now().await;
    // Each poll finds a value, as the one before made a new one.
    let (tx, rx) = watch::channel(0);
    let changing = rx.into_stream().inspect(move |_| tx.send_modify(|value| *value += 1));
    test("watch", changing.take(there), there).await;
}
