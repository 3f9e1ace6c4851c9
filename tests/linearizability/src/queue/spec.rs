//! The sequential specification.
//!
//! # Sending has two steps
//! A send takes its room and then stores the message, as if with a permit: in between it may have
//! to allocate. So the message's room can be taken a moment before the message is there.
//!
//! # Waiting in line
//! A send that was polled and is pending is in line. Free capacity belongs to those in front: the
//! first `free` of the line are ready when they are polled next, and what they leave is
//! [`available`](State::available) to newcomers.
//!
//! A sender in line that does not take what belongs to it loses it after a while, if nothing else
//! can happen in the channel. When that is, is the channel's affair (it counts refusals); here it
//! is allowed after [`GRACE`] refusals of anybody, and from then on the order in line is not
//! checked. A sender of a program takes what it was woken for, so few histories get there.
//!
//! # Receiving has two steps
//! A receive takes its messages and then grants what is free to the line. A newcomer that comes in
//! between may find that senders wait beside messages, and is refused, although there is room for
//! all of them.
//!
//! # Receivers
//! Each other receiver may wait, and then one message is promised to it, which is not there for
//! this one. Whether the others wait the specification does not follow.

use std::task::Poll;

use levada::mpsc::error::{TryRecvError, TrySendError};

use crate::checker::Spec;

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Refused {
    Full,
    Closed,
}

impl<T> From<TrySendError<T>> for Refused {
    fn from(error: TrySendError<T>) -> Self {
        match error {
            TrySendError::Full(_) => Self::Full,
            TrySendError::Closed(_) => Self::Closed,
        }
    }
}

/// An operation and its result. Senders are known by numbers.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the channel's functions; the last field is the result")]
pub enum Op {
    /// The first step of the two that send a message.
    TakeRoom(usize),
    /// A poll that is ready in the end may have got in line before, and been passed there.
    PerhapsEnter(usize),
    /// A send that fails as the channel is closed may have taken room before, and gives it back.
    PerhapsTakeRoom(usize),
    TrySend(usize, u8, Result<(), Refused>),
    SendPoll(usize, u8, Poll<Result<(), ()>>),
    SendCancel(usize),
    SendStarve(usize),
    TryReserve(Result<(), Refused>),
    PermitSend(u8),
    PermitDrop,
    SenderIsClosed(bool),
    Capacity(usize),
    CloneSender,
    DropSender,
    TryRecv(Result<u8, TryRecvError>),
    RecvPoll(Poll<Option<u8>>),
    /// The first step of `recv_many`: how many messages it is going to take, at most so many. Those
    /// that are sent before the second step are not among them.
    CountMany(usize, usize),
    RecvManyPoll(Poll<Vec<u8>>),
    /// The last step of a receive that got messages.
    Grant,
    RecvCancel,
    RecvStarve,
    Len(usize),
    IsEmpty(bool),
    ReceiverIsClosed(bool),
    Close,
    DropReceiver,
    /// The second step of the last receiver's drop: the messages that are left.
    DropMessages,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// How many messages it has room for.
    pub capacity: usize,
    /// How many senders there are at the beginning.
    pub senders: usize,
    /// How many receivers.
    pub receivers: usize,
    /// Whether a message is promised to a receiver that waits (mpmc).
    pub promises: bool,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    capacity: usize,
    queue: Vec<u8>,
    reserved: usize,
    /// Senders between the two steps.
    storing: Vec<usize>,
    /// Senders that wait, in order.
    line: Vec<usize>,
    /// Those to whom capacity belonged when the channel was closed: they hold back the end.
    holders: Vec<usize>,
    senders: usize,
    receivers: usize,
    promises: bool,
    closed: bool,
    /// Receives that have not granted yet.
    granting: usize,
    /// Refusals while only those in line could go on.
    refusals: u8,
}

/// How many refusals it takes at least until capacity that is not taken goes to somebody else: the
/// eighth attempt gets it.
const GRACE: u8 = 7;

impl State {
    fn free(&self) -> usize {
        self.capacity - self.queue.len() - self.reserved
    }

    /// What a newcomer finds.
    fn available(&self) -> usize {
        self.free().saturating_sub(self.line.len())
    }

    /// Whether promises may not be kept any more.
    fn lapsed(&self) -> bool {
        self.refusals >= GRACE
    }

    fn may_take(&self) -> bool {
        self.available() > 0 || self.lapsed() && self.free() > 0
    }

    fn may_refuse(&self) -> bool {
        self.available() == 0 || self.lapsed() && !self.line.is_empty()
    }

    fn is_ended(&self) -> bool {
        self.senders == 0 || self.closed && self.reserved == 0 && self.holders.is_empty()
    }

    /// Whether a receive is sure to free room: there is a message that is promised to no receiver.
    fn frees_room(&self) -> bool {
        self.queue.len() > if self.promises { self.receivers } else { 0 }
    }

    /// Counts a refusal.
    pub(crate) fn refuse(mut self) -> Self {
        let promised = !self.line.is_empty() && self.free() > 0 || !self.holders.is_empty();
        if !self.frees_room() && promised {
            self.refusals = self.refusals.saturating_add(1).min(GRACE);
        }
        self
    }

    fn push(mut self, value: u8) -> Self {
        if self.receivers > 0 {
            self.queue.push(value);
        }
        self
    }

    fn close(mut self) -> Self {
        if !self.closed {
            self.closed = true;
            let free = self.free();
            self.holders = self.line.drain(..).take(free).collect();
        }
        self
    }

    fn leave(mut self, sender: usize) -> Self {
        self.line.retain(|other| *other != sender);
        self.holders.retain(|other| *other != sender);
        self
    }

    fn perhaps_enter(mut self, sender: usize) -> Self {
        if !self.closed && !self.line.contains(&sender) {
            self.line.push(sender);
        }
        self
    }

    fn perhaps_take_room(self, sender: usize) -> Option<Self> {
        if self.closed { Some(self) } else { self.take_room(sender) }
    }

    fn take_room(self, sender: usize) -> Option<Self> {
        let place = self.line.iter().position(|other| *other == sender);
        let has_turn = place.is_some_and(|place| place < self.free());
        let allowed = has_turn || place.is_none() && self.may_take();
        let allowed = allowed || self.lapsed() && self.free() > 0;
        (allowed && !self.closed).then(|| {
            let mut next = self.leave(sender);
            next.reserved += 1;
            next.storing.push(sender);
            next
        })
    }

    fn store(mut self, sender: usize, value: u8) -> Option<Self> {
        let place = self.storing.iter().position(|other| *other == sender)?;
        self.storing.remove(place);
        self.reserved -= 1;
        Some(self.push(value))
    }

    /// A sender is told that the channel is closed.
    fn fail(self, sender: usize) -> Option<Self> {
        self.closed.then(|| {
            let mut next = self.leave(sender);
            if let Some(place) = next.storing.iter().position(|other| *other == sender) {
                next.storing.remove(place);
                next.reserved -= 1;
            }
            next
        })
    }

    /// A sender that does not wait is told that the channel is full.
    fn refuse_newcomer(self) -> Option<Self> {
        let seems_full = self.granting > 0 && !self.line.is_empty() && !self.queue.is_empty();
        (!self.closed && (self.may_refuse() || seems_full)).then(|| self.refuse())
    }

    fn try_reserve(mut self) -> Option<Self> {
        let allowed = !self.closed && self.may_take();
        self.reserved += 1;
        allowed.then_some(self)
    }

    /// A sender gets, or stays, in line.
    fn wait(mut self, sender: usize) -> Option<Self> {
        let place = self.line.iter().position(|other| *other == sender);
        let refused = place.map_or(self.may_refuse(), |place| place >= self.free());
        let allowed = !self.closed && (refused || self.lapsed());
        if place.is_none() {
            self.line.push(sender);
        }
        allowed.then(|| self.refuse())
    }

    /// Whether a receiver may get so many messages of those that it is allowed.
    fn may_receive(&self, count: usize, limit: usize) -> bool {
        let unpromised = self.queue.len().saturating_sub(self.receivers.saturating_sub(1));
        (limit.min(unpromised)..=limit.min(self.queue.len())).contains(&count)
    }

    fn receive(mut self, value: u8) -> Option<Self> {
        let is_next = self.queue.first() == Some(&value);
        is_next.then(|| {
            self.queue.remove(0);
            self
        })
    }

    /// The first step of a receive that gets these messages; or it is the end.
    fn receive_all(mut self, values: &[u8]) -> Option<Self> {
        if values.is_empty() {
            return self.end();
        }
        self.granting += 1;
        values.iter().try_fold(self, |state, value| state.receive(*value))
    }

    /// A receiver is told that there is nothing now.
    fn receive_nothing(self) -> Option<Self> {
        let ended = self.queue.is_empty() && self.is_ended() && !self.lapsed();
        (self.may_receive(0, 1) && !ended).then(|| self.refuse())
    }

    /// A receiver is told that there will be nothing any more.
    fn end(self) -> Option<Self> {
        let lapsed = self.lapsed() && self.closed && self.reserved == 0;
        (self.queue.is_empty() && (self.is_ended() || lapsed)).then_some(self)
    }

    fn starve_sender(self, sender: usize) -> Option<Self> {
        let place = self.line.iter().position(|other| *other == sender);
        place.is_some_and(|place| place >= self.free()).then_some(self)
    }

    fn drop_receiver(mut self) -> Self {
        self.receivers -= 1;
        if self.receivers > 0 { self } else { self.close() }
    }

    /// The messages that are left after the last receiver go one by one.
    fn drop_messages(mut self) -> Self {
        if self.receivers == 0 {
            self.queue.clear();
        }
        self
    }

    fn has_room(&self, room: usize) -> bool {
        let some = self.lapsed() && room <= self.free();
        // Nobody is left to whom it would matter.
        let any = self.receivers == 0 && room <= self.capacity;
        room == self.available() || some || any
    }
}

impl Spec for Queue {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State {
            capacity: self.capacity,
            queue: Vec::new(),
            reserved: 0,
            storing: Vec::new(),
            line: Vec::new(),
            holders: Vec::new(),
            senders: self.senders,
            receivers: self.receivers,
            promises: self.promises,
            closed: false,
            granting: 0,
            refusals: 0,
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::TakeRoom(sender) => state.take_room(sender),
            Op::TrySend(sender, value, Ok(()))
            | Op::SendPoll(sender, value, Poll::Ready(Ok(()))) => state.store(sender, value),
            Op::PerhapsEnter(sender) => Some(state.perhaps_enter(sender)),
            Op::PerhapsTakeRoom(sender) => state.perhaps_take_room(sender),
            Op::TrySend(sender, _, Err(Refused::Closed))
            | Op::SendPoll(sender, _, Poll::Ready(Err(()))) => state.fail(sender),
            Op::TrySend(_, _, Err(Refused::Full)) | Op::TryReserve(Err(Refused::Full)) => {
                state.refuse_newcomer()
            }
            Op::TryReserve(Err(Refused::Closed)) => state.closed.then_some(state),
            Op::SendPoll(sender, _, Poll::Pending) => state.wait(sender),
            Op::SendCancel(sender) => Some(state.leave(sender)),
            Op::SendStarve(sender) => state.starve_sender(sender),
            Op::TryReserve(Ok(())) => state.try_reserve(),
            Op::PermitSend(value) => {
                state.reserved -= 1;
                Some(state.push(value))
            }
            Op::PermitDrop => {
                state.reserved -= 1;
                Some(state)
            }
            Op::SenderIsClosed(closed) => (closed == state.closed).then_some(state),
            Op::Capacity(room) => state.has_room(room).then_some(state),
            Op::CloneSender => {
                state.senders += 1;
                Some(state)
            }
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            Op::TryRecv(Ok(value)) | Op::RecvPoll(Poll::Ready(Some(value))) => {
                state.receive_all(&[value])
            }
            Op::CountMany(limit, count) => state.may_receive(count, limit).then_some(state),
            Op::RecvManyPoll(Poll::Ready(ref values)) => state.receive_all(values),
            Op::Grant => {
                state.granting = state.granting.checked_sub(1)?;
                Some(state)
            }
            Op::TryRecv(Err(TryRecvError::Disconnected)) | Op::RecvPoll(Poll::Ready(None)) => {
                state.end()
            }
            Op::TryRecv(Err(TryRecvError::Empty))
            | Op::RecvPoll(Poll::Pending)
            | Op::RecvManyPoll(Poll::Pending) => state.receive_nothing(),
            // One of several receivers counts as if it had found nothing: its task may make a new
            // receive for each poll.
            Op::RecvCancel => Some(if state.promises { state.refuse() } else { state }),
            Op::RecvStarve => (state.queue.is_empty() && !state.is_ended()).then_some(state),
            Op::Len(len) => (len == state.queue.len()).then_some(state),
            Op::IsEmpty(empty) => (empty == state.queue.is_empty()).then_some(state),
            Op::ReceiverIsClosed(closed) => {
                (closed == (state.closed || state.senders == 0)).then_some(state)
            }
            Op::Close => Some(state.close()),
            Op::DropReceiver => Some(state.drop_receiver()),
            Op::DropMessages => Some(state.drop_messages()),
        }
    }
}
