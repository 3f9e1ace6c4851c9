//! The table of one kind of channel, and the cells that follow from it.

use crate::action::{Action, Stage};
use crate::journal::Journal;
use crate::party::{Party, Side, Steps};
use crate::race::{Racers, race};
use crate::run::{End, Run, run};
use crate::world::World;
use std::fmt;
use std::sync::Arc;

/// Who else takes part.
pub type Others = Vec<(&'static str, Side, Steps)>;

/// A state from which a run begins.
pub struct State<Tx, Rx> {
    /// What is special about it.
    pub name: &'static str,
    /// Brings a new channel there. Leaves one sender and one receiver or more on the shelves, and
    /// gives who else takes part.
    pub build: fn(&Arc<World<Tx, Rx>>) -> Others,
    /// Whether something is forgotten on the way.
    pub forgets: bool,
}

impl<Tx, Rx> fmt::Debug for State<Tx, Rx> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One kind of channel.
pub struct Table<Tx, Rx> {
    /// Where it begins.
    pub states: Vec<State<Tx, Rx>>,
    /// What a sender may do.
    pub senders: Vec<Action<Tx, Rx, Tx>>,
    /// What a receiver may do.
    pub receivers: Vec<Action<Tx, Rx, Rx>>,
    /// Receives until the end.
    pub drain: fn(Arc<World<Tx, Rx>>, Rx) -> Steps,
    /// Whether a message goes to all receivers, so that one who comes late misses it.
    pub to_all: bool,
    /// How much the channel holds.
    pub size: usize,
}

impl<Tx, Rx> fmt::Debug for Table<Tx, Rx> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// A cell, by its names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cell {
    /// The state.
    pub state: &'static str,
    /// The sender's action.
    pub sender: (&'static str, Stage),
    /// The receiver's action.
    pub receiver: (&'static str, Stage),
    /// The most steps that the sender and the receiver take.
    pub(crate) polls: [u8; 2],
    /// Whether they block their threads.
    pub(crate) blocks: [bool; 2],
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, sender, receiver, .. } = self;
        write!(f, "[{state}] {}{} | {}{}", sender.0, sender.1, receiver.0, receiver.1)
    }
}

/// A table of whatever types.
pub trait Grid {
    /// All its cells.
    fn cells(&self) -> Vec<Cell>;
    /// Whether it has this cell.
    fn has(&self, cell: &Cell) -> bool;
    /// Runs a cell with the steps in this order.
    fn run(&self, cell: &Cell, end: End, order: &[Side]) -> Run;
    /// Runs a cell with both sides at the same time.
    fn race(&self, cell: &Cell, end: End, racers: &Racers) -> Run;
    /// The actions of both sides, and what they may answer.
    fn answers(&self) -> Vec<(Side, &'static str, bool, &'static [&'static str])>;
}

impl<Tx: Send + 'static, Rx: Send + 'static> Grid for Table<Tx, Rx> {
    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for state in &self.states {
            for (sender, sent) in staged(&self.senders) {
                for (receiver, got) in staged(&self.receivers) {
                    cells.push(Cell {
                        state: state.name,
                        sender: (sender.name, sent),
                        receiver: (receiver.name, got),
                        polls: [sender.polls(sent), receiver.polls(got)],
                        blocks: [sender.blocks, receiver.blocks],
                    });
                }
            }
        }
        cells
    }

    fn has(&self, cell: &Cell) -> bool {
        self.states.iter().any(|state| state.name == cell.state)
            && self.senders.iter().any(|action| action.name == cell.sender.0)
            && self.receivers.iter().any(|action| action.name == cell.receiver.0)
    }

    fn run(&self, cell: &Cell, end: End, order: &[Side]) -> Run {
        run(self, cell, end, order)
    }

    fn race(&self, cell: &Cell, end: End, racers: &Racers) -> Run {
        race(self, cell, end, racers)
    }

    fn answers(&self) -> Vec<(Side, &'static str, bool, &'static [&'static str])> {
        let senders = self.senders.iter().map(|a| (Side::Sender, a.name, a.blocks, a.may));
        let receivers = self.receivers.iter().map(|a| (Side::Receiver, a.name, a.blocks, a.may));
        senders.chain(receivers).collect()
    }
}

/// Each action with each of its stages. What is ready at once has one poll.
fn staged<Tx, Rx, E>(
    actions: &[Action<Tx, Rx, E>],
) -> impl Iterator<Item = (&Action<Tx, Rx, E>, Stage)> {
    actions.iter().flat_map(|action| action.stages.iter().map(move |stage| (action, *stage)))
}

/// A channel in the cell's state, and who takes part: the sender, the receiver, others.
pub(crate) struct Scene<Tx, Rx> {
    pub(crate) world: Arc<World<Tx, Rx>>,
    pub(crate) parties: Vec<Party>,
    pub(crate) forgets: bool,
}

impl<Tx, Rx> Table<Tx, Rx> {
    /// Sets the scene for a cell.
    pub(crate) fn scene(&self, cell: &Cell, end: End) -> Scene<Tx, Rx> {
        let world = Arc::new(World::new(self.size));
        let state = named(&self.states, cell.state, |state| state.name);
        let others = (state.build)(&world);
        if end == End::Leave {
            world.drop_probe();
        }
        let sender = named(&self.senders, cell.sender.0, |action| action.name);
        let receiver = named(&self.receivers, cell.receiver.0, |action| action.name);
        let tx = world.senders.take().expect("a state leaves a sender");
        let rx = world.receivers.take().expect("a state leaves a receiver");
        let sending = (sender.run)(Arc::clone(&world), tx, cell.sender.1);
        let receiving = (receiver.run)(Arc::clone(&world), rx, cell.receiver.1);
        let mut parties = vec![
            Party::new("the sender", Side::Sender, sending),
            Party::new("the receiver", Side::Receiver, receiving),
        ];
        for (name, side, steps) in others {
            let mut party = Party::new(name, side, steps);
            party.step();
            parties.push(party);
        }
        let forgets = state.forgets || cell.sender.1.forgets() || cell.receiver.1.forgets();
        Scene { world, parties, forgets }
    }

    /// The rules for what was received.
    pub(crate) fn check_received(
        &self,
        journal: &Journal,
        drained: bool,
        faults: &mut Vec<String>,
    ) {
        journal.check_order(faults);
        journal.check_received(drained && !self.to_all, self.to_all, faults);
    }
}

fn named<'a, T>(lines: &'a [T], name: &str, name_of: fn(&T) -> &'static str) -> &'a T {
    let line = lines.iter().find(|line| name_of(line) == name);
    line.unwrap_or_else(|| panic!("the table has no line `{name}`"))
}
