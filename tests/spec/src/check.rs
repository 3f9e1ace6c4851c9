//! Comparing a channel with its model, step by step.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// Names a future, a handle or whatever else a model tells apart.
pub type Key = usize;

/// What a channel is specified to do.
pub trait Model: Clone + Debug {
    /// One operation, all of its choices made.
    type Action: Debug;
    /// What it gives.
    type Answer: Debug + PartialEq;

    /// Each state that the specification allows after `action`, with the answer.
    fn step(&self, action: &Self::Action) -> Vec<(Self, Self::Answer)>;

    /// The number that a question about the channel is answered with.
    fn fact(&self, fact: Fact) -> usize;

    /// Whether a future that waits must have been woken since it was last polled.
    fn must_be_woken(&self, future: Key) -> bool;

    /// If the other state is the same but for how often tasks were refused, this one becomes a
    /// state that allows what either of them allows.
    fn absorb(&mut self, _other: &Self) -> bool {
        false
    }
}

/// The states, each once.
pub fn distinct<M: Model>(states: impl IntoIterator<Item = M>) -> Vec<M> {
    let mut all: Vec<M> = Vec::new();
    for state in states {
        if !all.iter_mut().any(|other| other.absorb(&state)) {
            all.push(state);
        }
    }
    all
}

/// A question about the channel: its name, and which handle it is put to if that matters.
pub type Fact = (&'static str, Key);

/// What can be seen of the channel after an operation.
#[derive(Debug, Default)]
pub struct View {
    /// The answers to questions.
    pub facts: BTreeMap<Fact, usize>,
    /// For each future that waits: whether it was woken since it was last polled.
    pub woken: BTreeMap<Key, bool>,
}

impl View {
    /// Notes the answer to a question.
    ///
    /// # Panics
    /// If another handle has answered it otherwise.
    pub fn note(&mut self, name: &'static str, of: Key, value: usize) {
        let before = *self.facts.entry((name, of)).or_insert(value);
        assert_eq!(before, value, "two handles do not agree about {name}");
    }
}

/// Faults, planted between the channel and its model to see whether they are found.
#[derive(Debug)]
pub struct Tamper<A> {
    /// Changes what an operation gave.
    pub answer: fn(&mut A),
    /// Changes what is seen after it.
    pub view: fn(&mut View),
}

impl<A> Default for Tamper<A> {
    fn default() -> Self {
        Self { answer: |_| (), view: |_| () }
    }
}

/// The states that a model may be in, after all that was seen.
#[derive(Debug)]
pub struct Checker<M: Model> {
    states: Vec<M>,
    steps: usize,
    tamper: Tamper<M::Answer>,
}

impl<M: Model> Checker<M> {
    /// A channel that was just made.
    pub fn new(model: M, tamper: Tamper<M::Answer>) -> Self {
        Self { states: vec![model], steps: 0, tamper }
    }

    /// One of the states: any of them will do where they agree.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.states[0]
    }

    /// How many operations were compared.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Goes on to the states that explain the answer.
    ///
    /// # Panics
    /// If there is none: the channel did what the specification forbids.
    #[track_caller]
    pub fn check(&mut self, action: &M::Action, mut answer: M::Answer) {
        (self.tamper.answer)(&mut answer);
        self.steps += 1;
        let successors: Vec<_> = self.states.iter().flat_map(|state| state.step(action)).collect();
        let specified: Vec<_> = successors.iter().map(|(_, answer)| answer).collect();
        assert!(
            specified.contains(&&answer),
            "step {}: {action:?} gave {answer:?}, specified is {specified:?}\nbefore: {:#?}",
            self.steps,
            self.states
        );
        let explains = |(state, specified): (M, _)| (specified == answer).then_some(state);
        self.states = distinct(successors.into_iter().filter_map(explains));
    }

    /// Keeps the states that explain the view.
    ///
    /// # Panics
    /// If there is none: the channel is in no state that the specification allows.
    #[track_caller]
    pub fn look(&mut self, mut view: View) {
        (self.tamper.view)(&mut view);
        let refutations: Vec<_> =
            self.states.iter().filter_map(|state| refute(state, &view)).collect();
        assert!(
            refutations.len() < self.states.len(),
            "after step {}: {}\nstates: {:#?}",
            self.steps,
            refutations.join("; or "),
            self.states
        );
        self.states.retain(|state| refute(state, &view).is_none());
    }
}

/// Why the model in this state cannot look like this.
fn refute<M: Model>(model: &M, view: &View) -> Option<String> {
    for (&fact, &value) in &view.facts {
        let specified = model.fact(fact);
        if value != specified {
            return Some(format!("{fact:?} is {value}, specified is {specified}"));
        }
    }
    let slept = |(future, woken): &(&Key, &bool)| !**woken && model.must_be_woken(**future);
    let lost = view.woken.iter().find(slept);
    lost.map(|(future, _)| format!("future {future} was not woken"))
}
