//! The sequential specification.
//!
//! # What becomes of a message
//! A message that is sent while there is room is stored, in two steps, as of a queue
//! (`queue::spec`). Else the policy decides, in one step: the incoming message takes the place of
//! the oldest or the newest one, or it is discarded. So each message is stored, evicted or
//! discarded once, and one that was evicted is not received: it is not in the queue any more.
//!
//! # In hand
//! The receiver of mpsc first is given a message, which can be evicted no more, and then takes it.
//! Meanwhile its place is free for what would evict it.
//!
//! # Senders in line
//! The only sender in line is a `send` of which the policy disposes in the same poll. For that
//! moment what is free belongs to it.

use std::collections::BTreeMap;

use levada::mpsc::Overflow;

use crate::checker::Spec;

/// A step of an operation, with its result. Senders are known by numbers.
#[derive(Clone, Debug)]
pub enum Op {
    /// A `send` that finds the channel full is in line before its policy is asked.
    PerhapsEnter(usize),
    /// The first step of the two that store a message. Whether others may be evicted for it, and
    /// how much room `offer` said is left.
    TakeRoom(usize, bool, Option<usize>),
    /// The second step.
    Store(usize, u8),
    /// A sender's message is in the place of another one: the oldest, or the newest.
    Exchange(usize, Overflow, u8, u8),
    /// A sender's message goes. Whether others could have been evicted for it.
    Discard(usize, bool),
    /// A message that was evicted or discarded is counted.
    Count,
    /// How many were counted.
    Evicted(u64),
    /// A sender that does not wait finds no room.
    Full(usize),
    /// No more of a batch is sent, for that reason or since the channel is closed.
    Stop(usize),
    /// A send that fails as the channel is closed may have taken room before.
    PerhapsTakeRoom(usize, bool),
    /// A sender learns that the channel is closed.
    Fail(usize),
    /// Room for a permit, or none.
    TryReserve(bool),
    /// A permit's message is stored.
    PermitSend(u8),
    /// A permit is dropped.
    PermitDrop,
    /// The number of messages.
    Len(usize),
    /// A sender is dropped.
    DropSender,
    /// The receiver of mpsc is given this message, or was before.
    Give(u8),
    /// A receiver takes this message.
    Take(u8),
    /// The receiver looks at this message, which stays in hand.
    Look(u8),
    /// The receiver finds no message, and does not ask whether there will be one.
    Nothing,
    /// The single receiver leaves no message that can be evicted: it takes all that are there.
    Drained,
    /// A receiver finds no message now; or sleeps.
    Empty,
    /// A receiver finds that there will be none any more.
    End,
    /// A receiver sleeps when all is over.
    Starve,
    /// The channel is closed.
    Close,
    /// A receiver is dropped.
    DropReceiver,
    /// The second step of the last receiver's drop: the messages that are left.
    DropMessages,
    /// A drop of a future that changes nothing.
    Cancel,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Policies {
    /// What it does when it is full.
    pub overflow: Overflow,
    /// How many messages it has room for.
    pub capacity: usize,
    /// How many senders there are at the beginning.
    pub senders: usize,
    /// How many receivers.
    pub receivers: usize,
    /// Whether it is mpmc, whose receivers have nothing in hand.
    pub many: bool,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    capacity: usize,
    many: bool,
    /// What the receiver was given.
    hand: Vec<u8>,
    queue: Vec<u8>,
    reserved: usize,
    /// Senders between the two steps.
    storing: Vec<usize>,
    /// Senders in line.
    line: Vec<usize>,
    /// The last message of each sender that was stored: its messages are numbered in order.
    last: BTreeMap<usize, u8>,
    senders: usize,
    receivers: usize,
    closed: bool,
    evicted: u64,
}

impl State {
    /// Room for a message that is sent now; `beside` what the receiver has in hand.
    fn room(&self, beside: bool) -> usize {
        let taken = self.queue.len() + self.reserved;
        let free = self.capacity.saturating_sub(taken + self.hand.len());
        if self.line.len() > free {
            return 0;
        }
        let hand = if beside { 0 } else { self.hand.len() };
        self.capacity.saturating_sub(taken + hand + self.line.len())
    }

    /// Whether there is room, for a sender that may evict.
    fn may_take(&self, evicts: bool) -> bool {
        self.room(false) > 0 || evicts && !self.many && self.room(true) > 0
    }

    fn leave(mut self, sender: usize) -> Self {
        self.line.retain(|other| *other != sender);
        self
    }

    fn enter(mut self, sender: usize) -> Self {
        if !self.closed && self.room(false) == 0 && !self.line.contains(&sender) {
            self.line.push(sender);
        }
        self
    }

    fn take_room(self, sender: usize, evicts: bool, free: Option<usize>) -> Option<Self> {
        let mut next = self.leave(sender);
        let left = next.room(false).saturating_sub(1);
        let allowed = !next.closed && next.may_take(evicts) && free.is_none_or(|free| free == left);
        next.reserved += 1;
        next.storing.push(sender);
        allowed.then_some(next)
    }

    /// The messages of a sender are sent in order.
    fn in_order(&mut self, sender: usize, value: u8) -> bool {
        self.last.insert(sender, value).is_none_or(|before| before < value)
    }

    fn push(&mut self, value: u8) {
        if self.receivers > 0 {
            self.queue.push(value);
        }
    }

    fn store(mut self, sender: usize, value: u8) -> Option<Self> {
        let place = self.storing.iter().position(|other| *other == sender)?;
        self.storing.remove(place);
        self.reserved -= 1;
        self.push(value);
        self.in_order(sender, value).then_some(self)
    }

    fn exchange(self, sender: usize, which: Overflow, new: u8, gone: u8) -> Option<Self> {
        let mut next = self.leave(sender);
        let place = match which {
            Overflow::EvictOldest => 0,
            Overflow::EvictNewest => next.queue.len().checked_sub(1)?,
            Overflow::Wait | Overflow::DiscardIncoming => return None,
        };
        let is_it = next.queue.get(place) == Some(&gone);
        let allowed = is_it && !next.closed && !next.may_take(true) && next.in_order(sender, new);
        allowed.then(|| {
            next.queue.remove(place);
            next.queue.push(new);
            next
        })
    }

    fn discard(self, sender: usize, evicts: bool) -> Option<Self> {
        let next = self.leave(sender);
        let nothing_goes = !evicts || next.queue.is_empty();
        (!next.closed && !next.may_take(evicts) && nothing_goes).then_some(next)
    }

    fn fail(self, sender: usize) -> Option<Self> {
        let mut next = self.leave(sender);
        if let Some(place) = next.storing.iter().position(|other| *other == sender) {
            next.storing.remove(place);
            next.reserved -= 1;
        }
        next.closed.then_some(next)
    }

    fn give(mut self, value: u8) -> Option<Self> {
        let is_given = self.hand.contains(&value);
        if !is_given && self.queue.first() == Some(&value) {
            self.queue.remove(0);
            self.hand.push(value);
            return Some(self);
        }
        is_given.then_some(self)
    }

    fn take(mut self, value: u8) -> Option<Self> {
        let from = if self.many { &mut self.queue } else { &mut self.hand };
        if from.first() != Some(&value) {
            return None;
        }
        from.remove(0);
        Some(self)
    }

    fn is_ended(&self) -> bool {
        self.senders == 0 || self.closed && self.reserved == 0
    }

    /// Whether a receiver may find nothing: one message may be promised to each other one.
    fn may_be_empty(&self) -> bool {
        self.hand.is_empty() && self.queue.len() < self.receivers.max(1)
    }

    fn len(&self) -> usize {
        self.hand.len() + self.queue.len()
    }
}

impl Spec for Policies {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State {
            capacity: self.capacity,
            many: self.many,
            hand: Vec::new(),
            queue: Vec::new(),
            reserved: 0,
            storing: Vec::new(),
            line: Vec::new(),
            last: BTreeMap::new(),
            senders: self.senders,
            receivers: self.receivers,
            closed: false,
            evicted: 0,
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::PerhapsEnter(sender) => Some(state.enter(sender)),
            Op::TakeRoom(sender, evicts, free) => state.take_room(sender, evicts, free),
            Op::Store(sender, value) => state.store(sender, value),
            Op::Exchange(sender, which, new, gone) => state.exchange(sender, which, new, gone),
            Op::Discard(sender, evicts) => state.discard(sender, evicts),
            Op::Count => {
                state.evicted += 1;
                Some(state)
            }
            Op::Evicted(evicted) => (evicted == state.evicted).then_some(state),
            Op::Full(_) => (!state.closed && state.room(false) == 0).then_some(state),
            Op::Stop(_) => (state.closed || state.room(false) == 0).then_some(state),
            Op::PerhapsTakeRoom(sender, evicts) => {
                if state.closed {
                    Some(state)
                } else {
                    state.take_room(sender, evicts, None)
                }
            }
            Op::Fail(sender) => state.fail(sender),
            Op::TryReserve(false) => (state.closed || state.room(false) == 0).then_some(state),
            Op::TryReserve(true) => {
                let allowed = !state.closed && state.room(false) > 0;
                state.reserved += 1;
                allowed.then_some(state)
            }
            Op::PermitSend(value) => {
                state.reserved -= 1;
                state.push(value);
                Some(state)
            }
            Op::PermitDrop => {
                state.reserved -= 1;
                Some(state)
            }
            Op::Len(len) => (len == state.len() || state.receivers == 0).then_some(state),
            Op::DropSender => {
                state.senders -= 1;
                Some(state)
            }
            _ => step_of_receiver(state, op),
        }
    }
}

fn step_of_receiver(mut state: State, op: &Op) -> Option<State> {
    match *op {
        Op::Give(value) => state.give(value),
        Op::Take(value) => state.take(value),
        Op::Look(value) => (state.hand.first() == Some(&value)).then_some(state),
        Op::Drained => state.queue.is_empty().then_some(state),
        Op::Nothing => state.may_be_empty().then_some(state),
        Op::Empty => {
            let ended = state.len() == 0 && state.is_ended() && state.line.is_empty();
            (state.may_be_empty() && !ended).then_some(state)
        }
        Op::End => (state.len() == 0 && state.is_ended()).then_some(state),
        Op::Starve => (state.len() == 0 && !state.is_ended()).then_some(state),
        Op::Close => {
            state.closed = true;
            Some(state)
        }
        Op::DropReceiver => {
            state.receivers -= 1;
            state.closed |= state.receivers == 0;
            Some(state)
        }
        Op::DropMessages => {
            if state.receivers == 0 {
                state.hand.clear();
                state.queue.clear();
            }
            Some(state)
        }
        _ => Some(state),
    }
}
