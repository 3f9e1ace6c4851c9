//! The sequential specification.
//!
//! The first poll of a send puts its message into the line; the receiver takes the first of the
//! line, in one step, which is the hand-over. So a later poll of the send is ready exactly if its
//! message was taken or the channel is closed, and a message whose send was dropped before is not
//! in the line any more.

use std::task::Poll;

use levada::mpsc::error::TryRecvError;

use crate::checker::Spec;

/// An operation and its result. Senders are known by numbers.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    SendPoll(usize, u8, Poll<Result<(), ()>>),
    SendCancel(usize),
    SendStarve(usize),
    SenderIsClosed(bool),
    CloneSender,
    DropSender,
    TryRecv(Result<u8, TryRecvError>),
    RecvPoll(Poll<Option<u8>>),
    RecvCancel,
    RecvStarve,
    Len(usize),
    ReceiverIsClosed(bool),
    Close,
    DropReceiver,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Rendezvous {
    /// How many senders there are at the beginning.
    pub senders: usize,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Senders that wait, in order, each with its message.
    line: Vec<(usize, u8)>,
    /// Senders whose message was taken, and that were not polled since.
    served: Vec<usize>,
    senders: usize,
    closed: bool,
}

impl State {
    fn is_in_line(&self, sender: usize) -> bool {
        self.line.iter().any(|(other, _)| *other == sender)
    }

    fn leave(mut self, sender: usize) -> Self {
        self.line.retain(|(other, _)| *other != sender);
        self.served.retain(|other| *other != sender);
        self
    }

    fn poll_send(mut self, sender: usize, value: u8, poll: Poll<Result<(), ()>>) -> Option<Self> {
        let is_served = self.served.contains(&sender);
        match poll {
            Poll::Pending if self.closed || is_served => None,
            Poll::Pending if self.is_in_line(sender) => Some(self),
            Poll::Pending => {
                self.line.push((sender, value));
                Some(self)
            }
            Poll::Ready(Ok(())) => is_served.then(|| self.leave(sender)),
            Poll::Ready(Err(())) => (self.closed && !is_served).then(|| self.leave(sender)),
        }
    }

    fn receive(mut self, value: u8) -> Option<Self> {
        let &(sender, first) = self.line.first()?;
        (!self.closed && first == value).then(|| {
            self.line.remove(0);
            self.served.push(sender);
            self
        })
    }

    fn is_ended(&self) -> bool {
        self.closed || self.senders == 0
    }

    /// The receiver finds nothing: not even for now, or not any more.
    fn receive_nothing(self, ended: bool) -> Option<Self> {
        let is_empty = self.closed || self.line.is_empty();
        (is_empty && ended == self.is_ended()).then_some(self)
    }

    fn close(mut self) -> Self {
        self.closed = true;
        self
    }
}

impl Spec for Rendezvous {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State { line: Vec::new(), served: Vec::new(), senders: self.senders, closed: false }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::SendPoll(sender, value, poll) => state.poll_send(sender, value, poll),
            Op::SendCancel(sender) => Some(state.leave(sender)),
            Op::SendStarve(sender) => (state.is_in_line(sender) && !state.closed).then_some(state),
            Op::SenderIsClosed(closed) => (closed == state.closed).then_some(state),
            Op::CloneSender => {
                state.senders += 1;
                Some(state)
            }
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            Op::TryRecv(Ok(value)) | Op::RecvPoll(Poll::Ready(Some(value))) => state.receive(value),
            Op::TryRecv(Err(TryRecvError::Disconnected)) | Op::RecvPoll(Poll::Ready(None)) => {
                state.receive_nothing(true)
            }
            Op::TryRecv(Err(TryRecvError::Empty))
            | Op::RecvPoll(Poll::Pending)
            | Op::RecvStarve => state.receive_nothing(false),
            Op::RecvCancel => Some(state),
            Op::Len(len) => {
                let waiting = if state.closed { 0 } else { state.line.len() };
                (len == waiting).then_some(state)
            }
            Op::ReceiverIsClosed(closed) => (closed == state.is_ended()).then_some(state),
            Op::Close | Op::DropReceiver => Some(state.close()),
        }
    }
}
