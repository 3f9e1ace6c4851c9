//! Receivers as streams, senders as sinks.

use crate::support::{Message, now};
use futures_core::Stream;
use futures_sink::Sink;
use levada::{broadcast, mpmc, mpsc, watch};
use std::future::poll_fn;
use std::pin::{Pin, pin};

pub(crate) fn check<T: Message>() {
    let (tx, rx) = mpsc::channel(2);
    send_and_end(tx.into_sink());
    ends_after(rx, T::new(1));

    let (tx, rx) = mpsc::unbounded_channel();
    send_and_end(tx.into_sink());
    ends_after(rx, T::new(1));

    let (tx, rx) = mpmc::channel(2);
    send_and_end(tx.into_sink());
    ends_after(rx.into_stream(), T::new(1));

    let (tx, rx) = mpmc::unbounded_channel();
    send_and_end(tx.into_sink());
    ends_after(rx.into_stream(), T::new(1));

    let (tx, rx) = broadcast::channel(2);
    tx.send(T::new(1)).unwrap();
    drop(tx);
    ends_after(rx.into_stream(), Ok(T::new(1)));

    let (tx, rx) = watch::channel(T::new(1));
    let mut stream = pin!(rx.into_stream());
    drop(tx);
    assert_eq!(next(stream.as_mut()), Some(T::new(1)));
    assert_eq!(next(stream), None);
}

/// Sends the first message.
fn send_and_end<T: Message>(sink: impl Sink<T>) {
    let mut sink = pin!(sink);
    assert!(now(poll_fn(|cx| sink.as_mut().poll_ready(cx))).is_ok());
    assert!(sink.as_mut().start_send(T::new(1)).is_ok());
    assert!(now(poll_fn(|cx| sink.as_mut().poll_close(cx))).is_ok());
}

/// Nothing but `message` comes.
fn ends_after<M: std::fmt::Debug + PartialEq>(stream: impl Stream<Item = M>, message: M) {
    let mut stream = pin!(stream);
    assert_eq!(next(stream.as_mut()), Some(message));
    assert_eq!(next(stream), None);
}

fn next<S: Stream>(mut stream: Pin<&mut S>) -> Option<S::Item> {
    now(poll_fn(|cx| stream.as_mut().poll_next(cx)))
}
