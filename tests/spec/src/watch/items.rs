//! What a receiver gives when it is turned into something else.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use levada::watch::Receiver;

use super::Answer;
use crate::clock;
use crate::value::Value;

/// The second item of a receiver as a stream, where the first is the value it begins with; or the
/// first of its `changes`.
pub(super) async fn next_of(receiver: Receiver<Value>, changes: bool) -> Answer {
    let mut stream = if changes { receiver.into_changes_stream() } else { receiver.into_stream() };
    if !changes {
        let first = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await;
        assert!(first.is_some() && !stream.is_terminated(), "there always is a value");
    }
    let item = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), item.is_none());
    item.map_or(Answer::Closed, |value| Answer::Got(value.id))
}

/// The first change that is not held back.
pub(super) async fn throttled_change(receiver: Receiver<Value>) -> Answer {
    let mut changes = pin!(receiver.throttled(Duration::from_secs(1)));
    let item = poll_fn(|cx| clock(|| changes.as_mut().poll_next(cx))).await;
    assert_eq!(changes.is_terminated(), item.is_none());
    item.map_or(Answer::Closed, |value| Answer::Got(value.id))
}

/// The first change of the half of the number.
pub(super) async fn change_of_half(receiver: Receiver<Value>) -> Answer {
    let mut half = receiver.map(|value| value.id / 2);
    half.changed().await.map_or(Answer::Closed, |()| Answer::Done)
}
