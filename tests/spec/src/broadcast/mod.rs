//! broadcast: its operations.

pub mod lossless;
mod model;
mod run;

pub use run::{run, run_tampered};

use arbitrary::Unstructured;
use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug, arbitrary::Arbitrary)]
pub struct Case {
    #[proptest(strategy = "1..=9_usize")]
    #[arbitrary(with = |bytes: &mut Unstructured<'_>| bytes.int_in_range(1..=9))]
    pub capacity: usize,
    /// Whether it is made without a receiver.
    pub is_deserted: bool,
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
    Downgrade(u8),
    CloneWeak(u8),
    DropWeak(u8),
    Upgrade(u8),
    #[proptest(weight = 10)]
    Send(u8),
    #[proptest(weight = 2)]
    Subscribe(u8),
    #[proptest(weight = 2)]
    Resubscribe(u8),
    DropReceiver(u8),
    #[proptest(weight = 6)]
    TryRecv(u8),
    /// Where it does not block.
    BlockingRecv(u8),
    #[proptest(weight = 6)]
    StartRecv(u8),
    /// `into_stream`, and the next item.
    StartNext(u8),
    #[proptest(weight = 2)]
    StartClosed(u8),
    #[proptest(weight = 12)]
    Poll(u8),
    /// With another waker than before.
    #[proptest(weight = 2)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 4)]
    PollWoken,
    Cancel(u8),
    Forget(u8),
}

/// An operation with all of its choices made: what the model is told. Receivers have names.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    CloneSender,
    DropSender,
    Downgrade,
    CloneWeak,
    DropWeak,
    Upgrade,
    Send(usize),
    /// A receiver is made.
    Join(Key),
    DropReceiver(Key),
    TryRecv(Key),
    PollRecv {
        key: Key,
        receiver: Key,
    },
    PollClosed {
        key: Key,
    },
    Cancel {
        key: Key,
    },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    /// To so many receivers.
    Sent(usize),
    Refused,
    Upgraded(bool),
    Got(usize),
    Lagged(u64),
    Empty,
    Closed,
    Pending,
}
