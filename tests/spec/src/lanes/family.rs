//! The handles of the two channels of lanes, by one set of names.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use levada::mpsc::error::{TryRecvError, TrySendError};
use levada::mpsc::lanes::Serve;
use levada::{mpmc, mpsc};
use support::Message;

use super::{Discipline, LANES, WEIGHTS};
use crate::handle::{Handle, Loan};
use crate::running::BoxFuture;

/// A message, with the number of its lane if that was asked for.
pub(super) type Received = (Option<usize>, Message);

/// The handles of a channel.
#[expect(clippy::missing_errors_doc, reason = "they are those of the methods it names")]
pub trait Family: Sized + Debug + 'static {
    type Sender: Clone;
    type Lane: Clone;
    type Receiver;
    const MANY: bool;

    fn channel(capacities: [usize; LANES], serve: Discipline) -> (Self::Sender, Self::Receiver);
    fn lane(sender: &Self::Sender, lane: usize) -> &Self::Lane;
    fn into_lanes(sender: Self::Sender) -> [Self::Lane; LANES];
    fn is_closed(sender: &Self::Sender) -> bool;

    /// The error: whether it is full, and the message.
    fn try_send(lane: &Self::Lane, message: Message) -> Result<(), (bool, Message)>;
    fn send(lane: &'static Self::Lane, message: Message) -> BoxFuture<Result<(), Message>>;
    /// `strong_count`, `is_closed`, `len`, `capacity`.
    fn facts(lane: &Self::Lane) -> (usize, bool, usize, usize);

    fn recv(receiver: &Handle<Self::Receiver>, with_lane: bool) -> (Receiving, Loan);
    fn next(receiver: Self::Receiver) -> Receiving;
    /// The error: whether the channel has ended.
    fn try_recv(receiver: &mut Self::Receiver, with_lane: bool) -> Result<Received, bool>;
    fn blocking_recv(receiver: &mut Self::Receiver) -> Option<Message>;
    fn close(receiver: &mut Self::Receiver);
    /// `len`, `is_empty`, and `lane_len` of each.
    fn lens(receiver: &Self::Receiver) -> (usize, bool, [usize; LANES]);
    fn clone_receiver(receiver: &Self::Receiver) -> Option<Self::Receiver>;
}

/// A receive.
pub(super) type Receiving = BoxFuture<Option<Received>>;

/// With one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Mpsc;

/// With many.
#[derive(Clone, Copy, Debug)]
pub struct Mpmc;

fn serve(discipline: Discipline) -> Serve<LANES> {
    match discipline {
        Discipline::Strict => Serve::Strict,
        Discipline::Weighted => Serve::Weighted(WEIGHTS),
        Discipline::Patient => Serve::Aged(Duration::MAX),
        Discipline::Impatient => Serve::Aged(Duration::ZERO),
    }
}

fn refused(error: TrySendError<Message>) -> (bool, Message) {
    (matches!(error, TrySendError::Full(_)), error.into_inner())
}

fn numbered((lane, message): (usize, Message)) -> Received {
    (Some(lane), message)
}

fn plain(message: Message) -> Received {
    (None, message)
}

/// The next message of a stream.
async fn next_of<S: Stream<Item = Message> + FusedStream>(stream: S) -> Option<Received> {
    let mut stream = pin!(stream);
    assert!(!stream.is_terminated(), "it has not told the end");
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), next.is_none());
    next.map(plain)
}

impl Family for Mpsc {
    type Sender = mpsc::lanes::Sender<Message, LANES>;
    type Lane = mpsc::Sender<Message>;
    type Receiver = mpsc::lanes::Receiver<Message, LANES>;
    const MANY: bool = false;

    fn channel(
        capacities: [usize; LANES],
        discipline: Discipline,
    ) -> (Self::Sender, Self::Receiver) {
        let serve = serve(discipline);
        if serve == Serve::Strict {
            return mpsc::lanes(capacities, serve);
        }
        mpsc::lanes::builder(capacities).serve(serve).named("case").build()
    }

    fn lane(sender: &Self::Sender, lane: usize) -> &Self::Lane {
        sender.lane(lane)
    }

    fn into_lanes(sender: Self::Sender) -> [Self::Lane; LANES] {
        sender.into_lanes()
    }

    fn is_closed(sender: &Self::Sender) -> bool {
        sender.is_closed()
    }

    fn try_send(lane: &Self::Lane, message: Message) -> Result<(), (bool, Message)> {
        lane.try_send(message).map_err(refused)
    }

    fn send(lane: &'static Self::Lane, message: Message) -> BoxFuture<Result<(), Message>> {
        Box::pin(async move { lane.send(message).await.map_err(|error| error.0) })
    }

    fn facts(lane: &Self::Lane) -> (usize, bool, usize, usize) {
        (lane.strong_count(), lane.is_closed(), lane.len(), lane.capacity())
    }

    fn recv(receiver: &Handle<Self::Receiver>, with_lane: bool) -> (Receiving, Loan) {
        // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
        let (receiver, loan) = unsafe { receiver.lend_mut() };
        if with_lane {
            (Box::pin(async move { receiver.recv_with_lane().await.map(numbered) }), loan)
        } else {
            (Box::pin(async move { receiver.recv().await.map(plain) }), loan)
        }
    }

    fn next(receiver: Self::Receiver) -> Receiving {
        Box::pin(next_of(receiver.into_stream()))
    }

    fn try_recv(receiver: &mut Self::Receiver, with_lane: bool) -> Result<Received, bool> {
        let received = if with_lane {
            receiver.try_recv_with_lane().map(numbered)
        } else {
            receiver.try_recv().map(plain)
        };
        received.map_err(|error| error == TryRecvError::Disconnected)
    }

    fn blocking_recv(receiver: &mut Self::Receiver) -> Option<Message> {
        receiver.blocking_recv()
    }

    fn close(receiver: &mut Self::Receiver) {
        receiver.close();
    }

    fn lens(receiver: &Self::Receiver) -> (usize, bool, [usize; LANES]) {
        let lanes = std::array::from_fn(|lane| receiver.lane_len(lane));
        (receiver.len(), receiver.is_empty(), lanes)
    }

    fn clone_receiver(_receiver: &Self::Receiver) -> Option<Self::Receiver> {
        None
    }
}

impl Family for Mpmc {
    type Sender = mpmc::lanes::Sender<Message, LANES>;
    type Lane = mpmc::Sender<Message>;
    type Receiver = mpmc::lanes::Receiver<Message, LANES>;
    const MANY: bool = true;

    fn channel(
        capacities: [usize; LANES],
        discipline: Discipline,
    ) -> (Self::Sender, Self::Receiver) {
        let serve = serve(discipline);
        if serve == Serve::Strict {
            return mpmc::lanes(capacities, serve);
        }
        mpmc::lanes::builder(capacities).serve(serve).named("case").build()
    }

    fn lane(sender: &Self::Sender, lane: usize) -> &Self::Lane {
        sender.lane(lane)
    }

    fn into_lanes(sender: Self::Sender) -> [Self::Lane; LANES] {
        sender.into_lanes()
    }

    fn is_closed(sender: &Self::Sender) -> bool {
        sender.is_closed()
    }

    fn try_send(lane: &Self::Lane, message: Message) -> Result<(), (bool, Message)> {
        lane.try_send(message).map_err(refused)
    }

    fn send(lane: &'static Self::Lane, message: Message) -> BoxFuture<Result<(), Message>> {
        Box::pin(async move { lane.send(message).await.map_err(|error| error.0) })
    }

    fn facts(lane: &Self::Lane) -> (usize, bool, usize, usize) {
        (lane.strong_count(), lane.is_closed(), lane.len(), lane.capacity())
    }

    fn recv(receiver: &Handle<Self::Receiver>, with_lane: bool) -> (Receiving, Loan) {
        // SAFETY: the future is kept beside the loan, and dropped or forgotten first.
        let (receiver, loan) = unsafe { receiver.lend() };
        if with_lane {
            (Box::pin(async move { receiver.recv_with_lane().await.map(numbered) }), loan)
        } else {
            (Box::pin(async move { receiver.recv().await.map(plain) }), loan)
        }
    }

    fn next(receiver: Self::Receiver) -> Receiving {
        Box::pin(next_of(receiver.into_stream()))
    }

    fn try_recv(receiver: &mut Self::Receiver, with_lane: bool) -> Result<Received, bool> {
        let received = if with_lane {
            receiver.try_recv_with_lane().map(numbered)
        } else {
            receiver.try_recv().map(plain)
        };
        received.map_err(|error| error == TryRecvError::Disconnected)
    }

    fn blocking_recv(receiver: &mut Self::Receiver) -> Option<Message> {
        receiver.blocking_recv()
    }

    fn close(receiver: &mut Self::Receiver) {
        receiver.close();
    }

    fn lens(receiver: &Self::Receiver) -> (usize, bool, [usize; LANES]) {
        let lanes = std::array::from_fn(|lane| receiver.lane_len(lane));
        (receiver.len(), receiver.is_empty(), lanes)
    }

    fn clone_receiver(receiver: &Self::Receiver) -> Option<Self::Receiver> {
        Some(receiver.clone())
    }
}
