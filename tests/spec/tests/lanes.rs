//! Channels of lanes against their model.

use spec::lanes::{Case, Family, Mpmc, Mpsc, run};

fn property<F: Family>() {
    let steps = spec::property(|case: &Case| run::<F>(case));
    assert!(steps > 3_000, "the cases do next to nothing");
}

#[test]
fn mpsc_lanes() {
    property::<Mpsc>();
}

#[test]
fn mpmc_lanes() {
    property::<Mpmc>();
}
