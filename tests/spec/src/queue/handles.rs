//! The four families: nothing but the names that their methods have.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::time::{Duration, Instant};

use levada::mpmc;
use levada::mpsc::{self, error::SendError, error::SendTimeoutError, error::TryRecvError};
use support::Message;

use super::calls::{came_back, next_of, refused, through, unless_stopped};
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
            lent!(rx.$lend, |rx| {
                if rx.len().is_multiple_of(2) {
                    Out::Received(unless_stopped(rx.recv_until(pending::<()>()).await))
                } else {
                    Out::Received(Vec::from_iter(rx.recv().await))
                }
            })
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
            match rx.len() % 3 {
                0 => rx.blocking_recv(),
                1 => unless_stopped(rx.blocking_recv_timeout(HOUR)).pop(),
                _ => unless_stopped(rx.blocking_recv_deadline(Instant::now() + HOUR)).pop(),
            }
        }
        fn blocking_recv_many(rx: &mut Self::Rx, limit: usize) -> Vec<Message> {
            let mut messages = Vec::new();
            let count = rx.blocking_recv_many(&mut messages, limit);
            assert_eq!(count, messages.len());
            messages
        }
        fn drain(rx: &mut Self::Rx) -> Vec<Message> {
            rx.drain().collect()
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
            if capacity.is_multiple_of(2) {
                $channel::builder(capacity).overflow($channel::Overflow::Wait).build()
            } else {
                $channel::channel(capacity)
            }
        }
        fn evicts(capacity: usize) -> bool {
            Self::MANY || capacity.is_multiple_of(2)
        }
        fn force_send(
            tx: &Self::Tx,
            message: Message,
            offers: bool,
        ) -> Result<Option<Message>, Message> {
            let evicted = tx.evicted();
            let sent = if offers {
                tx.offer(message).map(|offered| came_back(offered, tx.capacity()))
            } else {
                tx.force_send(message)
            };
            let counts = !offers && matches!(sent, Ok(Some(_)));
            assert_eq!(tx.evicted(), evicted + u64::from(counts));
            sent.map_err(|SendError(message)| message)
        }
        fn sender_len(tx: &Self::Tx) -> (usize, bool, Option<bool>) {
            (tx.len(), tx.is_empty(), Some(tx.is_full()))
        }
        fn send_ref(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                let mut value = Some(message);
                let sent = tx.send_ref(&mut value).await;
                assert_eq!(sent.is_ok(), value.is_none());
                Out::Sent(sent.map_err(|SendError(())| value))
            }))
        }
        fn send_many(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                let mut batch = VecDeque::from([message]);
                let sent = tx.send_many(&mut batch).await;
                assert_eq!(sent.is_ok(), batch.is_empty());
                Out::Sent(sent.map_err(|SendError(())| batch.pop_front()))
            }))
        }
        fn try_send_many(tx: &Self::Tx, batch: &mut VecDeque<Message>) -> Result<(), bool> {
            let before = batch.len();
            let sent = tx.try_send_many(batch).map_err(|error| refused(error).0);
            sent.map(|sent| assert_eq!(batch.len(), before - sent))
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
            let sent = match message.id() % 3 {
                0 => tx.blocking_send(message).map_err(SendTimeoutError::from),
                1 => tx.blocking_send_timeout(message, HOUR),
                _ => tx.blocking_send_deadline(message, Instant::now() + HOUR),
            };
            sent.map_err(|error| (false, error.into_inner()))
        }
        fn send(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                Out::Sent(tx.send(message).await.map_err(|SendError(message)| Some(message)))
            }))
        }
        fn send_timeout(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>> {
            Some(lent!(tx.lend, |tx| {
                let sent = if message.id().is_multiple_of(2) {
                    tx.send_until(message, pending::<()>()).await
                } else {
                    tx.send_timeout(message, HOUR).await
                };
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
        fn evicts(_capacity: usize) -> bool {
            false
        }
        fn force_send(_: &Self::Tx, _: Message, _: bool) -> Result<Option<Message>, Message> {
            unreachable!("it is never full")
        }
        fn sender_len(tx: &Self::Tx) -> (usize, bool, Option<bool>) {
            (tx.len(), tx.is_empty(), None)
        }
        fn send_ref(_: &Handle<Self::Tx>, _: Message) -> Option<Lent<Self>> {
            None
        }
        fn send_many(_: &Handle<Self::Tx>, _: Message) -> Option<Lent<Self>> {
            None
        }
        fn try_send_many(tx: &Self::Tx, batch: &mut VecDeque<Message>) -> Result<(), bool> {
            tx.send_many(batch).map_err(|SendError(())| false)
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
        fn peek(rx: &mut Self::Rx) -> Option<Option<usize>> {
            Some(rx.peek().map(Message::id))
        }
        fn recv_if(rx: &mut Self::Rx, answer: bool) -> Option<Option<Message>> {
            Some(rx.recv_if(|_| answer))
        }
        fn ready(rx: &Handle<Self::Rx>) -> Option<Lent<Self>> {
            Some(lent!(rx.lend_mut, |rx| Out::Ready(rx.ready().await)))
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
        fn peek(_: &mut Self::Rx) -> Option<Option<usize>> {
            None
        }
        fn recv_if(_: &mut Self::Rx, _: bool) -> Option<Option<Message>> {
            None
        }
        fn ready(_: &Handle<Self::Rx>) -> Option<Lent<Self>> {
            None
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
