//! The rendezvous channel: its operations.

mod model;
mod run;

pub use run::{run, run_tampered};

use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug)]
pub struct Case {
    pub is_named: bool,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. A number picks one of the handles or futures that there are; where there is none,
/// nothing happens.
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
    /// Where it does not block.
    BlockingSend(u8),
    /// With a limit that has passed, by one of the three methods.
    SendInNoTime(u8),
    #[proptest(weight = 12)]
    StartSend(u8),
    #[proptest(weight = 2)]
    StartClosed(u8),
    #[proptest(weight = 8)]
    StartRecv,
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
    #[proptest(weight = 3)]
    PollElsewhere(u8),
    /// Polls each future that was woken, as an executor does.
    #[proptest(weight = 4)]
    PollWoken,
    #[proptest(weight = 4)]
    Cancel(u8),
    #[proptest(weight = 2)]
    Forget(u8),
}

/// An operation with all of its choices made.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    CloneSender,
    DropSender,
    Upgrade,
    /// A future was made that holds a message.
    StartSend,
    PollSend {
        key: Key,
        message: usize,
    },
    CancelSend {
        key: Key,
    },
    /// A send that is refused at once, or stopped: its message comes back.
    Send,
    PollClosed {
        key: Key,
    },
    PollRecv {
        key: Key,
    },
    TryRecv,
    Close,
    DropReceiver,
    /// Any other future is dropped.
    Cancel {
        key: Key,
    },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Closed,
    Pending,
    Empty,
    Ended,
    Got(usize),
    Upgraded(bool),
}
