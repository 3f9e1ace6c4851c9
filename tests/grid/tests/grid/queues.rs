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
const DIFFERENCES: &[Difference] = &[Difference {
    why: "who comes behind a turn that is not taken yet is woken to look again; tokio lets it sleep",
    state: "full, one waits",
    sender: "reserve_many, send one (cancelled when woken)",
    receiver: "recv",
}];

/// How many cells, runs, and cells that race.
type Count = (usize, usize, usize);

/// Checks a queue, and then races every cell of it once.
fn queue(name: &str, grid: &dyn Grid, oracle: &dyn Grid, bound: Option<usize>, count: Count) {
    let tested = Tested {
        name,
        grid,
        oracle,
        unasked: UNASKED,
        differences: if bound == Some(2) { DIFFERENCES } else { &[] },
        faults: if bound.is_some() { FAULTS } else { &[] },
        count: (count.0, count.1),
    };
    check(&tested);
    check_races(&tested, 1, count.2);
}

fn mpsc(capacity: usize) {
    let grid = levada_mpsc::bounded::table(capacity);
    let oracle = tokio_mpsc::bounded::table(capacity);
    let name = format!("mpsc, capacity {capacity}");
    queue(&name, &grid, &oracle, Some(capacity), (27_456, 444_210, 29_250));
}

fn mpmc(capacity: usize) {
    let grid = levada_mpmc::bounded::table(capacity);
    let oracle = tokio_mpsc::bounded::table(capacity);
    let name = format!("mpmc, capacity {capacity}");
    queue(&name, &grid, &oracle, Some(capacity), (33_792, 546_720, 36_000));
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
    queue("mpsc, unbounded", &grid, &oracle, None, (3_696, 43_944, 3_864));
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
    queue("mpmc, unbounded", &grid, &oracle, None, (5_544, 65_916, 5_796));
}
