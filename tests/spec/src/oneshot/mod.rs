//! oneshot: its operations.

mod model;
mod run;

pub use run::{run, run_tampered};

use proptest_derive::Arbitrary;

use crate::check::Key;

/// The lives of a few channels, one after the other.
#[derive(Arbitrary, Clone, Debug, arbitrary::Arbitrary)]
pub struct Case {
    /// What is done. When both ends of a channel are gone there is a new one.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. Where it cannot be done, nothing happens.
#[derive(Arbitrary, Clone, Copy, Debug, arbitrary::Arbitrary, PartialEq)]
pub enum Op {
    Send,
    DropSender,
    StartClosed,
    /// `poll_closed`.
    StartPollClosed,
    Close,
    TryRecv,
    /// Where it does not block.
    BlockingRecv,
    DropReceiver,
    /// `&mut receiver` as a future.
    #[proptest(weight = 3)]
    StartRecv,
    #[proptest(weight = 6)]
    Poll(u8),
    /// With another waker than before.
    #[proptest(weight = 2)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 2)]
    PollWoken,
    Cancel(u8),
    Forget(u8),
}

/// An operation with all of its choices made: what the model is told.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// A new channel.
    Open,
    Send(usize),
    DropSender,
    Close,
    TryRecv,
    DropReceiver,
    PollRecv {
        key: Key,
    },
    PollClosed {
        key: Key,
    },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Refused,
    Got(usize),
    Empty,
    Closed,
    Pending,
}
