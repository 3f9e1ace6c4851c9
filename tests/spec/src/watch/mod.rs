//! watch: its operations.

mod items;
mod model;
mod run;

pub use run::{run, run_tampered};

use proptest_derive::Arbitrary;

use crate::check::Key;

/// A channel's life.
#[derive(Arbitrary, Clone, Debug, arbitrary::Arbitrary)]
pub struct Case {
    /// Whether it is made without a receiver.
    pub is_deserted: bool,
    /// What is done to it.
    #[proptest(strategy = "crate::operations()")]
    pub ops: Vec<Op>,
}

/// One operation. A number picks one of the handles, futures or looks that there are; where there
/// is none, nothing happens.
#[derive(Arbitrary, Clone, Copy, Debug, arbitrary::Arbitrary, PartialEq)]
pub enum Op {
    #[proptest(weight = 2)]
    CloneSender(u8),
    DropSender(u8),
    #[proptest(weight = 8)]
    Send(u8),
    #[proptest(weight = 2)]
    Publish(u8),
    /// Another value than the one that is there, or one that equals it.
    #[proptest(weight = 2)]
    SendIfDifferent(u8, bool),
    /// Where it does not block.
    SendModify(u8),
    /// Where it does not block; modified or not.
    SendIfModified(u8, bool),
    /// Where it does not block.
    SendReplace(u8),
    BorrowBySender(u8),
    #[proptest(weight = 2)]
    Subscribe(u8),
    #[proptest(weight = 2)]
    StartClosed(u8),
    #[proptest(weight = 2)]
    CloneReceiver(u8),
    DropReceiver(u8),
    #[proptest(weight = 2)]
    Borrow(u8),
    #[proptest(weight = 2)]
    BorrowAndUpdate(u8),
    MarkChanged(u8),
    MarkUnchanged(u8),
    #[proptest(weight = 6)]
    StartChanged(u8),
    #[proptest(weight = 3)]
    StartRecv(u8),
    /// Makes it a receiver of the half of the number, and waits until that changes.
    #[proptest(weight = 2)]
    StartMapChanged(u8),
    /// Waits for a value of which the number leaves this rest when divided by 3.
    #[proptest(weight = 3)]
    StartWaitFor(u8, u8),
    /// `into_stream`, and its second item.
    StartNext(u8),
    /// `into_changes_stream`, and its first item.
    StartNextChange(u8),
    /// `throttled`, and its first item.
    StartThrottled(u8),
    #[proptest(weight = 3)]
    DropLook(u8),
    ForgetLook(u8),
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
    Send(usize),
    Publish(usize),
    /// The number of the value, which may be that of the one that is there.
    SendIfDifferent(usize),
    SendReplace(usize),
    /// In place, and whether that is told.
    Modify(usize, bool),
    BorrowBySender,
    Subscribe(Key),
    /// A receiver like another one.
    CloneReceiver {
        from: Key,
        to: Key,
    },
    DropReceiver(Key),
    Borrow(Key),
    BorrowAndUpdate(Key),
    MarkChanged(Key),
    MarkUnchanged(Key),
    /// A look at the value with this number ends; `kept` if it was forgotten.
    EndLook {
        value: usize,
        kept: bool,
    },
    PollChanged {
        key: Key,
        receiver: Key,
    },
    PollRecv {
        key: Key,
        receiver: Key,
    },
    PollMapChanged {
        key: Key,
        receiver: Key,
    },
    PollWaitFor {
        key: Key,
        receiver: Key,
        rest: usize,
    },
    /// Of a stream of `changes` only, or of one that gave the value it began with.
    PollNext {
        key: Key,
        receiver: Key,
        changes: bool,
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
    Refused,
    /// The value with this number.
    Got(usize),
    /// A look at it, and whether it had changed.
    Look(usize, bool),
    Closed,
    Pending,
}
