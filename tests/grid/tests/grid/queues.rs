//! mpsc and mpmc, bounded and not.

use super::{levada_mpmc, levada_mpsc, tokio_mpsc};
use grid::{Difference, Tested, check, check_races};

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

fn mpsc(capacity: usize, count: (usize, usize), races: usize) {
    let tested = Tested {
        name: &format!("mpsc, capacity {capacity}"),
        grid: &levada_mpsc::bounded::table(capacity),
        oracle: &tokio_mpsc::bounded::table(capacity),
        unasked: UNASKED,
        differences: DIFFERENCES,
        faults: FAULTS,
        count,
    };
    check(&tested);
    check_races(&tested, 1, races);
}

fn mpmc(capacity: usize, count: (usize, usize), races: usize) {
    let tested = Tested {
        name: &format!("mpmc, capacity {capacity}"),
        grid: &levada_mpmc::bounded::table(capacity),
        oracle: &tokio_mpsc::bounded::table(capacity),
        unasked: UNASKED,
        differences: DIFFERENCES,
        faults: FAULTS,
        count,
    };
    check(&tested);
    check_races(&tested, 1, races);
}

#[test]
fn mpsc_of_capacity_1() {
    mpsc(1, (0, 0), 0);
}

#[test]
fn mpmc_of_capacity_1() {
    mpmc(1, (0, 0), 0);
}

#[test]
fn tokio() {
    let capacity = 1;
    check(&Tested {
        name: "tokio",
        grid: &tokio_mpsc::bounded::table(capacity),
        oracle: &tokio_mpsc::bounded::table(capacity),
        unasked: UNASKED,
        differences: DIFFERENCES,
        faults: FAULTS,
        count: (0, 0),
    });
}
