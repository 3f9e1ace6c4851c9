//! The sequential specification.
//!
//! # The account
//! A weight is held from before its message is stored until after it was received. So a send has
//! three steps (it takes its room, then a place, then stores the message), and a receive has three
//! as well (it takes the message, gives the weight back, and grants what is free). What is held and
//! granted is at most the maximum, unless a message is alone or the maximum was lowered.
//!
//! # Waiting in line
//! A send that was polled and is pending is in line. What is free is *granted* from the front, as
//! long as the next one fits: a heavy message is not overtaken by a light one. A newcomer finds
//! room only if no sender waits that was granted nothing. As of a queue (`queue::spec`), a grant
//! that is not claimed lapses after [`GRACE`] refusals. From then on it is not known which sender
//! was granted its room, and when: the order in line is not checked, and what is held only by the
//! highest maximum there was. A send that fails in the end may have held its weight in between.
//!
//! # The maximum
//! A sender that takes no lock looks at the maximum in one step, and at the account in another one:
//! a maximum that changes in between may still count for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::Spec;

/// What a message weighs.
#[must_use]
pub fn weight(value: u8) -> usize {
    [1, 2, 3, 5][usize::from(value % 4)]
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Refused {
    Full,
    Closed,
    TooHeavy,
}

/// A step of an operation, with its result. Senders are known by numbers.
#[derive(Clone, Debug)]
pub enum Op {
    /// A sender looks at the account and at the maximum, without a lock.
    Look(usize),
    /// A send of this weight that is ready in the end may have been in line before.
    PerhapsEnter(usize, usize),
    /// What is free is granted to those in line.
    Grant,
    /// A sender takes room for this weight.
    TakeRoom(usize, usize),
    /// And a place in the queue, which delays the end.
    TakePlace(usize),
    /// And stores its message there.
    Store(usize, u8),
    /// A send of this weight that fails may have taken room before.
    PerhapsTakeRoom(usize, usize),
    /// A sender does not get what it wanted.
    Refuse(usize, usize, Refused),
    /// A send of this weight is pending.
    Wait(usize, usize),
    /// A send is dropped.
    Cancel(usize),
    /// A send sleeps when all is over.
    Starve(usize),
    /// A permit of this sender keeps only so much of its room.
    Shrink(usize, usize),
    /// A permit is dropped: its place.
    Release(usize),
    /// The weight that is held.
    Weight(usize),
    /// The maximum is set.
    SetMax(usize),
    /// Whether the channel is closed.
    IsClosed(bool),
    /// A sender is dropped.
    DropSender,
    /// The receiver takes this message.
    Take(u8),
    /// And gives this much back.
    GiveBack(usize),
    /// The receiver finds no message now; or sleeps.
    Empty,
    /// The receiver finds that there will be none any more.
    End,
    /// The receiver sleeps when all is over.
    RecvStarve,
    /// A drop of a receive.
    RecvCancel,
    /// The number of messages.
    Len(usize),
    /// The first step of closing: no message is sent any more.
    Close,
    /// The second step: no room is granted any more.
    CloseLine,
    /// The receiver is gone, and what is left with it.
    Gone,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Weighted {
    /// The maximum.
    pub max: usize,
    /// Whether it rejects what is heavier.
    pub rejects: bool,
    /// How many senders there are at the beginning.
    pub senders: usize,
}

/// A sender between two steps, or with a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Holder {
    weight: usize,
    has_place: bool,
}

/// A sender in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiter {
    sender: usize,
    weight: usize,
    granted: bool,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    max: usize,
    highest_max: usize,
    held: usize,
    queue: Vec<u8>,
    holders: BTreeMap<usize, Holder>,
    /// What senders hold that took their room after a lapse, if they did.
    perhaps_held: BTreeMap<usize, usize>,
    line: Vec<Waiter>,
    /// What a sender saw: what is held and granted, and the maximum.
    looked: BTreeMap<usize, (usize, usize)>,
    /// What the receiver has not given back yet.
    owed: usize,
    senders: usize,
    closed: bool,
    line_closed: bool,
    is_gone: bool,
    /// Refusals while only those in line could go on.
    refusals: u8,
}

/// How many refusals it takes at least until a grant that is not claimed lapses.
const GRACE: u8 = 7;

fn fits(weight: usize, taken: usize, max: usize) -> bool {
    taken == 0 || weight <= max.saturating_sub(taken)
}

impl State {
    /// What is held or granted.
    fn taken(&self) -> usize {
        let granted = self.line.iter().filter(|waiter| waiter.granted);
        self.held + granted.map(|waiter| waiter.weight).sum::<usize>()
    }

    fn fits(&self, weight: usize) -> bool {
        fits(weight, self.taken(), self.max)
    }

    /// The first in line that was granted nothing.
    fn first_waiting(&self) -> Option<usize> {
        self.line.iter().position(|waiter| !waiter.granted)
    }

    fn place(&self, sender: usize) -> Option<usize> {
        self.line.iter().position(|waiter| waiter.sender == sender)
    }

    /// Whether the first in line could be granted its room.
    fn has_grantable(&self) -> bool {
        self.first_waiting().is_some_and(|place| self.fits(self.line[place].weight))
    }

    fn grant(mut self) -> Self {
        while let Some(place) = self.first_waiting().filter(|_| self.has_grantable()) {
            self.line[place].granted = true;
        }
        self
    }

    fn lapsed(&self) -> bool {
        self.refusals >= GRACE
    }

    fn refuse(mut self) -> Self {
        if self.queue.is_empty() && self.line.iter().any(|waiter| waiter.granted) {
            self.refusals = self.refusals.saturating_add(1).min(GRACE);
        }
        self
    }

    fn leave(mut self, sender: usize) -> Self {
        self.line.retain(|waiter| waiter.sender != sender);
        self.looked.remove(&sender);
        self
    }

    fn enter(mut self, sender: usize, weight: usize) -> Self {
        let finds_room = self.first_waiting().is_none() && self.fits(weight);
        if !self.line_closed && !finds_room && self.place(sender).is_none() {
            self.line.push(Waiter { sender, weight, granted: false });
        }
        self
    }

    fn may_take(&self, sender: usize, weight: usize) -> bool {
        let looked = self.looked.get(&sender);
        let fits_what_it_saw = looked.is_some_and(|(_, max)| fits(weight, self.taken(), *max));
        match self.place(sender) {
            Some(place) => self.line[place].granted,
            None => self.first_waiting().is_none() && (self.fits(weight) || fits_what_it_saw),
        }
    }

    fn take_room(self, sender: usize, weight: usize) -> Option<Self> {
        let lapsed = self.lapsed() && fits(weight, self.held, self.highest_max);
        let allowed = lapsed || self.may_take(sender, weight);
        let allowed = allowed && !self.holders.contains_key(&sender);
        allowed.then(|| {
            let mut next = self.leave(sender);
            next.held += weight;
            next.holders.insert(sender, Holder { weight, has_place: false });
            next
        })
    }

    /// A send that fails took room if it could. After a lapse that is not known.
    fn perhaps_take_room(mut self, sender: usize, weight: usize) -> Option<Self> {
        if self.lapsed() {
            self.perhaps_held.insert(sender, weight);
            return Some(self);
        }
        if self.may_take(sender, weight) { self.take_room(sender, weight) } else { Some(self) }
    }

    /// Whether this may be held.
    fn may_hold(&self, weight: usize) -> bool {
        let mut possible = BTreeSet::from([self.held]);
        for more in self.perhaps_held.values() {
            let with_it: Vec<_> = possible.iter().map(|held| held + more).collect();
            possible.extend(with_it);
        }
        possible.contains(&weight) || self.is_gone && weight == 0
    }

    fn take_place(mut self, sender: usize) -> Option<Self> {
        let allowed = !self.closed;
        let holder = self.holders.get_mut(&sender).filter(|holder| !holder.has_place)?;
        holder.has_place = true;
        allowed.then_some(self)
    }

    fn store(mut self, sender: usize, value: u8) -> Option<Self> {
        let holder = self.holders.remove(&sender)?;
        self.queue.push(value);
        (holder == Holder { weight: weight(value), has_place: true }).then_some(self)
    }

    /// A sender gives back what it holds, or holds too much.
    fn shrink(mut self, sender: usize, weight: usize) -> Option<Self> {
        let holder = self.holders.get_mut(&sender)?;
        self.held = (self.held + weight).checked_sub(holder.weight)?;
        holder.weight = weight;
        Some(self)
    }

    fn release(mut self, sender: usize) -> Option<Self> {
        self.holders.remove(&sender).is_some_and(|holder| holder.weight == 0).then_some(self)
    }

    fn refuse_sender(self, sender: usize, weight: usize, why: Refused) -> Option<Self> {
        let looked = self.looked.get(&sender);
        let saw_no_room = looked.is_some_and(|(taken, _)| !fits(weight, *taken, self.max));
        let allowed = match why {
            Refused::TooHeavy => weight > self.max,
            Refused::Full => {
                let has_waiting = self.first_waiting().is_some();
                !self.closed && (has_waiting || !self.fits(weight) || saw_no_room || self.lapsed())
            }
            Refused::Closed => self.closed,
        };
        allowed.then(|| {
            let mut next = self.leave(sender).refuse();
            next.perhaps_held.remove(&sender);
            if let Some(holder) = next.holders.remove(&sender) {
                next.held -= holder.weight;
            }
            next
        })
    }

    fn wait(mut self, sender: usize, weight: usize) -> Option<Self> {
        if self.place(sender).is_none() {
            self.line.push(Waiter { sender, weight, granted: false });
        }
        self.looked.remove(&sender);
        let is_granted = self.place(sender).is_some_and(|place| self.line[place].granted);
        let allowed = !self.line_closed && !is_granted && !self.has_grantable();
        (allowed || self.lapsed()).then(|| self.refuse())
    }

    fn starve(self, sender: usize) -> Option<Self> {
        let place = self.place(sender)?;
        let sleeps = !self.line[place].granted && !self.has_grantable() && !self.line_closed;
        (sleeps || self.lapsed()).then_some(self)
    }

    fn take(mut self, value: u8) -> Option<Self> {
        let is_next = self.queue.first() == Some(&value);
        is_next.then(|| {
            self.queue.remove(0);
            self.owed += weight(value);
            self
        })
    }

    fn is_ended(&self) -> bool {
        let promised = self.holders.values().any(|holder| holder.has_place);
        self.senders == 0 || self.closed && !promised
    }
}

impl Spec for Weighted {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        State {
            max: self.max,
            highest_max: self.max,
            held: 0,
            queue: Vec::new(),
            holders: BTreeMap::new(),
            perhaps_held: BTreeMap::new(),
            line: Vec::new(),
            looked: BTreeMap::new(),
            owed: 0,
            senders: self.senders,
            closed: false,
            line_closed: false,
            is_gone: false,
            refusals: 0,
        }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        let mut state = state.clone();
        match *op {
            Op::Look(sender) => {
                state.looked.insert(sender, (state.taken(), state.max));
                Some(state)
            }
            Op::PerhapsEnter(sender, weight) => Some(state.enter(sender, weight)),
            Op::Grant => Some(state.grant()),
            Op::TakeRoom(sender, weight) => state.take_room(sender, weight),
            Op::TakePlace(sender) => state.take_place(sender),
            Op::Store(sender, value) => state.store(sender, value),
            Op::PerhapsTakeRoom(sender, weight) => state.perhaps_take_room(sender, weight),
            Op::Refuse(_, _, Refused::TooHeavy) if !self.rejects => None,
            Op::Refuse(sender, weight, why) => state.refuse_sender(sender, weight, why),
            Op::Wait(sender, weight) => state.wait(sender, weight),
            Op::Cancel(sender) => Some(state.leave(sender).grant()),
            Op::Starve(sender) => state.starve(sender),
            Op::Shrink(sender, weight) => state.shrink(sender, weight),
            Op::Release(sender) => state.release(sender),
            Op::Weight(held) => state.may_hold(held).then_some(state),
            Op::SetMax(max) => {
                state.max = max;
                state.highest_max = state.highest_max.max(max);
                Some(state.grant())
            }
            Op::IsClosed(closed) => (closed == state.closed).then_some(state),
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
        Op::Take(value) => state.take(value),
        Op::GiveBack(weight) => {
            let is_owed = state.owed == weight;
            state.owed = 0;
            state.held = state.held.checked_sub(weight)?;
            is_owed.then_some(state)
        }
        Op::Empty => (state.queue.is_empty() && !state.is_ended()).then(|| state.refuse()),
        Op::End => (state.queue.is_empty() && state.is_ended()).then_some(state),
        Op::RecvStarve => (state.queue.is_empty() && !state.is_ended()).then_some(state),
        Op::Len(len) => (len == state.queue.len()).then_some(state),
        Op::Close => {
            state.closed = true;
            Some(state)
        }
        Op::CloseLine => {
            let is_second = state.closed;
            state.line_closed = true;
            state.line.clear();
            is_second.then_some(state)
        }
        Op::Gone => {
            state.is_gone = state.line_closed;
            state.queue.clear();
            state.is_gone.then_some(state)
        }
        _ => Some(state),
    }
}
