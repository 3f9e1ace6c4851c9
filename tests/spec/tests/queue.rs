//! mpsc and mpmc against their model.

use spec::queue::{self, Case, Family, MpmcBounded, MpmcUnbounded, MpscBounded, MpscUnbounded};

fn property<F: Family>() {
    let steps = spec::property(|case: &Case| queue::run::<F>(case));
    assert!(steps > 5_000, "the cases do next to nothing");
}

#[test]
fn mpsc_bounded() {
    property::<MpscBounded>();
}

#[test]
fn mpsc_unbounded() {
    property::<MpscUnbounded>();
}

#[test]
fn mpmc_bounded() {
    property::<MpmcBounded>();
}

#[test]
fn mpmc_unbounded() {
    property::<MpmcUnbounded>();
}
