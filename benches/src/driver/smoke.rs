//! Every cell and contender once, with little work: does everything still run?

use super::process::Process;
use crate::Result;
use crate::cell::{Cell, Round, Work};
use std::time::Instant;

/// How many operations unless the cell says.
const OPERATIONS: u64 = 500;

/// Runs them all, a process for each cell.
///
/// # Errors
/// If one fails, after all have run.
pub(crate) fn run(cells: &[Cell]) -> Result {
    let start = Instant::now();
    let (mut rounds, mut failures) = (0, Vec::new());
    for cell in cells {
        let mut process = Process::start(cell)?;
        for contender in &cell.contenders {
            rounds += 1;
            if let Err(failure) = round(&mut process, cell, contender.name) {
                failures.push(format!("{}, {}: {failure}", cell.name, contender.name));
                process = Process::start(cell)?;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{} cells, {rounds} rounds, {seconds:.1} s", cells.len());
    if failures.is_empty() {
        return Ok(());
    }
    Err(format!("{} failed:\n{}", failures.len(), failures.join("\n")).into())
}

fn round(process: &mut Process, cell: &Cell, contender: &str) -> Result<(), String> {
    let n = match cell.work {
        Work::Fixed(n) => n,
        Work::Calibrated => OPERATIONS,
    };
    match process.round(contender, n)? {
        Round::Values(values) if values.len() != cell.unit.columns().len() => {
            Err(format!("gave {values:?}, but the columns are {:?}", cell.unit.columns()))
        }
        _ => Ok(()),
    }
}
