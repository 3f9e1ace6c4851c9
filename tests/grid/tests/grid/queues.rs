//! mpsc and mpmc, bounded and not.

use super::{levada_mpmc, levada_mpmc_unbounded, levada_mpsc, levada_mpsc_unbounded};
use super::{tokio_mpsc, tokio_mpsc_unbounded};
use grid::{Difference, Grid, Tested, check, check_races};

const NEVER: &str = "tokio has no answer to what is forgotten: it panics or waits for ever";
const UNASKED: &[Difference] = &[
    Difference { why: NEVER, state: "forgotten", sender: "", receiver: "" },
    Difference { why: NEVER, state: "", sender: "forg", receiver: "" },
    Difference { why: NEVER, state: "", sender: "", receiver: "forgotten" },
];
const FAULTS: &[Difference] = &[Difference {
    why: "the future of `reserve_owned` owns its sender: forgotten, it keeps the channel open",
    state: "",
    sender: "reserve_owned, send (forgotten",
    receiver: "",
}];
const DIFFERENCES: &[Difference] = &[];

/// Checks a grid, and then races every cell of it once.
fn queue(
    name: &str,
    grid: &dyn Grid,
    oracle: &dyn Grid,
    count: (usize, usize),
    races: usize,
) {
    let (differences, faults) = (DIFFERENCES, FAULTS);
    let tested = Tested { name, grid, oracle, unasked: UNASKED, differences, faults, count };
    check(&tested);
    check_races(&tested, 1, races);
}

fn mpsc(capacity: usize) {
    let grid = levada_mpsc::bounded::table(capacity);
    let oracle = tokio_mpsc::bounded::table(capacity);
    queue(&format!("mpsc, capacity {capacity}"), &grid, &oracle, (27_456, 444_210), 30_000);
}

fn mpmc(capacity: usize) {
    let grid = levada_mpmc::bounded::table(capacity);
    let oracle = tokio_mpsc::bounded::table(capacity);
    queue(&format!("mpmc, capacity {capacity}"), &grid, &oracle, (27_456, 444_210), 30_000);
}

#[test]
fn mpsc_of_capacity_1() {
    mpsc(1);
}

#[test]
fn mpsc_of_capacity_2() {
    mpsc(2);
}

#[test]
fn mpsc_of_capacity_40() {
    mpsc(40);
}

#[test]
fn mpsc_unbounded() {
    let grid = levada_mpsc_unbounded::unbounded::table(40);
    let oracle = tokio_mpsc_unbounded::unbounded::table(40);
    queue("mpsc, unbounded", &grid, &oracle, (0, 0), 0);
}

#[test]
fn mpmc_of_capacity_1() {
    mpmc(1);
}

#[test]
fn mpmc_of_capacity_2() {
    mpmc(2);
}

#[test]
fn mpmc_of_capacity_40() {
    mpmc(40);
}

#[test]
fn mpmc_unbounded() {
    let grid = levada_mpmc_unbounded::unbounded::table(40);
    let oracle = tokio_mpsc_unbounded::unbounded::table(40);
    queue("mpmc, unbounded", &grid, &oracle, (0, 0), 0);
}
