//! What the families have in common of a call.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use levada::mpsc::{Offered, error::RecvTimeoutError, error::TrySendError};
use support::Message;

/// What an offer under the policy to wait gives back, with so much capacity left.
pub(super) fn came_back(offered: Offered<Message>, capacity: usize) -> Option<Message> {
    match offered {
        Offered::Queued { free } => {
            assert_eq!(free, capacity);
            None
        }
        Offered::Discarded(message) => Some(message),
        Offered::Evicted(_) => panic!("the policy is to wait"),
    }
}

/// The message of a receive that nothing stops; none at the end.
pub(super) fn unless_stopped(received: Result<Message, RecvTimeoutError>) -> Vec<Message> {
    match received {
        Ok(message) => vec![message],
        Err(RecvTimeoutError::Disconnected) => Vec::new(),
        Err(RecvTimeoutError::Timeout) => panic!("nothing stops it"),
    }
}

/// Whether it is full, and what was to be sent.
pub(super) fn refused<T>(error: TrySendError<T>) -> (bool, T) {
    (matches!(error, TrySendError::Full(_)), error.into_inner())
}

/// Sends one message and closes.
pub(super) async fn through<S: Sink<Message>>(sink: S, message: Message) -> Result<(), ()> {
    let mut sink = pin!(sink);
    let ready = poll_fn(|cx| sink.as_mut().poll_ready(cx)).await;
    let sent = ready.and_then(|()| sink.as_mut().start_send(message));
    let flushed = poll_fn(|cx| sink.as_mut().poll_flush(cx)).await;
    let closed = poll_fn(|cx| sink.as_mut().poll_close(cx)).await;
    assert!(flushed.is_ok() && closed.is_ok(), "there is nothing to flush");
    sent.map_err(drop)
}

/// The next message of a stream.
pub(super) async fn next_of<S: Stream<Item = Message> + FusedStream>(stream: S) -> Vec<Message> {
    let mut stream = pin!(stream);
    // The receiver may have told the end before it became a stream.
    let was_terminated = stream.is_terminated();
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), next.is_none());
    assert!(next.is_none() || !was_terminated, "a message came after the end");
    Vec::from_iter(next)
}
