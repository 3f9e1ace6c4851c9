//! The sequential specification.

use std::task::Poll;

use levada::oneshot::error::TryRecvError;

use crate::checker::Spec;

/// An operation and its result.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    Send(u8, Result<(), ()>),
    SenderIsClosed(bool),
    ClosedPoll(Poll<()>),
    ClosedCancel,
    ClosedStarve,
    DropSender,
    TryRecv(Result<u8, TryRecvError>),
    RecvPoll(Poll<Result<u8, ()>>),
    RecvCancel,
    RecvStarve,
    IsEmpty(bool),
    IsTerminated(bool),
    Close,
    DropReceiver,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Oneshot;

/// A channel between two operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    value: Option<u8>,
    has_sender: bool,
    /// By the receiver: closed or dropped.
    closed: bool,
    /// The receiver has given its result.
    terminated: bool,
}

impl State {
    /// `None` stands for a result that is yet to come.
    fn receive(self, result: Option<Result<u8, ()>>) -> Option<Self> {
        let is_open = !self.terminated && self.has_sender && !self.closed;
        let allowed = match result {
            Some(Ok(value)) => self.value == Some(value),
            Some(Err(())) => self.value.is_none() && !is_open,
            None => self.value.is_none() && is_open,
        };
        let ended = Self { value: None, closed: true, terminated: true, ..self };
        allowed.then_some(if result.is_some() { ended } else { self })
    }
}

impl Spec for Oneshot {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State { value: None, has_sender: true, closed: false, terminated: false }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let state = *state;
        let without_sender = State { has_sender: false, ..state };
        match *op {
            Op::Send(value, Ok(())) => {
                (!state.closed).then_some(State { value: Some(value), ..without_sender })
            }
            Op::Send(_, Err(())) => state.closed.then_some(without_sender),
            Op::SenderIsClosed(closed) => (closed == state.closed).then_some(state),
            Op::ClosedPoll(poll) => (poll.is_ready() == state.closed).then_some(state),
            Op::ClosedStarve => (!state.closed).then_some(state),
            Op::ClosedCancel | Op::RecvCancel => Some(state),
            Op::DropSender => Some(without_sender),
            Op::TryRecv(Ok(value)) => state.receive(Some(Ok(value))),
            Op::TryRecv(Err(TryRecvError::Closed)) => state.receive(Some(Err(()))),
            Op::TryRecv(Err(TryRecvError::Empty)) => state.receive(None),
            Op::RecvPoll(Poll::Ready(result)) => state.receive(Some(result)),
            Op::RecvPoll(Poll::Pending) | Op::RecvStarve => state.receive(None),
            Op::IsEmpty(empty) => (empty == state.value.is_none()).then_some(state),
            Op::IsTerminated(terminated) => (terminated == state.terminated).then_some(state),
            Op::Close => Some(State { closed: true, ..state }),
            Op::DropReceiver => Some(State { value: None, closed: true, ..state }),
        }
    }
}
