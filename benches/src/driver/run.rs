//! One cell: a process for each contender, started at once; then round after round, each through
//! all of them in an order that rotates, one at a time.

use super::calibrate::{self, Budget};
use super::process::Process;
use crate::Result;
use crate::cell::{Cell, Contender, Round, Unit, Work};
use crate::results::{AGAIN, Entry, LEVADA, Line, Outcome};
use crate::stats::Summary;

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How many rounds count; one more goes before them.
    pub(crate) rounds: usize,
    pub(crate) budget: Budget,
}

/// A contender in its process; levada has two, and what differs between them is noise.
struct Competitor<'a> {
    shown: &'static str,
    contender: &'a Contender,
    /// `None` when it has failed.
    process: Option<Process>,
    failure: String,
    rounds: Vec<Round>,
}

impl<'a> Competitor<'a> {
    fn start(cell: &Cell, contender: &'a Contender, shown: &'static str) -> Result<Self> {
        let process = Some(Process::start(cell)?);
        Ok(Self { shown, contender, process, failure: String::new(), rounds: Vec::new() })
    }

    /// One round; a failure ends its process and is kept for the table.
    fn round(&mut self, n: u64) -> Result<Round, String> {
        let process = self.process.as_mut().ok_or("has failed before")?;
        let result = process.round(self.contender.name, n);
        if let Err(failure) = &result {
            self.failure.clone_from(failure);
            self.process = None;
        }
        result
    }

    fn outcome(&self, unit: Unit, column: usize, n: u64) -> Outcome {
        if self.process.is_none() {
            return Outcome::Failed(self.failure.clone());
        }
        let value = |round: &Round| match round {
            Round::Time(elapsed) => Some(elapsed.as_nanos() as f64 / n as f64),
            Round::Values(values) if values.len() == unit.columns().len() => Some(values[column]),
            Round::Values(_) => None,
        };
        match Summary::of(self.rounds.iter().filter_map(value)) {
            Some(summary) => Outcome::Measured(summary),
            None => Outcome::Failed("gave other values than its cell names".into()),
        }
    }
}

/// Measures `cell`: a line for each of its columns.
///
/// # Errors
/// If a process cannot be started. What goes wrong in one is an [`Outcome`].
pub(crate) fn measure(cell: &Cell, settings: Settings) -> Result<Vec<Line>> {
    let mut competitors = Vec::new();
    for contender in &cell.contenders {
        competitors.push(Competitor::start(cell, contender, contender.name)?);
        if contender.name == LEVADA {
            competitors.push(Competitor::start(cell, contender, AGAIN)?);
        }
    }
    let n = match cell.work {
        Work::Fixed(n) => n,
        Work::Calibrated => calibrated(&mut competitors, settings.budget),
    };
    for turn in 0..=settings.rounds {
        for index in order(turn, competitors.len()) {
            let competitor = &mut competitors[index];
            // The first is to warm up; a failure is in the competitor.
            if let Ok(round) = competitor.round(n)
                && turn > 0
            {
                competitor.rounds.push(round);
            }
        }
    }
    Ok(lines(cell, &competitors, n))
}

/// How many operations a round of these has.
fn calibrated(competitors: &mut [Competitor<'_>], budget: Budget) -> u64 {
    let mut costs = Vec::new();
    for competitor in competitors {
        let name = competitor.contender.name;
        if let Ok(cost) = calibrate::cost(|n| competitor.round(n)) {
            costs.push((name, cost));
        }
    }
    let middle = Summary::of(costs.iter().map(|(_, cost)| *cost));
    let Some(Summary { median, max, .. }) = middle else {
        return 1; // All have failed.
    };
    let tokio = costs.iter().find(|(name, _)| *name == "tokio").map(|(_, cost)| *cost);
    calibrate::operations(budget, tokio.unwrap_or(median), max)
}

/// Each turn begins with the next one.
fn order(turn: usize, len: usize) -> impl Iterator<Item = usize> {
    (0..len).map(move |place| (place + turn) % len)
}

fn lines(cell: &Cell, competitors: &[Competitor<'_>], n: u64) -> Vec<Line> {
    let column = |(index, column): (usize, &&str)| Line {
        name: if column.is_empty() {
            cell.name.clone()
        } else {
            format!("{}: {column}", cell.name)
        },
        about: cell.about.into(),
        unit: cell.unit.label().into(),
        operations: n,
        entries: competitors
            .iter()
            .map(|competitor| Entry {
                contender: competitor.shown.into(),
                outcome: competitor.outcome(cell.unit, index, n),
            })
            .collect(),
    };
    cell.unit.columns().iter().enumerate().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn the_order_rotates_and_has_everyone() {
        let turn = |turn| order(turn, 3).collect::<Vec<_>>();
        assert_eq!(
            [turn(0), turn(1), turn(2), turn(3)],
            [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]
        );
    }
}
