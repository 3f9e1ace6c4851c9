//! mpsc and mpmc, bounded and unbounded: one model, one interpreter, four families of handles.

mod calls;
mod family;
mod future;
mod handles;
mod model;
mod receivers;
mod run;
mod senders;

pub use family::{Family, Lent};
pub use future::{Out, Permits};
pub use handles::{MpmcBounded, MpmcUnbounded, MpscBounded, MpscUnbounded};
pub(crate) use model::Queue;
pub use run::{run, run_tampered};

use arbitrary::Unstructured;
use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug, arbitrary::Arbitrary)]
pub struct Case {
    /// Of a bounded channel.
    #[proptest(strategy = "1..=6_usize")]
    #[arbitrary(with = |bytes: &mut Unstructured<'_>| bytes.int_in_range(1..=6))]
    pub capacity: usize,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. A number picks one of the handles, futures or permits that there are; where there
/// is none, nothing happens.
#[derive(Arbitrary, Clone, Copy, Debug, arbitrary::Arbitrary, PartialEq)]
pub enum Op {
    #[proptest(weight = 3)]
    CloneSender(u8),
    DropSender(u8),
    Downgrade(u8),
    CloneWeak(u8),
    DropWeak(u8),
    #[proptest(weight = 2)]
    Upgrade(u8),
    #[proptest(weight = 8)]
    TrySend(u8),
    /// `force_send`, or `offer`.
    #[proptest(weight = 2)]
    ForceSend(u8, bool),
    /// Where it does not block.
    BlockingSend(u8),
    #[proptest(weight = 8)]
    StartSend(u8),
    StartSendTimeout(u8),
    StartSendRef(u8),
    StartSendMany(u8),
    /// With so many messages.
    TrySendMany(u8, u8),
    /// `into_sink`, and one message through it.
    StartSink(u8),
    #[proptest(weight = 2)]
    StartReserve(u8),
    #[proptest(weight = 2)]
    StartReserveMany(u8, u8),
    StartReserveOwned(u8),
    StartClosed(u8),
    TryReserve(u8),
    TryReserveMany(u8, u8),
    TryReserveOwned(u8),
    SendPermit(u8),
    DropPermit(u8),
    /// `OwnedPermit::release`; the next of a `PermitIterator`.
    TakePermit(u8),
    ForgetPermit(u8),
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
    #[proptest(weight = 6)]
    StartRecv(u8),
    /// `poll_recv` of mpsc.
    StartPollRecv(u8),
    StartRecvMany(u8, u8),
    /// `poll_recv_many` of mpsc.
    StartPollRecvMany(u8, u8),
    /// The receiver as a stream.
    StartNext(u8),
    /// `ready` of mpsc.
    StartReady(u8),
    /// `peek` of mpsc.
    Peek(u8),
    /// `recv_if` of mpsc, with a condition that holds or not.
    RecvIf(u8, bool),
    Drain(u8),
    #[proptest(weight = 5)]
    TryRecv(u8),
    /// Where it does not block.
    BlockingRecv(u8),
    /// Where it does not block.
    BlockingRecvMany(u8, u8),
    #[proptest(weight = 3)]
    CloneReceiver(u8),
    DropReceiver(u8),
    Close(u8),
}

/// An operation with all of its choices made: what the model is told.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    CloneSender,
    DropSender,
    Downgrade,
    CloneWeak,
    DropWeak,
    Upgrade,
    CloneReceiver,
    DropReceiver,
    Close,
    TrySend(usize),
    ForceSend(usize),
    TryReserve(usize),
    /// A future was made that holds a message.
    StartSend,
    PollSend {
        key: Key,
        message: usize,
    },
    PollReserve {
        key: Key,
        need: usize,
    },
    PollClosed {
        key: Key,
    },
    PollRecv {
        key: Key,
        limit: usize,
    },
    PollReady {
        key: Key,
    },
    TryRecv,
    Peek,
    SendPermit(usize),
    /// Permits come back unused.
    Release(usize),
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
    Pending,
    Empty,
    Ended,
    /// These messages; none if a future has seen the end.
    Got(Vec<usize>),
    Upgraded(bool),
}
