//! All cells of a grid, checked, and compared with those of another implementation.

use crate::party::Side;
use crate::race::Racers;
use crate::run::{End, Run};
use crate::schedule::interleavings;
use crate::table::{Cell, Grid};
use std::collections::{BTreeMap, BTreeSet};

/// Miri, which takes a thousand times as long, runs one cell in so many.
const STRIDE: usize = if cfg!(miri) { 499 } else { 1 };

/// Cells in which something else is right, and why. Empty words fit everything.
#[derive(Debug)]
pub struct Difference {
    /// The reason, for a person.
    pub why: &'static str,
    /// In the state's name.
    pub state: &'static str,
    /// In the name and stage of what the sender does.
    pub sender: &'static str,
    /// In the name and stage of what the receiver does.
    pub receiver: &'static str,
}

impl Difference {
    fn covers(&self, cell: &Cell) -> bool {
        cell.state.contains(self.state)
            && format!("{}{}", cell.sender.0, cell.sender.1).contains(self.sender)
            && format!("{}{}", cell.receiver.0, cell.receiver.1).contains(self.receiver)
    }
}

/// A grid and what is known of it.
pub struct Tested<'a> {
    /// For messages.
    pub name: &'a str,
    /// Under test.
    pub grid: &'a dyn Grid,
    /// The same table on another implementation, which is right.
    pub oracle: &'a dyn Grid,
    /// Where the oracle is not asked.
    pub unasked: &'a [Difference],
    /// Where it differs from the oracle on purpose.
    pub differences: &'a [Difference],
    /// Where it is documented that somebody waits on.
    pub faults: &'a [Difference],
    /// How many cells there are, and runs of them.
    pub count: (usize, usize),
}

impl std::fmt::Debug for Tested<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tested").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What went wrong, or was excused.
#[derive(Default)]
struct Findings {
    /// How often, and where for example.
    wrong: BTreeMap<String, (usize, String)>,
    excused: BTreeMap<&'static str, usize>,
    answers: BTreeMap<(bool, &'static str), BTreeSet<&'static str>>,
    cells: usize,
    runs: usize,
    compared: usize,
}

impl Findings {
    /// Counts it under its reason, or as wrong.
    fn add(
        &mut self,
        cell: &Cell,
        known: &[Difference],
        what: &str,
        shown: impl FnOnce() -> String,
    ) {
        match known.iter().find(|difference| difference.covers(cell)) {
            Some(difference) => *self.excused.entry(difference.why).or_default() += 1,
            None => {
                let group = format!("{what}: [{}] {}{}", cell.state, cell.sender.0, cell.sender.1);
                self.wrong.entry(group).or_insert_with(|| (0, shown())).0 += 1;
            }
        }
    }

    fn add_answers(&mut self, cell: &Cell, run: &Run) {
        let names = [(false, cell.sender.0), (true, cell.receiver.0)];
        for (name, answer) in names.into_iter().zip(run.answers) {
            self.answers.entry(name).or_default().extend(answer);
        }
    }

    /// Every action answered what its line says; all of it, where it ran.
    fn check_answers(&mut self, grid: &dyn Grid, all: bool) {
        for (side, name, blocks, may) in grid.answers() {
            let may: BTreeSet<_> = may.iter().copied().collect();
            let seen = self.answers.remove(&(side == Side::Receiver, name)).unwrap_or_default();
            let right = if all && !blocks { seen == may } else { seen.is_subset(&may) };
            if !right {
                let wrong = format!("`{name}` of {side:?} may answer {may:?} and did {seen:?}");
                self.wrong.insert(wrong, (1, String::new()));
            }
        }
    }

    fn check_all_excuses_used(&mut self, known: &[Difference]) {
        for difference in known {
            if !self.excused.contains_key(difference.why) {
                self.wrong
                    .insert(format!("not so any more: {}", difference.why), (1, String::new()));
            }
        }
    }

    #[track_caller]
    fn conclude(&self, name: &str) {
        println!("{name}: {} cells, {} runs, {} compared", self.cells, self.runs, self.compared);
        for (why, count) in &self.excused {
            println!("  {count} runs: {why}");
        }
        let first: Vec<_> = self
            .wrong
            .iter()
            .take(60)
            .map(|(what, (n, shown))| format!("{n} x {what}\n    {shown}"))
            .collect();
        assert!(first.is_empty(), "{name}: {} wrong\n{}", self.wrong.len(), first.join("\n"));
    }
}

/// Runs every cell of a grid at every interleaving and with both ends, on it and on its oracle.
///
/// # Panics
/// If a rule is broken, the two differ, or the number of cells or runs is another.
#[track_caller]
pub fn check(tested: &Tested<'_>) {
    let Tested { name, grid, oracle, unasked, differences, faults, count } = tested;
    let mut findings = Findings::default();
    let cells = grid.cells();
    for cell in cells.iter().filter(|cell| !cell.blocks.contains(&true)).step_by(STRIDE) {
        findings.cells += 1;
        let asks = oracle.has(cell) && !unasked.iter().any(|difference| difference.covers(cell));
        for order in interleavings(cell.polls[0], cell.polls[1]) {
            for end in End::ALL {
                let run = grid.run(cell, end, &order);
                findings.runs += 1;
                findings.add_answers(cell, &run);
                for fault in &run.faults {
                    let shown = || format!("{cell}, {order:?} {end:?}: {}", run.transcript);
                    findings.add(cell, faults, fault, shown);
                }
                if asks {
                    findings.compared += 1;
                    let right = oracle.run(cell, end, &order);
                    if right.transcript != run.transcript {
                        findings.add(cell, differences, "differs", || {
                            let (ours, theirs) = (&run.transcript, &right.transcript);
                            format!(
                                "{cell}, {order:?} {end:?}:\n    was    {ours}\n    oracle {theirs}"
                            )
                        });
                    }
                }
            }
        }
    }
    findings.check_answers(*grid, STRIDE == 1);
    if STRIDE == 1 {
        findings.check_all_excuses_used(differences);
        findings.check_all_excuses_used(faults);
    }
    findings.conclude(name);
    if STRIDE == 1 {
        assert_eq!((findings.cells, findings.runs), *count, "{name}: cells and runs");
    }
}

/// Runs every cell of a grid, those that block too, so many times with both sides at the same time.
///
/// # Panics
/// If a rule is broken, or the number of cells is another.
#[track_caller]
pub fn check_races(tested: &Tested<'_>, rounds: usize, count: usize) {
    let racers = Racers::new();
    let mut findings = Findings::default();
    for cell in tested.grid.cells().iter().step_by(STRIDE) {
        // Who blocks where somebody waits for ever would not come back.
        if cell.blocks.contains(&true) && tested.faults.iter().any(|fault| fault.covers(cell)) {
            continue;
        }
        findings.cells += 1;
        for round in 0..rounds {
            let end = End::ALL[(round + findings.cells) % 2];
            let run = tested.grid.race(cell, end, &racers);
            findings.runs += 1;
            findings.add_answers(cell, &run);
            for fault in &run.faults {
                findings.add(cell, tested.faults, fault, || {
                    format!("{cell}, race {end:?}: {}", run.transcript)
                });
            }
        }
    }
    findings.check_answers(tested.grid, false);
    findings.conclude(tested.name);
    if STRIDE == 1 {
        assert_eq!(findings.cells, count, "{}: cells that race", tested.name);
    }
}
