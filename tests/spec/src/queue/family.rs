//! The four families of handles, by one set of names.

use std::collections::VecDeque;
use std::fmt::Debug;

use support::Message;

use super::future::Out;
use crate::handle::{Handle, Loan};
use crate::running::BoxFuture;

/// A future, and the loan of the handle that it borrows.
pub type Lent<F> = (BoxFuture<Out<F>>, Loan);

/// The handles of a channel. What a family does not have, it gives `None` for.
#[expect(clippy::missing_errors_doc, reason = "they are those of the methods it names")]
pub trait Family: Sized + Debug + 'static {
    type Tx: Clone;
    type Weak: Clone;
    type Rx;
    type Permit;
    type Permits: ExactSizeIterator<Item = Self::Permit>;
    type Owned;
    const BOUNDED: bool;
    const MANY: bool;

    fn channel(capacity: usize) -> (Self::Tx, Self::Rx);
    /// Whether all messages of such a channel can be evicted.
    fn evicts(capacity: usize) -> bool;

    fn downgrade(tx: &Self::Tx) -> Self::Weak;
    fn upgrade(weak: &Self::Weak) -> Option<Self::Tx>;
    fn same_channel(one: &Self::Tx, two: &Self::Tx) -> bool;
    /// `strong_count`, `weak_count`, `is_closed`.
    fn sender_counts(tx: &Self::Tx) -> (usize, usize, bool);
    /// `strong_count`, `weak_count`.
    fn weak_counts(weak: &Self::Weak) -> (usize, usize);
    /// `sender_strong_count`, `sender_weak_count`, `is_closed`.
    fn receiver_counts(rx: &Self::Rx) -> (usize, usize, bool);
    /// `len`, `is_empty`.
    fn len(rx: &Self::Rx) -> (usize, bool);
    /// `len`, `is_empty`, and `is_full` where there is a bound.
    fn sender_len(tx: &Self::Tx) -> (usize, bool, Option<bool>);
    /// `capacity`, `max_capacity`, of a sender and of a receiver.
    fn sender_capacity(tx: &Self::Tx) -> Option<(usize, usize)>;
    fn receiver_capacity(rx: &Self::Rx) -> Option<(usize, usize)>;
    /// `receiver_count`, `same_channel` with itself.
    fn receivers(rx: &Self::Rx) -> Option<(usize, bool)>;

    /// The error: whether it is full, and the message.
    fn try_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)>;
    /// The message that came back; the error: that the channel is closed. By `force_send`, or by
    /// `offer` if `offers`. `evicted` counts it.
    fn force_send(
        tx: &Self::Tx,
        message: Message,
        offers: bool,
    ) -> Result<Option<Message>, Message>;
    fn blocking_send(tx: &Self::Tx, message: Message) -> Result<(), (bool, Message)>;
    fn send(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>>;
    fn send_ref(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>>;
    /// A batch of one.
    fn send_many(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>>;
    /// The error: whether it is full. What is sent leaves the batch.
    fn try_send_many(tx: &Self::Tx, batch: &mut VecDeque<Message>) -> Result<(), bool>;
    fn send_timeout(tx: &Handle<Self::Tx>, message: Message) -> Option<Lent<Self>>;
    /// Through `into_sink`.
    fn send_sink(tx: Self::Tx, message: Message) -> BoxFuture<Out<Self>>;
    fn closed(tx: &Handle<Self::Tx>) -> Lent<Self>;
    fn reserve(tx: &Handle<Self::Tx>) -> Lent<Self>;
    fn reserve_many(tx: &Handle<Self::Tx>, permits: usize) -> Lent<Self>;
    fn reserve_owned(tx: Self::Tx) -> BoxFuture<Out<Self>>;
    /// The error: whether it is full.
    fn try_reserve(tx: &'static Self::Tx) -> Result<Self::Permit, bool>;
    fn try_reserve_many(tx: &'static Self::Tx, permits: usize) -> Result<Self::Permits, bool>;
    fn try_reserve_owned(tx: Self::Tx) -> Result<Self::Owned, (bool, Self::Tx)>;
    fn send_permit(permit: Self::Permit, message: Message);
    fn send_owned(permit: Self::Owned, message: Message) -> Self::Tx;
    fn release(permit: Self::Owned) -> Self::Tx;
    /// `same_channel` with itself, `same_channel_as_sender`.
    fn owned_same_channel(permit: &Self::Owned, tx: &Self::Tx) -> bool;

    fn recv(rx: &Handle<Self::Rx>) -> Lent<Self>;
    fn recv_many(rx: &Handle<Self::Rx>, limit: usize) -> Lent<Self>;
    fn poll_recv(rx: &Handle<Self::Rx>) -> Option<Lent<Self>>;
    fn poll_recv_many(rx: &Handle<Self::Rx>, limit: usize) -> Option<Lent<Self>>;
    fn next(rx: Self::Rx) -> BoxFuture<Out<Self>>;
    /// The error: whether the channel has ended.
    fn try_recv(rx: &mut Self::Rx) -> Result<Message, bool>;
    fn blocking_recv(rx: &mut Self::Rx) -> Option<Message>;
    fn blocking_recv_many(rx: &mut Self::Rx, limit: usize) -> Vec<Message>;
    fn drain(rx: &mut Self::Rx) -> Vec<Message>;
    /// The next message, with one receiver.
    fn peek(rx: &mut Self::Rx) -> Option<Option<usize>>;
    /// With one receiver, and a condition that gives `answer`.
    fn recv_if(rx: &mut Self::Rx, answer: bool) -> Option<Option<Message>>;
    fn ready(rx: &Handle<Self::Rx>) -> Option<Lent<Self>>;
    fn close(rx: &mut Self::Rx);
    fn clone_receiver(rx: &Self::Rx) -> Option<Self::Rx>;
}
