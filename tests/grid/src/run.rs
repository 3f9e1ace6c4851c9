//! One run: the steps, the rest, the end, the checks.

use crate::party::{Answer, Party, Side};
use crate::table::{Cell, Scene, Table};
use crate::world::World;
use std::fmt::Write;
use std::sync::Arc;
use support::counted;

/// How the channel ends after the two actions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The senders that are left go, and the receivers receive what is left.
    Drain,
    /// The receivers that are left go first.
    Leave,
}

impl End {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Drain, Self::Leave];
}

/// What was seen of a run.
#[derive(Debug)]
pub struct Run {
    /// What both sides answered, who received what, and what was asked on the way.
    pub transcript: String,
    /// What broke a rule.
    pub faults: Vec<String>,
    /// What the sender and the receiver answered.
    pub answers: [Option<Answer>; 2],
}

/// Runs a cell with the steps in this order, and counts the heap.
pub(crate) fn run<Tx, Rx>(table: &Table<Tx, Rx>, cell: &Cell, end: End, order: &[Side]) -> Run {
    let ((mut run, forgets), bytes, _) = counted(|| {
        let scene = table.scene(cell, end);
        let forgets = scene.forgets;
        let mut running = Running::new(table, scene, end);
        for side in order {
            running.parties[usize::from(*side == Side::Receiver)].step_as(end);
            running.world.probe();
        }
        (running.finish(), forgets)
    });
    let kept = bytes - run.transcript.capacity().cast_signed();
    if kept != 0 && !forgets && run.faults.is_empty() {
        run.faults.push(format!("{kept} bytes stay on the heap"));
    }
    run
}

/// A run on its way.
pub(crate) struct Running<'a, Tx, Rx> {
    table: &'a Table<Tx, Rx>,
    pub(crate) world: Arc<World<Tx, Rx>>,
    pub(crate) parties: Vec<Party>,
    forgets: bool,
    end: End,
    faults: Vec<String>,
    /// Whether a party is out on a thread of its own, so that nobody can be said to be at rest.
    pub(crate) racing: bool,
}

impl<'a, Tx, Rx> Running<'a, Tx, Rx> {
    pub(crate) fn new(table: &'a Table<Tx, Rx>, scene: Scene<Tx, Rx>, end: End) -> Self {
        let Scene { world, parties, forgets } = scene;
        Self { table, world, parties, forgets, end, faults: Vec::new(), racing: false }
    }

    /// Polls whoever is woken until nobody is; then nobody may be able to go on.
    fn settle(&mut self) {
        self.rest();
        if self.racing {
            return;
        }
        for party in self.parties.iter_mut().filter(|party| !party.is_done()) {
            if party.step_elsewhere() {
                self.faults.push(format!("{} was not woken but is ready", party.name));
            }
        }
        self.rest();
    }

    fn rest(&mut self) {
        for _ in 0..10_000 {
            let mut rests = true;
            for party in self.parties.iter_mut().filter(|party| party.is_woken()) {
                party.step();
                rests = false;
            }
            if rests {
                return;
            }
        }
        self.faults.push("somebody is woken for ever".into());
    }

    /// What a state holds back comes now.
    pub(crate) fn release(&mut self) {
        self.settle();
        self.world.release();
        self.settle();
    }

    /// Ends what is on the shelves; gives whether anything was.
    pub(crate) fn wind_down(&mut self) -> bool {
        self.rest();
        let (senders, receivers) = (self.world.senders.take_all(), self.world.receivers.take_all());
        if senders.is_empty() && receivers.is_empty() {
            return false;
        }
        match self.end {
            End::Drain => {
                drop(senders);
                self.settle();
                self.check_wakers(Side::Sender);
                for rx in receivers {
                    let drain = (self.table.drain)(Arc::clone(&self.world), rx);
                    let mut party = Party::new("the end", Side::Receiver, drain);
                    party.step();
                    self.parties.push(party);
                }
            }
            End::Leave => {
                if !receivers.is_empty() {
                    self.world.left();
                }
                drop(receivers);
                self.settle();
                self.check_wakers(Side::Receiver);
                drop(senders);
            }
        }
        self.settle();
        true
    }

    /// The handles of `side` have gone; so have its wakers.
    fn check_wakers(&mut self, side: Side) {
        let mut parties = self.parties.iter().filter(|party| party.side == side);
        if self.forgets || self.racing || parties.clone().any(|party| !party.is_done()) {
            return;
        }
        if let Some(party) = parties.find(|party| party.wakers_kept() != 0) {
            self.faults.push(format!("a waker of {} outlives it", party.name));
        }
    }

    /// Ends the channel and checks all the rules.
    pub(crate) fn finish(mut self) -> Run {
        self.release();
        while self.wind_down() {}
        self.conclude()
    }

    pub(crate) fn conclude(mut self) -> Run {
        let mut transcript = String::with_capacity(256);
        for party in &self.parties {
            let _ = write!(transcript, "{}: {}; ", party.name, party.answer.unwrap_or("waits"));
            if !party.is_done() {
                self.faults.push(format!("{} waits at the end", party.name));
            }
        }
        let answers = [self.parties[0].answer, self.parties[1].answer];
        self.parties.clear();
        self.world.drop_probe();
        {
            let journal = self.world.journal();
            journal.write(&mut transcript);
            self.table.check_received(&journal, self.end == End::Drain, &mut self.faults);
        }
        for (id, drops) in self.world.ledger.unsettled() {
            if drops > 1 || !self.forgets {
                self.faults.push(format!("message {id} was dropped {drops} times"));
            }
        }
        Run { transcript, faults: self.faults, answers }
    }
}
