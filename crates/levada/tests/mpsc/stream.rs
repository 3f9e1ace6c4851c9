//! Receivers as streams, and senders as sinks.

use futures_util::future::poll_fn;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use levada::mpsc;
use levada::mpsc::error::SendError;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use support::{Drops, Task, now, poll_now};

fn poll_ready<S>(sink: &mut S) -> Poll<Result<(), ()>>
where
    S: Sink<Drops, Error = SendError<()>> + Unpin,
{
    now(poll_fn(|cx| Poll::Ready(Pin::new(&mut *sink).poll_ready(cx)))).map_err(drop)
}

#[test]
fn a_receiver_is_a_stream() {
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
fn an_unbounded_receiver_is_a_stream() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    tx.send(1).unwrap();
    assert_eq!(rx.size_hint(), (1, None));
    rx.close();
    assert_eq!(now(rx.by_ref().collect::<Vec<_>>()), [1]);
    assert!(rx.is_terminated());
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

#[test]
fn a_sink_moves_while_it_waits() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut sink = tx.into_sink();
    now(sink.feed(0)).unwrap();
    for i in 1..100 {
        assert!(poll_now(sink.feed(i)).is_pending());
        let mut moved = vec![sink];
        assert_eq!(rx.try_recv(), Ok(i - 1));
        sink = moved.remove(0);
        now(sink.feed(i)).unwrap();
    }
}

/// A place that is reserved holds back the end of a closed channel; given back, it lets the end
/// come.
#[test]
fn a_place_given_back_ends_a_closed_channel() {
    let (tx, mut rx) = mpsc::channel::<Drops>(1);
    let mut sink = tx.into_sink();
    assert!(poll_ready(&mut sink).is_ready());
    rx.close();
    let mut end = Task::waiting(rx.recv());
    assert!(sink.abort_send());
    assert!(end.is_woken());
    assert!(matches!(end.poll(), Poll::Ready(None)));
    drop(end);
    assert_eq!(poll_ready(&mut sink), Poll::Ready(Err(())));
    assert!(!sink.abort_send());
}

/// A sink that failed can be closed, and closed again.
#[test]
fn a_sink_that_failed_can_be_closed() {
    let (tx, rx) = mpsc::channel::<u8>(1);
    let mut sink = tx.into_sink();
    drop(rx);
    assert!(now(sink.send(1)).is_err());
    assert!(now(sink.flush()).is_ok(), "there is nothing to flush");
    assert!(now(sink.close()).is_ok());
    assert!(now(sink.close()).is_ok());
    assert!(now(sink.send(1)).is_err());
}

/// A message without a receiver is refused, also with a place that was reserved.
#[test]
fn a_message_without_a_receiver_is_refused() {
    let (tx, rx) = mpsc::channel(1);
    let mut sink = tx.into_sink();
    now(poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx))).unwrap();
    drop(rx);
    let message = Arc::new(());
    assert!(Pin::new(&mut sink).start_send(Arc::clone(&message)).is_err());
    assert_eq!(Arc::strong_count(&message), 1);
}
