//! The sequential specification.
//!
//! # Two steps
//! `send` looks whether there is a receiver, and then stores the value: if the last receiver goes
//! in between, it is stored all the same. `subscribe` takes the version as seen, and then the new
//! receiver counts.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;

use crate::checker::Spec;

/// An operation and its result. Receivers are known by numbers. A look gives the value, and whether
/// it was new.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    /// The first step of a `send` that succeeds, by its sender's number.
    FindReceiver(usize),
    Send(usize, u8, Result<(), ()>),
    /// `send_replace` and `send_modify`: the new value and the old one.
    Replace(u8, u8),
    SenderBorrow(u8),
    SenderIsClosed(bool),
    ReceiverCount(usize),
    /// The first step of `subscribe`.
    SeeFirst(usize),
    Subscribe(usize),
    DropSender,
    Borrow(usize, (u8, bool)),
    BorrowAndUpdate(usize, (u8, bool)),
    HasChanged(usize, Result<bool, ()>),
    MarkChanged(usize),
    MarkUnchanged(usize),
    ChangedPoll(usize, Poll<Result<(), ()>>),
    ChangedCancel,
    ChangedStarve(usize),
    ReceiverIsClosed(bool),
    /// The receiver that is cloned, and the clone.
    CloneReceiver(usize, usize),
    DropReceiver(usize),
}

/// A new channel with one receiver, number 0, and the value 0.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How many senders there are at the beginning.
    pub senders: usize,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    value: u8,
    version: usize,
    senders: usize,
    /// The version that each receiver has seen; none if it was told to forget.
    seen: BTreeMap<usize, Option<usize>>,
    /// Senders between the two steps of `send`.
    sending: BTreeSet<usize>,
    /// Receivers between the two steps of `subscribe`.
    joining: BTreeMap<usize, usize>,
}

impl State {
    fn has_changed(&self, receiver: usize) -> bool {
        self.seen[&receiver] != Some(self.version)
    }

    fn see(mut self, receiver: usize) -> Self {
        self.seen.insert(receiver, Some(self.version));
        self
    }

    fn store(mut self, value: u8) -> Self {
        self.value = value;
        self.version += 1;
        self
    }

    fn poll_changed(self, receiver: usize, poll: Poll<Result<(), ()>>) -> Option<Self> {
        let changed = self.has_changed(receiver);
        match poll {
            Poll::Ready(Ok(())) => changed.then(|| self.see(receiver)),
            Poll::Ready(Err(())) => (!changed && self.senders == 0).then_some(self),
            Poll::Pending => (!changed && self.senders > 0).then_some(self),
        }
    }
}

impl Spec for Watch {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        let seen = BTreeMap::from([(0, Some(0))]);
        let (sending, joining) = Default::default();
        State { value: 0, version: 0, senders: self.senders, seen, sending, joining }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        let look = |state: &State, id| (state.value, state.has_changed(id));
        match *op {
            Op::FindReceiver(sender) => {
                state.sending.insert(sender);
                (!state.seen.is_empty()).then_some(state)
            }
            Op::Send(sender, value, Ok(())) => {
                state.sending.remove(&sender).then(|| state.store(value))
            }
            Op::Send(_, _, Err(())) => state.seen.is_empty().then_some(state),
            Op::Replace(value, old) => (old == state.value).then(|| state.store(value)),
            Op::SenderBorrow(value) => (value == state.value).then_some(state),
            Op::SenderIsClosed(closed) => (closed == state.seen.is_empty()).then_some(state),
            Op::ReceiverCount(count) => (count == state.seen.len()).then_some(state),
            Op::SeeFirst(id) => {
                state.joining.insert(id, state.version);
                Some(state)
            }
            Op::Subscribe(id) => {
                let version = state.joining.remove(&id)?;
                state.seen.insert(id, Some(version));
                Some(state)
            }
            Op::MarkUnchanged(id) => Some(state.see(id)),
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            Op::Borrow(id, found) => (found == look(&state, id)).then_some(state),
            Op::BorrowAndUpdate(id, found) => (found == look(&state, id)).then(|| state.see(id)),
            Op::HasChanged(id, result) => {
                let found = if state.senders == 0 { Err(()) } else { Ok(state.has_changed(id)) };
                (result == found).then_some(state)
            }
            Op::MarkChanged(id) => {
                state.seen.insert(id, None);
                Some(state)
            }
            Op::ChangedPoll(id, poll) => state.poll_changed(id, poll),
            Op::ChangedCancel => Some(state),
            Op::ChangedStarve(id) => state.poll_changed(id, Poll::Pending),
            Op::ReceiverIsClosed(closed) => (closed == (state.senders == 0)).then_some(state),
            Op::CloneReceiver(id, clone) => {
                state.seen.insert(clone, state.seen[&id]);
                Some(state)
            }
            Op::DropReceiver(id) => {
                state.seen.remove(&id);
                Some(state)
            }
        }
    }
}
