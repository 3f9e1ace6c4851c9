//! oneshot, broadcast, lossless broadcast and watch.

use super::{lossless, on_levada, on_tokio};
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
        count: (2_300, 44_600),
    };
    check(&tested);
    check_races(&tested, 10, 2_600);
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
    broadcast(1, (3_645, 40_014), 3_780);
}

#[test]
fn broadcast_of_capacity_2() {
    broadcast(2, (3_645, 40_014), 3_780);
}

fn lossless_broadcast(capacity: usize) {
    let tested = Tested {
        name: &format!("lossless broadcast, capacity {capacity}"),
        grid: &lossless::table(capacity),
        oracle: &lossless::nothing(),
        unasked: &[],
        differences: &[],
        faults: &[],
        count: (5_040, 54_456),
    };
    check(&tested);
    check_races(&tested, 1, 5_544);
}

#[test]
fn lossless_broadcast_of_capacity_1() {
    lossless_broadcast(1);
}

#[test]
fn lossless_broadcast_of_capacity_3() {
    lossless_broadcast(3);
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
        count: (6_256, 75_280),
    };
    check(&tested);
    check_races(&tested, 3, 6_256);
}
