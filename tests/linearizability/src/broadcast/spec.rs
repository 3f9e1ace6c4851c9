//! The sequential specification.
//!
//! # Receiving has two steps
//! A receiver borrows the message, clones it, and gives it back. Meanwhile it counts as not read,
//! and who wants the same message and does not wait for it is pending although it is there. If the
//! message is overwritten meanwhile, the receiver gets it all the same.
//!
//! # So has the drop of a receiver
//! It leaves, and then gives up the messages it has not read, one by one. Meanwhile the length is
//! anything between that with them and that without.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::task::Poll;

use levada::broadcast::error::{RecvError, TryRecvError};

use crate::checker::Spec;

/// An operation and its result. Receivers are known by numbers.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    Send(u8, Result<usize, ()>),
    Len(usize),
    IsEmpty(bool),
    ReceiverCount(usize),
    Subscribe(usize),
    DropSender,
    /// The first step of the two that get a message.
    Borrow(usize),
    TryRecv(usize, Result<u8, TryRecvError>),
    RecvPoll(usize, Poll<Result<u8, RecvError>>),
    RecvCancel,
    RecvStarve(usize),
    ReceiverLen(usize, usize),
    ReceiverIsClosed(bool),
    DropReceiver(usize),
    /// The second step of a receiver's drop.
    GiveUp(usize),
}

/// A new channel with one receiver, number 0.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast {
    /// How many of the newest messages it keeps: a power of two.
    pub capacity: usize,
    /// How many senders there are at the beginning.
    pub senders: usize,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    capacity: usize,
    sent: Vec<u8>,
    senders: usize,
    /// The position that each receiver reads next.
    receivers: BTreeMap<usize, usize>,
    /// The position that a receiver has borrowed.
    borrowed: BTreeMap<usize, usize>,
    /// Receivers between the two steps of their drop, and the first message each has not read.
    leaving: BTreeMap<usize, usize>,
}

impl State {
    /// Messages sent since the receiver read.
    fn behind(&self, receiver: usize) -> usize {
        self.sent.len() - self.receivers[&receiver]
    }

    /// How many messages somebody has yet to read: at least, and at most.
    fn len(&self) -> RangeInclusive<usize> {
        let unread = |receivers: &BTreeMap<usize, usize>| {
            let behind = receivers.values().map(|next| self.sent.len() - next).max();
            behind.unwrap_or(0).min(self.capacity)
        };
        let least = unread(&self.receivers);
        least..=least.max(unread(&self.leaving))
    }

    fn send(mut self, value: u8, result: Result<usize, ()>) -> Option<Self> {
        match result {
            Ok(count) => (count > 0 && count == self.receivers.len()).then(|| {
                self.sent.push(value);
                self
            }),
            Err(()) => self.receivers.is_empty().then_some(self),
        }
    }

    fn borrow(mut self, receiver: usize) -> Option<Self> {
        let is_there = (1..=self.capacity).contains(&self.behind(receiver));
        self.borrowed.insert(receiver, self.receivers[&receiver]);
        is_there.then_some(self)
    }

    /// Whether another receiver has borrowed what this one reads next.
    fn is_borrowed(&self, receiver: usize) -> bool {
        self.borrowed.values().any(|position| *position == self.receivers[&receiver])
    }

    fn receive(mut self, receiver: usize, result: &Result<u8, TryRecvError>) -> Option<Self> {
        let behind = self.behind(receiver);
        let missed = behind.saturating_sub(self.capacity);
        let next = self.receivers.get_mut(&receiver).expect("it is there");
        let allowed = match *result {
            Ok(value) => {
                let message = self.sent.get(*next);
                *next += 1;
                self.borrowed.remove(&receiver).is_some() && message == Some(&value)
            }
            Err(TryRecvError::Lagged(told)) => {
                *next += missed;
                missed > 0 && told == missed as u64
            }
            Err(TryRecvError::Closed) => behind == 0 && self.senders == 0,
            Err(TryRecvError::Empty) => behind == 0 && self.senders > 0,
        };
        allowed.then_some(self)
    }
}

impl Spec for Broadcast {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State {
            capacity: self.capacity,
            sent: Vec::new(),
            senders: self.senders,
            receivers: BTreeMap::from([(0, 0)]),
            borrowed: BTreeMap::new(),
            leaving: BTreeMap::new(),
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::Send(value, result) => state.send(value, result),
            Op::Len(len) => state.len().contains(&len).then_some(state),
            Op::IsEmpty(true) => (*state.len().start() == 0).then_some(state),
            Op::IsEmpty(false) => (*state.len().end() > 0).then_some(state),
            Op::ReceiverCount(count) => (count == state.receivers.len()).then_some(state),
            Op::Subscribe(receiver) => {
                state.receivers.insert(receiver, state.sent.len());
                Some(state)
            }
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            Op::Borrow(receiver) => state.borrow(receiver),
            Op::TryRecv(receiver, ref result) => state.receive(receiver, result),
            Op::RecvPoll(receiver, Poll::Pending) if state.is_borrowed(receiver) => Some(state),
            Op::RecvPoll(receiver, ref poll) => {
                let result = match poll {
                    Poll::Ready(Ok(value)) => Ok(*value),
                    Poll::Ready(Err(RecvError::Lagged(missed))) => {
                        Err(TryRecvError::Lagged(*missed))
                    }
                    Poll::Ready(Err(RecvError::Closed)) => Err(TryRecvError::Closed),
                    Poll::Pending => Err(TryRecvError::Empty),
                };
                state.receive(receiver, &result)
            }
            Op::RecvCancel => Some(state),
            Op::RecvStarve(receiver) => state.receive(receiver, &Err(TryRecvError::Empty)),
            Op::ReceiverLen(receiver, len) => (len == state.behind(receiver)).then_some(state),
            Op::ReceiverIsClosed(closed) => (closed == (state.senders == 0)).then_some(state),
            Op::DropReceiver(receiver) => {
                let next = state.receivers.remove(&receiver)?;
                if next < state.sent.len() {
                    state.leaving.insert(receiver, next);
                }
                Some(state)
            }
            Op::GiveUp(receiver) => {
                state.leaving.remove(&receiver);
                (!state.receivers.contains_key(&receiver)).then_some(state)
            }
        }
    }
}
