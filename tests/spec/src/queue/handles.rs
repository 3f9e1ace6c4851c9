//! The four families: nothing but the names that their methods have.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use levada::mpmc;
use levada::mpsc::{
    self, error::SendError, error::SendTimeoutError, error::TryRecvError, error::TrySendError,
};
use support::Message;

use super::family::{Family, Lent};
use super::future::{Out, Permits};
use crate::handle::Handle;
use crate::running::BoxFuture;

/// `mpsc::channel`.
#[derive(Debug)]
pub struct MpscBounded;
/// `mpsc::unbounded_channel`.
#[derive(Debug)]
pub struct MpscUnbounded;
/// `mpmc::channel`.
#[derive(Debug)]
pub struct MpmcBounded;
/// `mpmc::unbounded_channel`.
#[derive(Debug)]
pub struct MpmcUnbounded;

/// Far longer than any test: the clock is not what is tested.
const HOUR: Duration = Duration::from_secs(3600);

/// Whether it is full, and what was to be sent.
fn refused<T>(error: TrySendError<T>) -> (bool, T) {
    (matches!(error, TrySendError::Full(_)), error.into_inner())
}

/// Sends one message and closes.
async fn through<S: Sink<Message>>(sink: S, message: Message) -> Result<(), ()> {
    let mut sink = pin!(sink);
    let ready = poll_fn(|cx| sink.as_mut().poll_ready(cx)).await;
    let sent = ready.and_then(|()| sink.as_mut().start_send(message));
    let flushed = poll_fn(|cx| sink.as_mut().poll_flush(cx)).await;
    let closed = poll_fn(|cx| sink.as_mut().poll_close(cx)).await;
    assert!(flushed.is_ok() && closed.is_ok(), "there is nothing to flush");
    sent.map_err(drop)
}

/// The next message of a stream.
async fn next_of<S: Stream<Item = Message> + FusedStream>(stream: S) -> Vec<Message> {
    let mut stream = pin!(stream);
    // The receiver may have told the end before it became a stream.
    let was_terminated = stream.is_terminated();
    let next = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert_eq!(stream.is_terminated(), next.is_none());
    assert!(next.is_none() || !was_terminated, "a message came after the end");
    Vec::from_iter(next)
}

/// A future that borrows a handle.
macro_rules! lent {
    ($handle:ident . $lend:ident, |$borrowed:ident| $future:expr) => {{
        // SAFETY: the future is kept beside the loan (crate::running), and dropped or forgotten
        // first.
        let ($borrowed, loan) = unsafe { $handle.$lend() };
        let future: BoxFuture<Out<Self>> = Box::pin(async move { $future });
        (future, loan)
    }};
}

/// What all four have.
macro_rules! common {
    ($channel:ident, $lend:ident, $Tx:ident, $Weak:ident, $Rx:ident) => {
        type Tx = $channel::$Tx<Message>;
        type Weak = $channel::$Weak<Message>;
        type Rx = $channel::$Rx<Message>;

        fn downgrade(tx: &Self::Tx) -> Self::Weak {
            tx.downgrade()
        }
        fn upgrade(weak: &Self::Weak) -> Option<Self::Tx> {
            weak.upgrade()
        }
        fn same_channel(one: &Self::Tx, two: &Self::Tx) -> bool {
            one.same_channel(two)
        }
        fn sender_counts(tx: &Self::Tx) -> (usize, usize, bool) {
            (tx.strong_count(), tx.weak_count(), tx.is_closed())
        }
        fn weak_counts(weak: &Self::Weak) -> (usize, usize) {
            (weak.strong_count(), weak.weak_count())
        }
        fn receiver_counts(rx: &Self::Rx) -> (usize, usize, bool) {
            (rx.sender_strong_count(), rx.sender_weak_count(), rx.is_closed())
        }
        fn len(rx: &Self::Rx) -> (usize, bool) {
            (rx.len(), rx.is_empty())
        }
        fn closed(tx: &Handle<Self::Tx>) -> Lent<Self> {
            lent!(tx.lend, |tx| {
                tx.closed().await;
                Out::Closed
            })
        }
        fn recv(rx: &Handle<Self::Rx>) -> Lent<Self> {
            lent!(rx.$lend, |rx| Out::Received(Vec::from_iter(rx.recv().await)))
        }
        fn recv_many(rx: &Handle<Self::Rx>, limit: usize) -> Lent<Self> {
            lent!(rx.$lend, |rx| {
                let mut messages = Vec::new();
                let count = rx.recv_many(&mut messages, limit).await;
                assert_eq!(count, messages.len());
                Out::Received(messages)
            })
        }
        fn try_recv(rx: &mut Self::Rx) -> Result<Message, bool> {
            rx.try_recv().map_err(|error| error == TryRecvError::Disconnected)
        }
        fn blocking_recv(rx: &mut Self::Rx) -> Option<Message> {
            rx.blocking_recv()
        }
        fn blocking_recv_many(rx: &mut Self::Rx, limit: usize) -> Vec<Message> {
            let mut messages = Vec::new();
            let count = rx.blocking_recv_many(&mut messages, limit);
            assert_eq!(count, messages.len());
            messages
        }
        fn close(rx: &mut Self::Rx) {
            rx.close();
        }
    };
}

/// What a bounded channel has.
macro_rules! bounded {
    ($channel:ident) => {
        type Permit = $channel::Permit<'static, Message>;
        type Permits = $channel::PermitIterator<'static, Message>;
        type Owned = $channel::OwnedPermit<Message>;
        const BOUNDED: bool = true;

        fn channel(capacity: usize) -> (Self::Tx, Self::Rx) {
            $channel::channel(capacity)
        }
        fn sender_capacity(tx: &Self::Tx) -> Option<(usize, usize)> {
            Some((tx.capacity(), tx.max_capacity()))
        }
        fn receiver_capacity(rx: &Self::Rx) -> Option<(usize, usize)> {
            Some((rx.capacity(), rx.max_capacity()))
        }
        fn try_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)> {
            tx.try_send(message).map_err(refused)
        }
        fn blocking_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)> {
            tx.blocking_send(message).map_err(|SendError(message)| (false, message))
        }
        fn send(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                Out::Sent(tx.send(message).await.map_err(|SendError(message)| Some(message)))
            }))
        }
        fn send_timeout(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                let sent = tx.send_timeout(message, HOUR).await;
                assert!(
                    !matches!(sent, Err(SendTimeoutError::Timeout(_))),
                    "the hour has not passed"
                );
                Out::Sent(sent.map_err(|error| Some(error.into_inner())))
            }))
        }
        fn send_sink(tx: Self::Tx, message: Message) -> BoxFuture<Out<Self>> {
            let mut sink = tx.into_sink();
            assert!(sink.sender().is_some() && !sink.abort_send(), "nothing is reserved");
            Box::pin(async move { Out::Sent(through(sink, message).await.map_err(|()| None)) })
        }
        fn reserve(tx: &Handle<Self::Tx>) -> Lent<Self> {
            lent!(tx.lend, |tx| Out::Reserved(tx.reserve().await.ok().map(Permits::One)))
        }
        fn reserve_many(tx: &Handle<Self::Tx>, permits: usize) -> Lent<Self> {
            lent!(tx.lend, |tx| {
                Out::Reserved(tx.reserve_many(permits).await.ok().map(Permits::Many))
            })
        }
        fn reserve_owned(tx: Self::Tx) -> BoxFuture<Out<Self>> {
            Box::pin(
                async move { Out::Reserved(tx.reserve_owned().await.ok().map(Permits::Owned)) },
            )
        }
        fn try_reserve(tx: &'static Self::Tx) -> Result<Self::Permit, bool> {
            tx.try_reserve().map_err(|error| refused(error).0)
        }
        fn try_reserve_many(tx: &'static Self::Tx, permits: usize) -> Result<Self::Permits, bool> {
            tx.try_reserve_many(permits).map_err(|error| refused(error).0)
        }
        fn try_reserve_owned(tx: Self::Tx) -> Result<Self::Owned, (bool, Self::Tx)> {
            tx.try_reserve_owned().map_err(refused)
        }
        fn send_permit(permit: Self::Permit, message: Message) {
            permit.send(message);
        }
        fn send_owned(permit: Self::Owned, message: Message) -> Self::Tx {
            permit.send(message)
        }
        fn release(permit: Self::Owned) -> Self::Tx {
            permit.release()
        }
        fn owned_same_channel(permit: &Self::Owned, tx: &Self::Tx) -> bool {
            permit.same_channel(permit) && permit.same_channel_as_sender(tx)
        }
    };
}

/// What an unbounded channel has, and lacks: nothing asks it for permits.
macro_rules! unbounded {
    ($channel:ident) => {
        type Permit = Infallible;
        type Permits = std::iter::Empty<Infallible>;
        type Owned = Infallible;
        const BOUNDED: bool = false;

        fn channel(_capacity: usize) -> (Self::Tx, Self::Rx) {
            $channel::unbounded_channel()
        }
        fn sender_capacity(_: &Self::Tx) -> Option<(usize, usize)> {
            None
        }
        fn receiver_capacity(_: &Self::Rx) -> Option<(usize, usize)> {
            None
        }
        fn try_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)> {
            tx.send(message).map_err(|SendError(message)| (false, message))
        }
        fn blocking_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)> {
            Self::try_send(tx, message)
        }
        fn send(_: &Handle<Self::Tx>, _: Message) -> Option<Lent<Self>> {
            None
        }
        fn send_timeout(_: &Handle<Self::Tx>, _: Message) -> Option<Lent<Self>> {
            None
        }
        fn send_sink(tx: Self::Tx, message: Message) -> BoxFuture<Out<Self>> {
            Box::pin(
                async move { Out::Sent(through(tx.into_sink(), message).await.map_err(|()| None)) },
            )
        }
        fn reserve(_: &Handle<Self::Tx>) -> Lent<Self> {
            unreachable!("no permits")
        }
        fn reserve_many(_: &Handle<Self::Tx>, _: usize) -> Lent<Self> {
            unreachable!("no permits")
        }
        fn reserve_owned(_: Self::Tx) -> BoxFuture<Out<Self>> {
            unreachable!("no permits")
        }
        fn try_reserve(_: &'static Self::Tx) -> Result<Self::Permit, bool> {
            unreachable!("no permits")
        }
        fn try_reserve_many(_: &'static Self::Tx, _: usize) -> Result<Self::Permits, bool> {
            unreachable!("no permits")
        }
        fn try_reserve_owned(_: Self::Tx) -> Result<Self::Owned, (bool, Self::Tx)> {
            unreachable!("no permits")
        }
        fn send_permit(permit: Self::Permit, _: Message) {
            match permit {}
        }
        fn send_owned(permit: Self::Owned, _: Message) -> Self::Tx {
            match permit {}
        }
        fn release(permit: Self::Owned) -> Self::Tx {
            match permit {}
        }
        fn owned_same_channel(permit: &Self::Owned, _: &Self::Tx) -> bool {
            match *permit {}
        }
    };
}

/// What the one receiver of mpsc has.
macro_rules! single {
    () => {
        const MANY: bool = false;

        fn poll_recv(rx: &Handle<Self::Rx>) -> Option<Lent<Self>> {
            Some(lent!(rx.lend_mut, |rx| {
                Out::Received(Vec::from_iter(poll_fn(|cx| rx.poll_recv(cx)).await))
            }))
        }
        fn poll_recv_many(rx: &Handle<Self::Rx>, limit: usize) -> Option<Lent<Self>> {
            Some(lent!(rx.lend_mut, |rx| {
                let mut messages = Vec::new();
                let count = poll_fn(|cx| rx.poll_recv_many(cx, &mut messages, limit)).await;
                assert_eq!(count, messages.len());
                Out::Received(messages)
            }))
        }
        fn next(rx: Self::Rx) -> BoxFuture<Out<Self>> {
            Box::pin(async move { Out::Received(next_of(rx).await) })
        }
        fn receivers(_: &Self::Rx) -> Option<(usize, bool)> {
            None
        }
        fn clone_receiver(_: &Self::Rx) -> Option<Self::Rx> {
            None
        }
    };
}

/// What the receivers of mpmc have.
macro_rules! many {
    () => {
        const MANY: bool = true;

        fn poll_recv(_: &Handle<Self::Rx>) -> Option<Lent<Self>> {
            None
        }
        fn poll_recv_many(_: &Handle<Self::Rx>, _: usize) -> Option<Lent<Self>> {
            None
        }
        fn next(rx: Self::Rx) -> BoxFuture<Out<Self>> {
            Box::pin(async move { Out::Received(next_of(rx.into_stream()).await) })
        }
        fn receivers(rx: &Self::Rx) -> Option<(usize, bool)> {
            Some((rx.receiver_count(), rx.same_channel(rx)))
        }
        fn clone_receiver(rx: &Self::Rx) -> Option<Self::Rx> {
            Some(rx.clone())
        }
    };
}

impl Family for MpscBounded {
    common!(mpsc, lend_mut, Sender, WeakSender, Receiver);
    bounded!(mpsc);
    single!();
}

impl Family for MpscUnbounded {
    common!(mpsc, lend_mut, UnboundedSender, WeakUnboundedSender, UnboundedReceiver);
    unbounded!(mpsc);
    single!();
}

impl Family for MpmcBounded {
    common!(mpmc, lend, Sender, WeakSender, Receiver);
    bounded!(mpmc);
    many!();
}

impl Family for MpmcUnbounded {
    common!(mpmc, lend, UnboundedSender, WeakUnboundedSender, UnboundedReceiver);
    unbounded!(mpmc);
    many!();
}
