//! The lossless broadcast channel: its operations.

mod model;
mod run;

pub use run::{run, run_tampered};

use arbitrary::Unstructured;
use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug, arbitrary::Arbitrary)]
pub struct Case {
    #[proptest(strategy = "1..=5_usize")]
    #[arbitrary(with = |bytes: &mut Unstructured<'_>| bytes.int_in_range(1..=5))]
    pub capacity: usize,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. A number picks one of the handles or futures that there are; where there is none,
/// nothing happens.
#[derive(Arbitrary, Clone, Copy, Debug, arbitrary::Arbitrary, PartialEq)]
pub enum Op {
    CloneSender(u8),
    DropSender(u8),
    #[proptest(weight = 10)]
    TrySend(u8),
    /// Where it does not block.
    BlockingSend(u8),
    #[proptest(weight = 8)]
    StartSend(u8),
    #[proptest(weight = 2)]
    Subscribe(u8),
    SubscribeLossy(u8),
    Resubscribe(u8),
    DropReceiver(u8),
    #[proptest(weight = 10)]
    TryRecv(u8),
    /// Where it does not block.
    BlockingRecv(u8),
    #[proptest(weight = 6)]
    StartRecv(u8),
    /// `into_stream`, and the next item.
    StartNext(u8),
    StartClosed(u8),
    Evict(u8),
    /// Of all members that are so many messages behind.
    EvictAfter(u8),
    #[proptest(weight = 12)]
    Poll(u8),
    /// With another waker than before.
    #[proptest(weight = 2)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 6)]
    PollWoken,
    Cancel(u8),
    Forget(u8),
}

/// An operation with all of its choices made. Receivers have names.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    CloneSender,
    DropSender,
    TrySend(usize),
    StartSend,
    PollSend { key: Key, message: usize },
    CancelSend { key: Key },
    Join { receiver: Key, is_member: bool },
    DropReceiver(Key),
    TryRecv(Key),
    PollRecv { key: Key, receiver: Key },
    PollClosed { key: Key },
    Evict(Key),
    EvictBehind(usize),
    Cancel { key: Key },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    /// To so many receivers.
    Sent(usize),
    Refused,
    Full,
    Got(usize),
    Lagged(u64),
    Empty,
    Closed,
    Evicted,
    /// So many were.
    Out(usize),
    Pending,
}
