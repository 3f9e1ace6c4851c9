//! A job as its client knows it: what was sent, what was said, and what may come of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;

use crate::service::{Place, QUEUES};

/// What a command does with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Echo,
    Slow,
    /// Succeeds at the second attempt.
    Again,
    /// Asks for another attempt, always.
    Never,
    /// Fails until it is mended.
    Broken,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Slow => "slow",
            Self::Again => "again",
            Self::Never => "never",
            Self::Broken => "broken",
        }
    }
}

/// A job, from before it is sent.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) action: Action,
    pub(crate) queue: &'static str,
    pub(crate) key: Option<String>,
    /// The size of the input and output, but for a line.
    size: usize,
    /// The id that a client got.
    pub(crate) id: Option<String>,
    /// It was said to be not accepted.
    pub(crate) refused: bool,
    mended: bool,
    /// How often it was to be run again.
    pub(crate) driven: usize,
    /// The states in which it may end, as far as its client can know.
    possible: BTreeSet<&'static str>,
    /// A client asked to cancel it, and did not wait for the answer.
    pub(crate) cancel_at_large: bool,
    /// Clients leave it alone before this generation: a request whose client has left may still
    /// take effect.
    pub(crate) leave_until: u64,
    pub(crate) seal: Option<Seal>,
}

/// A job was seen to have ended: from then on nothing happens to it.
#[derive(Debug)]
pub(crate) struct Seal {
    pub(crate) generation: u64,
    /// How many runs it had in this generation.
    pub(crate) runs: usize,
    /// Its state, if it was asked for.
    pub(crate) seen: Option<Value>,
}

/// What a client knows of a job that has ended.
#[derive(Debug)]
pub(crate) struct Known {
    possible: BTreeSet<&'static str>,
    seal: Option<Seal>,
}

impl Job {
    pub(crate) fn new(number: u64, rng: &mut Rng) -> Self {
        let actions = [Action::Echo, Action::Slow, Action::Again, Action::Never, Action::Broken];
        let action = actions[[0, 0, 0, 1, 2, 2, 3, 4][rng.usize(..8)]];
        let queue = match action {
            Action::Again | Action::Never => "again",
            _ => QUEUES[rng.usize(..QUEUES.len())],
        };
        let key = rng.bool().then(|| format!("key-{number}"));
        // More than 64 KiB is kept in files.
        let size = if rng.u8(..4) == 0 { rng.usize(66_000..200_000) } else { rng.usize(..300) };
        let mut job = Self {
            number,
            action,
            queue,
            key,
            size,
            id: None,
            refused: false,
            mended: false,
            driven: 0,
            possible: BTreeSet::new(),
            cancel_at_large: false,
            leave_until: 0,
            seal: None,
        };
        job.possible.insert(job.natural());
        job
    }

    pub(crate) fn input(&self) -> Bytes {
        self.with_filler(format!("{} {}\n", self.number, self.action.name()))
    }

    pub(crate) fn output(&self) -> Bytes {
        self.with_filler(format!("{}\n", self.number))
    }

    fn with_filler(&self, line: String) -> Bytes {
        let mut bytes = line.into_bytes();
        let mut rng = Rng::with_seed(self.number);
        bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(self.size));
        bytes.into()
    }

    /// How it ends if no client cancels it.
    fn natural(&self) -> &'static str {
        match self.action {
            Action::Echo | Action::Slow | Action::Again => "succeeded",
            Action::Broken if self.mended => "succeeded",
            Action::Never | Action::Broken => "failed",
        }
    }

    /// Its client leaves before it knows its name.
    pub(crate) fn hang_up(&mut self) {
        if self.key.is_none() && self.queue != "finish" {
            self.possible.insert("cancelled");
        }
    }

    pub(crate) fn ask_to_cancel(&mut self) {
        self.possible.insert("cancelled");
    }

    /// Its client asks for it to be run again, which may happen or not. What was known of it
    /// before.
    pub(crate) fn ask_again(&mut self, place: &Place) -> Known {
        if self.action == Action::Broken {
            place.mend(self.number);
            self.mended = true;
        }
        let known = Known { possible: self.possible.clone(), seal: self.seal.take() };
        self.possible.insert(self.natural());
        known
    }

    /// It will not be run again.
    pub(crate) fn stays(&mut self, Known { possible, seal }: Known) {
        (self.possible, self.seal) = (possible, seal);
    }

    /// It will be run again.
    pub(crate) fn is_to_run_again(&mut self) {
        self.driven += 1;
        self.possible = [self.natural()].into();
        if self.cancel_at_large {
            self.possible.insert("cancelled");
        }
    }

    pub(crate) fn is_named(&mut self, id: &str) {
        match &self.id {
            None => self.id = Some(id.to_owned()),
            Some(before) => assert_eq!(before, id, "a key has two jobs: {self:?}"),
        }
    }

    /// Its client got the answer that it has ended like this.
    pub(crate) fn has_ended(
        &mut self,
        place: &Place,
        generation: u64,
        state: &str,
        seen: Option<Value>,
    ) {
        let possible = self.possible.iter().find(|possible| **possible == state);
        let state = *possible.unwrap_or_else(|| panic!("{state}? {self:?}"));
        self.possible = [state].into();
        if let Some(seal) = &mut self.seal {
            assert!(
                seen.is_none() || seal.seen.is_none() || seal.seen == seen,
                "{seen:?} {seal:?}"
            );
            seal.seen = seal.seen.take().or(seen);
            return;
        }
        let runs = place.runs(self.id.as_ref().unwrap());
        let runs = runs.iter().filter(|run| run.generation == generation).count();
        self.seal = Some(Seal { generation, runs, seen });
    }

    /// The state in which it is known to have ended, if it is.
    pub(crate) fn end(&self) -> Option<&'static str> {
        self.seal.as_ref().and(self.possible.first().copied())
    }

    pub(crate) fn may_end(&self, state: &str) -> bool {
        self.possible.contains(state)
    }
}
