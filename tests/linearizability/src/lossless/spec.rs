//! The sequential specification.
//!
//! # Sending
//! A message is admitted, written and given its position in one step. A send that was polled and is
//! pending is in line. The first of the line, as many as there is room for, are ready when they are
//! polled next, and what they leave is for newcomers. As of a queue (`queue::spec`), a sender in
//! line that does not take its turn loses it after [`GRACE`] refusals. Without a member there is
//! room for every message, and no line.
//!
//! # Receiving has three steps
//! A receiver sees that it is not evicted, borrows the message, and moves on when it has cloned it:
//! then the others find it returned, and the senders learn that there is room. Meanwhile it may be
//! evicted.
//!
//! # Leaving has two
//! A subscriber that drops first lets the senders go on, and then is no receiver of what is sent.
//! One that was evicted does the second when it learns of it.
//!
//! An eviction is two steps, too: the subscriber goes, and then what is free is granted. In
//! between, senders wait although the last member is gone, and a newcomer may meet them and a new
//! member.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;

use levada::broadcast::lossless::error::{RecvError, TryRecvError};

use crate::checker::Spec;

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Refused {
    Full,
    Closed,
}

/// An operation and its result. Senders and receivers are known by numbers.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    TrySend(u8, Result<usize, Refused>),
    /// A poll that is ready in the end may have got in line before.
    PerhapsEnter(usize),
    SendPoll(usize, u8, Poll<Result<usize, ()>>),
    SendCancel(usize),
    SendStarve(usize),
    ReceiverCount(usize),
    /// A new receiver; whether it is a member.
    Subscribe(usize, bool),
    Evict(usize, bool),
    /// The second step of an eviction.
    Grant,
    DropSender,
    /// The first of the three steps of a receive.
    IsNotEvicted(usize),
    /// The second.
    Borrow(usize),
    TryRecv(usize, Result<u8, TryRecvError>),
    RecvPoll(usize, Poll<Result<u8, RecvError>>),
    RecvCancel,
    RecvStarve(usize),
    Lag(usize, u64),
    DropReceiver(usize),
    /// The second step of leaving.
    Leave(usize),
}

/// A new channel with one member, number 0.
#[derive(Clone, Copy, Debug)]
pub struct Lossless {
    /// How far a member may be behind.
    pub capacity: usize,
    /// How many senders there are at the beginning.
    pub senders: usize,
}

/// How many refusals it takes at least until a turn that is not taken goes to another sender.
const GRACE: u8 = 7;

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    capacity: usize,
    sent: Vec<u8>,
    senders: usize,
    /// The position that each receiver reads next, or read last.
    positions: BTreeMap<usize, usize>,
    /// Those that a message is for.
    receivers: BTreeSet<usize>,
    /// Those that hold the senders back.
    members: BTreeSet<usize>,
    /// Those that do not.
    observers: BTreeSet<usize>,
    evicted: BTreeSet<usize>,
    /// The position that a receiver has borrowed.
    borrowed: BTreeMap<usize, usize>,
    /// Senders that wait, in order.
    line: Vec<usize>,
    /// Refusals while only those in line could go on.
    refusals: u8,
}

impl State {
    /// Messages sent since the receiver read.
    fn behind(&self, receiver: usize) -> usize {
        self.sent.len() - self.positions[&receiver]
    }

    /// How many messages the ring keeps.
    fn kept(&self) -> usize {
        self.capacity.next_power_of_two()
    }

    fn room(&self) -> usize {
        let behind = self.members.iter().map(|member| self.behind(*member));
        behind.max().map_or(usize::MAX, |behind| self.capacity - behind)
    }

    /// Whether turns may not be kept any more.
    fn lapsed(&self) -> bool {
        self.refusals >= GRACE
    }

    fn refuse(mut self) -> Self {
        if !self.line.is_empty() && self.room() > 0 {
            self.refusals = self.refusals.saturating_add(1).min(GRACE);
        }
        self
    }

    /// Whether a sender may send now.
    fn has_turn(&self, sender: Option<usize>) -> bool {
        let place = self.line.iter().position(|other| Some(*other) == sender);
        let ahead = place.unwrap_or(self.line.len());
        ahead < self.room() || self.lapsed() && self.room() > 0
    }

    /// Whether a sender may find no room.
    fn may_refuse(&self, sender: Option<usize>) -> bool {
        let in_line = sender.is_some_and(|sender| self.line.contains(&sender));
        let passed = !in_line && !self.line.is_empty();
        !self.members.is_empty() && (!self.has_turn(sender) || passed || self.lapsed())
    }

    fn leave_line(&mut self, sender: Option<usize>) {
        self.line.retain(|other| Some(*other) != sender);
    }

    fn send(mut self, sender: Option<usize>, value: u8, result: Result<usize, ()>) -> Option<Self> {
        let allowed = match result {
            Ok(count) => count > 0 && count == self.receivers.len() && self.has_turn(sender),
            Err(()) => self.receivers.is_empty(),
        };
        if result.is_ok() {
            self.sent.push(value);
        }
        self.leave_line(sender);
        allowed.then_some(self)
    }

    /// A sender gets, or stays, in line.
    fn wait(mut self, sender: usize) -> Option<Self> {
        let allowed = !self.receivers.is_empty() && self.may_refuse(Some(sender));
        self.enter(sender);
        allowed.then(|| self.refuse())
    }

    fn enter(&mut self, sender: usize) {
        if !self.members.is_empty() && !self.line.contains(&sender) {
            self.line.push(sender);
        }
    }

    fn borrow(mut self, receiver: usize) -> Option<Self> {
        let is_there = (1..=self.kept()).contains(&self.behind(receiver));
        self.borrowed.insert(receiver, self.positions[&receiver]);
        is_there.then_some(self)
    }

    /// Whether another receiver has borrowed what this one reads next.
    fn is_borrowed(&self, receiver: usize) -> bool {
        self.borrowed.values().any(|position| *position == self.positions[&receiver])
    }

    fn receive(mut self, receiver: usize, result: &Result<u8, TryRecvError>) -> Option<Self> {
        if *result == Err(TryRecvError::Evicted) {
            return self.evicted.contains(&receiver).then_some(self);
        }
        let (behind, kept) = (self.behind(receiver), self.kept());
        let missed = behind.saturating_sub(kept);
        let next = self.positions.get_mut(&receiver).expect("it is there");
        let allowed = match *result {
            Ok(value) => {
                let message = self.sent.get(*next);
                *next += 1;
                self.borrowed.remove(&receiver).is_some() && message == Some(&value)
            }
            Err(TryRecvError::Lagged(told)) => {
                *next += missed;
                missed > 0 && told == missed as u64 && !self.members.contains(&receiver)
            }
            Err(TryRecvError::Closed) => behind == 0 && self.senders == 0,
            Err(TryRecvError::Empty) => behind == 0 && self.senders > 0,
            Err(TryRecvError::Evicted) => false,
        };
        let refuses = *result == Err(TryRecvError::Empty);
        allowed.then(|| if refuses { self.refuse() } else { self })
    }

    /// A subscriber does not hold senders back any more. Whether it was one that was known.
    fn release(&mut self, receiver: usize) -> bool {
        let was_member = self.members.remove(&receiver);
        self.observers.remove(&receiver) || was_member
    }

    /// Without a member no sender waits.
    fn grant(&mut self) {
        if self.members.is_empty() {
            self.line.clear();
        }
    }
}

impl Spec for Lossless {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State {
            capacity: self.capacity,
            sent: Vec::new(),
            senders: self.senders,
            positions: BTreeMap::from([(0, 0)]),
            receivers: BTreeSet::from([0]),
            members: BTreeSet::from([0]),
            observers: BTreeSet::new(),
            evicted: BTreeSet::new(),
            borrowed: BTreeMap::new(),
            line: Vec::new(),
            refusals: 0,
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::TrySend(_, Err(Refused::Full)) => {
                let allowed = !state.receivers.is_empty() && state.may_refuse(None);
                allowed.then(|| state.refuse())
            }
            Op::TrySend(value, result) => state.send(None, value, result.map_err(|_| ())),
            Op::PerhapsEnter(sender) => {
                state.enter(sender);
                Some(state)
            }
            Op::SendPoll(sender, _, Poll::Pending) => state.wait(sender),
            Op::SendPoll(sender, value, Poll::Ready(result)) => {
                state.send(Some(sender), value, result)
            }
            Op::SendCancel(sender) => {
                state.leave_line(Some(sender));
                Some(state)
            }
            Op::SendStarve(sender) => {
                let sleeps = !state.receivers.is_empty() && !state.has_turn(Some(sender));
                sleeps.then_some(state)
            }
            Op::ReceiverCount(count) => (count == state.receivers.len()).then_some(state),
            Op::Subscribe(receiver, is_member) => {
                state.positions.insert(receiver, state.sent.len());
                state.receivers.insert(receiver);
                let kind = if is_member { &mut state.members } else { &mut state.observers };
                kind.insert(receiver);
                Some(state)
            }
            Op::Evict(receiver, result) => {
                let was_known = state.release(receiver);
                if was_known {
                    state.evicted.insert(receiver);
                }
                (result == was_known).then_some(state)
            }
            Op::Grant => {
                state.grant();
                Some(state)
            }
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            _ => self.step_of_receiver(state, op),
        }
    }
}

impl Lossless {
    fn step_of_receiver(&self, mut state: State, op: &Op) -> Option<State> {
        match *op {
            Op::IsNotEvicted(receiver) => (!state.evicted.contains(&receiver)).then_some(state),
            Op::Borrow(receiver) => state.borrow(receiver),
            Op::TryRecv(receiver, ref result) => state.receive(receiver, result),
            Op::RecvPoll(receiver, Poll::Pending) if state.is_borrowed(receiver) => Some(state),
            Op::RecvPoll(receiver, Poll::Pending) | Op::RecvStarve(receiver) => {
                let sleeps = !state.evicted.contains(&receiver);
                sleeps.then(|| state.receive(receiver, &Err(TryRecvError::Empty))).flatten()
            }
            Op::RecvPoll(receiver, Poll::Ready(result)) => {
                state.receive(receiver, &result.map_err(TryRecvError::from))
            }
            Op::Lag(receiver, lag) => (lag == state.behind(receiver) as u64).then_some(state),
            Op::DropReceiver(receiver) => {
                state.release(receiver);
                state.grant();
                Some(state)
            }
            Op::Leave(receiver) => {
                state.receivers.remove(&receiver);
                Some(state)
            }
            // A drop of a future that waits for a message changes nothing.
            _ => Some(state),
        }
    }
}
