//! The weighted channel: its operations.

mod calls;
mod model;
mod run;

pub use run::{run, run_tampered};

use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug)]
pub struct Case {
    #[proptest(strategy = "1..=8_usize")]
    pub max: usize,
    /// What is heavier than the maximum is given back.
    pub rejects: bool,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. The first number picks one of the handles, futures or permits that there are;
/// where there is none, nothing happens. The second one is a weight, unless it says otherwise.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Op {
    #[proptest(weight = 2)]
    CloneSender(u8),
    DropSender(u8),
    Downgrade(u8),
    CloneWeak(u8),
    DropWeak(u8),
    #[proptest(weight = 2)]
    Upgrade(u8),
    #[proptest(weight = 8)]
    TrySend(u8, u8),
    /// Where it does not block.
    BlockingSend(u8, u8),
    #[proptest(weight = 10)]
    StartSend(u8, u8),
    #[proptest(weight = 4)]
    StartReserve(u8, u8),
    #[proptest(weight = 2)]
    TryReserve(u8, u8),
    #[proptest(weight = 2)]
    SendPermit(u8, u8),
    #[proptest(weight = 2)]
    DropPermit(u8),
    ForgetPermit(u8),
    #[proptest(weight = 2)]
    SetMax(u8, u8),
    StartClosed(u8),
    #[proptest(weight = 7)]
    StartRecv,
    /// With a limit.
    #[proptest(weight = 8)]
    StartRecvMany(u8),
    /// The receiver as a stream.
    StartNext,
    #[proptest(weight = 6)]
    TryRecv,
    /// Where it does not block.
    BlockingRecv,
    Close,
    DropReceiver,
    #[proptest(weight = 24)]
    Poll(u8),
    /// With another waker than before.
    #[proptest(weight = 2)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 4)]
    PollWoken,
    #[proptest(weight = 2)]
    Cancel(u8),
    Forget(u8),
}

/// An operation with all of its choices made.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    CloneSender,
    DropSender,
    Upgrade,
    TrySend {
        message: usize,
        weight: usize,
    },
    TryReserve(usize),
    SendPermit {
        reserved: usize,
        message: usize,
        weight: usize,
    },
    /// A permit comes back unused.
    Release(usize),
    SetMax(usize),
    /// A future was made that holds a message.
    StartSend,
    PollSend {
        key: Key,
        message: usize,
        weight: usize,
    },
    PollReserve {
        key: Key,
        weight: usize,
    },
    PollClosed {
        key: Key,
    },
    PollRecv {
        key: Key,
        limit: usize,
    },
    TryRecv,
    Close,
    DropReceiver,
    /// A future is dropped.
    Cancel {
        key: Key,
    },
    /// A message is dropped with the future that was to send it.
    DropUnsent,
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Full,
    Closed,
    TooHeavy { weight: usize, max: usize },
    Pending,
    Empty,
    Ended,
    Got(Vec<usize>),
    Upgraded(bool),
}
