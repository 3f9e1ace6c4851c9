//! What tokio does not have: weighted channels, rendezvous, lanes, and policies. No oracle is
//! asked, and the rules of the grid are what is checked.

use super::{levada_mpmc, levada_mpsc, mpmc_of_lanes, mpsc_of_lanes, on_rendezvous, on_weighted};
use grid::{Grid, Tested, check, check_races};

/// Checks a channel, and then races every cell of it once.
fn own(name: &str, grid: &dyn Grid, nothing: &dyn Grid, count: (usize, usize), races: usize) {
    let tested =
        Tested { name, grid, oracle: nothing, unasked: &[], differences: &[], faults: &[], count };
    check(&tested);
    check_races(&tested, 1, races);
}

fn weighted(max: usize) {
    let name = format!("weighted, at most {max}");
    let grid = on_weighted::weighted::table(max);
    own(&name, &grid, &on_weighted::weighted::nothing(), (22_680, 379_008), 23_828);
}

#[test]
fn weighted_of_1() {
    weighted(1);
}

#[test]
fn weighted_of_3() {
    weighted(3);
}

#[test]
fn rendezvous() {
    let grid = on_rendezvous::rendezvous::table();
    own("rendezvous", &grid, &on_rendezvous::rendezvous::nothing(), (6_786, 91_404), 7_290);
}

fn mpsc_lanes(capacity: usize) {
    let name = format!("mpsc lanes of capacity {capacity}");
    let grid = mpsc_of_lanes::lanes::table(capacity);
    own(&name, &grid, &mpsc_of_lanes::lanes::nothing(), (12_987, 223_506), 13_338);
}

#[test]
fn mpsc_lanes_of_capacity_1() {
    mpsc_lanes(1);
}

#[test]
fn mpsc_lanes_of_capacity_2() {
    mpsc_lanes(2);
}

fn mpmc_lanes(capacity: usize) {
    let name = format!("mpmc lanes of capacity {capacity}");
    let grid = mpmc_of_lanes::lanes::table(capacity);
    own(&name, &grid, &mpmc_of_lanes::lanes::nothing(), (20_592, 349_272), 21_060);
}

#[test]
fn mpmc_lanes_of_capacity_1() {
    mpmc_lanes(1);
}

#[test]
fn mpmc_lanes_of_capacity_2() {
    mpmc_lanes(2);
}

fn mpsc_policy<const POLICY: usize>() {
    let policy = levada_mpsc::policies::POLICIES[POLICY];
    for capacity in [1, 2] {
        let name = format!("mpsc, {policy:?}, capacity {capacity}");
        let grid = levada_mpsc::policies::table::<POLICY>(capacity);
        own(&name, &grid, &levada_mpsc::policies::nothing(), (4_158, 46_056), 4_158);
    }
}

#[test]
fn mpsc_waits() {
    mpsc_policy::<0>();
}

#[test]
fn mpsc_evicts_the_oldest() {
    mpsc_policy::<1>();
}

#[test]
fn mpsc_evicts_the_newest() {
    mpsc_policy::<2>();
}

#[test]
fn mpsc_discards() {
    mpsc_policy::<3>();
}

fn mpmc_policy<const POLICY: usize>() {
    let policy = levada_mpmc::policies::POLICIES[POLICY];
    for capacity in [1, 2] {
        let name = format!("mpmc, {policy:?}, capacity {capacity}");
        let grid = levada_mpmc::policies::table::<POLICY>(capacity);
        own(&name, &grid, &levada_mpmc::policies::nothing(), (2_376, 24_756), 2_376);
    }
}

#[test]
fn mpmc_waits() {
    mpmc_policy::<0>();
}

#[test]
fn mpmc_evicts_the_oldest() {
    mpmc_policy::<1>();
}

#[test]
fn mpmc_evicts_the_newest() {
    mpmc_policy::<2>();
}

#[test]
fn mpmc_discards() {
    mpmc_policy::<3>();
}
