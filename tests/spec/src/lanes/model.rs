//! What a channel of lanes is specified to do: each lane is a queue, and the discipline says in
//! which order a receive asks them.

use super::{Action, Answer, Discipline, LANES, WEIGHTS};
use crate::check::{Fact, Key, Model, distinct};
use crate::queue::{self, Queue};

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    lanes: [Queue; LANES],
    many: bool,
    serve: Discipline,
    /// What each lane may still give in this round.
    rest: [u32; LANES],
    /// How many messages were received, and since which of them a lane is passed over.
    received: usize,
    passed: [Option<usize>; LANES],
}

/// How far a receive is: it has a message of a lane, or knows which lanes have ended.
type Progress = Result<(usize, usize), [bool; LANES]>;

impl Lanes {
    pub(super) fn new(capacities: [usize; LANES], many: bool, serve: Discipline) -> Self {
        let lanes = capacities.map(|capacity| Queue::new(Some(capacity), many));
        Self { lanes, many, serve, rest: WEIGHTS, received: 0, passed: [None; LANES] }
    }

    /// Whether a receiver gets an answer at once.
    pub(super) fn answers_receivers(&self) -> bool {
        let received = self.receive(None);
        received.iter().all(|(_, answer)| *answer != Answer::Empty)
    }

    /// In which order the lanes are asked.
    fn order(&self) -> Vec<usize> {
        let all = 0..LANES;
        match self.serve {
            Discipline::Strict | Discipline::Patient => all.collect(),
            Discipline::Weighted => {
                let (with, without): (Vec<_>, Vec<_>) = all.partition(|lane| self.rest[*lane] > 0);
                [with, without].concat()
            }
            Discipline::Impatient => {
                let since = |lane: &usize| self.passed[*lane].map(|since| (since, *lane));
                let due = all.clone().filter_map(|lane| since(&lane)).min().map(|(_, lane)| lane);
                due.into_iter().chain(all.filter(|lane| Some(*lane) != due)).collect()
            }
        }
    }

    /// A message of this lane was received.
    fn note(&mut self, served: usize) {
        self.received += 1;
        match self.serve {
            Discipline::Strict | Discipline::Patient => {}
            Discipline::Weighted => {
                if self.rest[served] == 0 {
                    self.rest = WEIGHTS;
                }
                self.rest[served] -= 1;
            }
            Discipline::Impatient => {
                self.passed[served] = None;
                for lane in 0..LANES {
                    let is_passed = lane > served && self.passed[lane].is_none();
                    if self.lanes[lane].fact(("len", 0)) == 0 {
                        self.passed[lane] = None;
                    } else if is_passed {
                        self.passed[lane] = Some(self.received);
                    }
                }
            }
        }
    }

    /// The states after the same action in each lane.
    fn in_all(&self, action: &queue::Action) -> Vec<Self> {
        (0..LANES).fold(vec![self.clone()], |states, lane| {
            distinct(states.iter().flat_map(|it| it.in_lane(lane, action)).map(|(it, _)| it))
        })
    }

    fn in_lane(&self, lane: usize, action: &queue::Action) -> Vec<(Self, Answer)> {
        let successors = self.lanes[lane].step(action).into_iter();
        let in_lane = |(queue, answer)| {
            let mut next = self.clone();
            next.lanes[lane] = queue;
            (next, answer)
        };
        successors.map(in_lane).collect()
    }

    /// A receive, of a future if it has a name. It takes the first message that a lane has for it;
    /// a future stands in line in each lane until then.
    fn receive(&self, key: Option<Key>) -> Vec<(Self, Answer)> {
        let is_in_line = key.is_some_and(|key| self.lanes.iter().any(|lane| lane.has_in_line(key)));
        let tries = !(self.many && is_in_line);
        let looks = tries.then_some(queue::Action::TryRecv);
        let looks =
            looks.into_iter().chain(key.map(|key| queue::Action::PollRecv { key, limit: 1 }));
        let mut states = vec![(self.clone(), Err([false; LANES]))];
        for look in looks {
            for lane in self.order() {
                let looked = states.into_iter().flat_map(|it| Self::look(it, lane, &look));
                states = Self::merged(looked);
            }
        }
        states.into_iter().flat_map(|it| Self::conclude(it, key)).collect()
    }

    /// Asks one lane, if there is no message yet.
    fn look(
        (state, progress): (Self, Progress),
        lane: usize,
        look: &queue::Action,
    ) -> Vec<(Self, Progress)> {
        let Err(mut ended) = progress else { return vec![(state, progress)] };
        let asked = state.in_lane(lane, look).into_iter();
        let looked = asked.map(|(next, answer)| match answer {
            Answer::Got(messages) if !messages.is_empty() => (next, Ok((lane, messages[0]))),
            Answer::Got(_) | Answer::Ended => {
                ended[lane] = true;
                (next, Err(ended))
            }
            _ => (next, progress),
        });
        looked.collect()
    }

    /// The states of a receive, each once.
    fn merged(states: impl Iterator<Item = (Self, Progress)>) -> Vec<(Self, Progress)> {
        let mut all: Vec<(Self, Progress)> = Vec::new();
        for (state, progress) in states {
            let mut alike = all.iter_mut().filter(|(_, other)| *other == progress);
            if !alike.any(|(other, _)| other.absorb(&state)) {
                all.push((state, progress));
            }
        }
        all
    }

    fn conclude((mut state, progress): (Self, Progress), key: Option<Key>) -> Vec<(Self, Answer)> {
        match (progress, key) {
            (Ok((lane, message)), key) => {
                state.note(lane);
                let got = Answer::Got(vec![message]);
                let key = key.filter(|_| state.many);
                // What it was promised in other lanes is for other receivers.
                let left = key.map(|key| state.in_all(&queue::Action::Cancel { key }));
                left.unwrap_or(vec![state]).into_iter().map(|it| (it, got.clone())).collect()
            }
            (Err([true, true, true]), _) => vec![(state, Answer::Ended)],
            (Err(_), None) => vec![(state, Answer::Empty)],
            (Err(_), Some(_)) => vec![(state, Answer::Pending)],
        }
    }
}

impl Model for Lanes {
    type Action = Action;
    type Answer = Answer;

    fn step(&self, action: &Action) -> Vec<(Self, Answer)> {
        match action {
            Action::In(lane, action) => self.in_lane(*lane, action),
            Action::InAll(action) => {
                self.in_all(action).into_iter().map(|state| (state, Answer::Done)).collect()
            }
            Action::TryRecv => self.receive(None),
            Action::PollRecv { key } => self.receive(Some(*key)),
        }
    }

    fn fact(&self, (name, lane): Fact) -> usize {
        match name {
            "messages" => self.lanes.iter().map(|lane| lane.fact((name, 0))).sum(),
            _ => self.lanes[lane].fact((name, 0)),
        }
    }

    fn must_be_woken(&self, future: Key) -> bool {
        self.lanes.iter().any(|lane| lane.must_be_woken(future))
    }

    fn absorb(&mut self, other: &Self) -> bool {
        let turns = |it: &Self| (it.rest, it.received, it.passed);
        let mut lanes = self.lanes.clone();
        let is_same = turns(self) == turns(other)
            && lanes.iter_mut().zip(&other.lanes).all(|(own, other)| own.absorb(other));
        if is_same {
            self.lanes = lanes;
        }
        is_same
    }
}
