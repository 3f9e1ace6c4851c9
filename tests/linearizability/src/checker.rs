//! The search for a linearization.
//!
//! The algorithm is Wing and Gong's ("Testing and Verifying Concurrent Objects", 1993) with Lowe's
//! memory ("Testing for linearizability", 2017): an operation can be next if no other one that is
//! left ended before it began. Each that the specification allows is tried in turn; a set of
//! operations done that led to this very state before is not tried again.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

use crate::recorder::Event;

/// What a channel does if one operation is done after the other.
pub trait Spec {
    /// An operation with its arguments and its result.
    type Op: Debug;
    /// The state between two operations.
    type State: Clone + Eq + Hash + Debug;

    /// The state of a new channel.
    fn start(&self) -> Self::State;

    /// The state after `op`; none if `op` cannot have this result in `state`.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;
}

/// What [`check`] found.
#[derive(Debug)]
pub struct Found<S> {
    /// Whether all operations could be put in order.
    pub linearizable: bool,
    /// The longest order found, as indices into the history: of all operations, if linearizable.
    pub order: Vec<usize>,
    /// The state that it leads to.
    pub state: S,
    /// How many different pairs of operations done and state were reached.
    pub states: usize,
}

/// The most operations a history may have: one bit each.
pub const MAX_EVENTS: usize = 4 * WORD;

const WORD: usize = u128::BITS as usize;

/// Operations of a history that are done.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Done([u128; MAX_EVENTS / WORD]);

impl Done {
    fn has(&self, index: usize) -> bool {
        self.0[index / WORD] >> (index % WORD) & 1 == 1
    }

    fn with(mut self, index: usize) -> Self {
        self.0[index / WORD] |= 1 << (index % WORD);
        self
    }
}

/// Looks for an order of the operations that `spec` allows and in which no operation comes before
/// one that had ended when it began.
///
/// # Panics
/// If there are more than [`MAX_EVENTS`] operations.
pub fn check<S: Spec>(spec: &S, history: &[Event<S::Op>]) -> Found<S::State> {
    assert!(history.len() <= MAX_EVENTS, "{} operations, limit {MAX_EVENTS}", history.len());
    let state = spec.start();
    let best = (Vec::new(), state.clone());
    let mut search = Search { spec, history, seen: HashSet::new(), order: Vec::new(), best };
    let linearizable = search.extend(Done::default(), &state);
    let (order, state) = search.best;
    Found { linearizable, order, state, states: search.seen.len() }
}

struct Search<'a, S: Spec> {
    spec: &'a S,
    history: &'a [Event<S::Op>],
    seen: HashSet<(Done, S::State)>,
    order: Vec<usize>,
    best: (Vec<usize>, S::State),
}

impl<S: Spec> Search<'_, S> {
    /// Tries to put the operations that are not `done` in order.
    fn extend(&mut self, done: Done, state: &S::State) -> bool {
        let left: Vec<_> = (0..self.history.len()).filter(|index| !done.has(*index)).collect();
        let Some(first_end) = left.iter().map(|&index| self.history[index].end).min() else {
            return true;
        };
        for index in left {
            let event = &self.history[index];
            if event.begin > first_end {
                continue;
            }
            let Some(next) = self.spec.step(state, &event.op) else { continue };
            let done = done.with(index);
            if !self.seen.insert((done, next.clone())) {
                continue;
            }
            self.order.push(index);
            if self.order.len() > self.best.0.len() {
                self.best = (self.order.clone(), next.clone());
            }
            if self.extend(done, &next) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}
