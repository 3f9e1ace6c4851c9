//! The sequential specification.
//!
//! # Each lane is a queue
//! What senders do in a lane is specified by [`crate::queue`], with all its steps.
//!
//! # Receiving
//! A receive has a step for each lane that it asks. First it learns the order from the discipline;
//! then it asks the lanes in that order, and takes the message of the first that has one; then it
//! notes for the discipline which lane was served. So the lanes that come before the one that it
//! takes from each had nothing when they were asked, which is all that can be said of the order
//! between two lanes: both are not looked at in one step. With one receiver nothing comes between
//! the order and the note, and the turns of [`Serve::Weighted`] are exact; several receivers share
//! them, each with steps of its own.
//!
//! A receive may ask each lane twice: once, and again before it goes to sleep. One look is
//! recorded; the other one counts as a refusal of the lane.

use std::collections::BTreeMap;

use levada::mpsc::error::TryRecvError;
use levada::mpsc::lanes::Serve;

use crate::checker::Spec;
use crate::queue::{self, Queue};

/// How many lanes a channel has.
pub const LANES: usize = 2;

/// A step of an operation, with its result. Receivers are known by numbers.
#[derive(Clone, Debug)]
pub enum Op {
    /// A step in one lane.
    Lane(usize, queue::Op),
    /// A receiver learns in which order to ask the lanes.
    Order(usize),
    /// A receiver has asked the lanes before this one, and found nothing in the next of them.
    Skip(usize, usize),
    /// A receiver takes this message of this lane.
    Take(usize, usize, u8),
    /// And notes that this lane was served, and grants what is free in it.
    Note(usize, usize),
    /// A receiver finds nothing in the next lane; or that there will be nothing any more.
    Miss(usize, bool),
    /// A receiver has found nothing in any lane: not now, or not any more.
    Nothing(usize, bool),
    /// A receiver sleeps when all is over.
    Starve,
    /// A drop of a receive.
    Cancel,
}

/// A new channel.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    /// Its lanes.
    pub lanes: [Queue; LANES],
    /// How they are served: strictly, or in turns.
    pub serve: Serve<LANES>,
}

/// A receive between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asking {
    order: [usize; LANES],
    /// How many lanes of the order had nothing.
    asked: usize,
    /// Whether one of them may still get a message.
    open: bool,
    taken: Option<usize>,
}

/// A channel between two operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    lanes: [queue::State; LANES],
    /// What each lane may still give in this round, if it is served in turns.
    left: [u32; LANES],
    asking: BTreeMap<usize, Asking>,
}

impl Lanes {
    fn step_in(&self, state: &State, lane: usize, op: &queue::Op) -> Option<State> {
        let mut next = state.clone();
        next.lanes[lane] = self.lanes[lane].step(&state.lanes[lane], op)?;
        Some(next)
    }

    fn order(&self, left: [u32; LANES]) -> [usize; LANES] {
        let mut order = std::array::from_fn(|lane| lane);
        if matches!(self.serve, Serve::Weighted(_)) {
            order.sort_by_key(|lane| left[*lane] == 0);
        }
        order
    }

    /// The next lane that this receiver asks has nothing, and will have nothing if that `ended`.
    fn miss(&self, state: &State, receiver: usize, ended: bool) -> Option<State> {
        let asking = state.asking.get(&receiver)?;
        let lane = *asking.order.get(asking.asked)?;
        let empty = queue::Op::TryRecv(Err(TryRecvError::Empty));
        let now = self.step_in(state, lane, &empty).filter(|_| !ended);
        let end = queue::Op::TryRecv(Err(TryRecvError::Disconnected));
        let open = now.is_some();
        let mut next = now.or_else(|| self.step_in(state, lane, &end))?;
        let asking = next.asking.get_mut(&receiver)?;
        asking.asked += 1;
        asking.open |= open;
        Some(next)
    }

    fn skip(&self, state: &State, receiver: usize, lane: usize) -> Option<State> {
        let asking = state.asking.get(&receiver)?;
        let is_next = asking.order.get(asking.asked) == Some(&lane);
        if is_next { Some(state.clone()) } else { self.miss(state, receiver, false) }
    }

    fn take(&self, state: &State, receiver: usize, lane: usize, value: u8) -> Option<State> {
        let mut next = self.step_in(state, lane, &queue::Op::TryRecv(Ok(value)))?;
        let asking = next.asking.get_mut(&receiver)?;
        let is_next = asking.taken.is_none() && asking.order.get(asking.asked) == Some(&lane);
        asking.taken = Some(lane);
        is_next.then_some(next)
    }

    fn note(&self, state: &State, receiver: usize, lane: usize) -> Option<State> {
        let mut state = self.step_in(state, lane, &queue::Op::Grant)?;
        let asking = state.asking.remove(&receiver)?;
        if let Serve::Weighted(weights) = self.serve {
            if state.left[lane] == 0 {
                state.left = weights;
            }
            state.left[lane] -= 1;
        }
        (asking.taken == Some(lane)).then_some(state)
    }

    /// No message is left for a receiver that sleeps, and one may still come.
    fn starve(&self, state: &State) -> Option<State> {
        let sleeps = |lane| self.step_in(state, lane, &queue::Op::RecvStarve).is_some();
        let ended = queue::Op::TryRecv(Err(TryRecvError::Disconnected));
        let has_ended = |lane| self.step_in(state, lane, &ended).is_some();
        let none_is_left = (0..LANES).all(|lane| sleeps(lane) || has_ended(lane));
        (none_is_left && (0..LANES).any(sleeps)).then(|| state.clone())
    }
}

impl Spec for Lanes {
    type Op = Op;
    type State = State;

    fn start(&self) -> State {
        let left = match self.serve {
            Serve::Weighted(weights) => weights,
            Serve::Strict | Serve::Aged(_) => [0; LANES],
        };
        let lanes = self.lanes.each_ref().map(Spec::start);
        State { lanes, left, asking: BTreeMap::new() }
    }

    fn step(&self, state: &State, op: &Op) -> Option<State> {
        match *op {
            Op::Lane(lane, ref op) => self.step_in(state, lane, op),
            Op::Order(receiver) => {
                let order = self.order(state.left);
                let asking = Asking { order, asked: 0, open: false, taken: None };
                let mut next = state.clone();
                next.lanes = next.lanes.map(queue::State::refuse);
                next.asking.insert(receiver, asking).is_none().then_some(next)
            }
            Op::Skip(receiver, lane) => self.skip(state, receiver, lane),
            Op::Take(receiver, lane, value) => self.take(state, receiver, lane, value),
            Op::Note(receiver, lane) => self.note(state, receiver, lane),
            Op::Miss(receiver, ended) => self.miss(state, receiver, ended),
            Op::Nothing(receiver, ended) => {
                let mut next = state.clone();
                let asking = next.asking.remove(&receiver)?;
                (asking.asked == LANES && asking.open != ended).then_some(next)
            }
            Op::Starve => self.starve(state),
            Op::Cancel => Some(state.clone()),
        }
    }
}
