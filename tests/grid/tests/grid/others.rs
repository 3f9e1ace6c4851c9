//! oneshot, broadcast and watch.

use super::{on_levada, on_tokio};
use grid::{Tested, check, check_races};

#[test]
fn oneshot() {
    let tested = Tested {
        name: "oneshot",
        grid: &on_levada::oneshot::table(),
        oracle: &on_tokio::oneshot::table(),
        unasked: &[],
        differences: &[],
        faults: &[],
        count: (0, 0),
    };
    check(&tested);
    check_races(&tested, 10, 0);
}

fn broadcast(capacity: usize, count: (usize, usize), races: usize) {
    let tested = Tested {
        name: &format!("broadcast, capacity {capacity}"),
        grid: &on_levada::broadcast::table(capacity),
        oracle: &on_tokio::broadcast::table(capacity),
        unasked: &[],
        differences: &[],
        faults: &[],
        count,
    };
    check(&tested);
    check_races(&tested, 3, races);
}

#[test]
fn broadcast_of_capacity_1() {
    broadcast(1, (0, 0), 0);
}

#[test]
fn broadcast_of_capacity_2() {
    broadcast(2, (0, 0), 0);
}

#[test]
fn watch() {
    let tested = Tested {
        name: "watch",
        grid: &on_levada::watch::table(),
        oracle: &on_tokio::watch::table(),
        unasked: &[],
        differences: &[],
        faults: &[],
        count: (0, 0),
    };
    check(&tested);
    check_races(&tested, 3, 0);
}
