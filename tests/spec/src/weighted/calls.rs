//! What calls of a weighted channel take and give.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::{FusedStream, Stream};
use levada::mpsc::weighted::Receiver;
use levada::mpsc::weighted::error::{SendError, TooHeavy, TrySendError};
use support::Message;

use super::Answer;

/// A message with its weight.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) message: Message,
    pub(super) weight: usize,
}

impl Parcel {
    pub(super) fn id(&self) -> usize {
        self.message.id()
    }
}

/// Some are heavier than any maximum of a case, and some are weightless.
pub(super) fn weight_of(n: u8) -> usize {
    usize::from(n) % 12
}

pub(super) fn too_heavy<T>(heavy: &TooHeavy<T>) -> Answer {
    Answer::TooHeavy { weight: heavy.weight, max: heavy.max }
}

/// The answer to a send, and what came back.
pub(super) fn sent<T>(result: Result<(), SendError<T>>) -> (Answer, Option<T>) {
    let Err(error) = result else { return (Answer::Done, None) };
    let answer = match &error {
        SendError::Closed(_) => Answer::Closed,
        SendError::TooHeavy(heavy) => too_heavy(heavy),
    };
    (answer, Some(error.into_inner()))
}

/// The same of a send that does not wait.
pub(super) fn tried<T>(error: TrySendError<T>) -> (Answer, T) {
    let answer = match &error {
        TrySendError::Full(_) => Answer::Full,
        TrySendError::Closed(_) => Answer::Closed,
        TrySendError::TooHeavy(heavy) => too_heavy(heavy),
    };
    (answer, error.into_inner())
}

/// The answer, if nothing came back but the message with this number.
pub(super) fn unless_exchanged((answer, back): (Answer, Option<Parcel>), id: usize) -> Answer {
    assert!(back.is_none_or(|parcel| parcel.id() == id), "another message came back");
    answer
}

pub(super) fn received(parcel: Option<Parcel>) -> Answer {
    parcel.map_or(Answer::Ended, |parcel| Answer::Got(vec![parcel.id()]))
}

/// The next message of a receiver as a stream.
pub(super) async fn next_of(receiver: Receiver<Parcel>) -> Answer {
    let mut stream = pin!(receiver.into_stream());
    assert!(!stream.is_terminated(), "it has not told the end");
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), next.is_none());
    received(next)
}
