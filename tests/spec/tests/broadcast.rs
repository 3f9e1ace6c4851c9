//! broadcast against its model.

use spec::broadcast::{Case, lossless, run};

#[test]
fn broadcast() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 3_000, "the cases do next to nothing");
}

#[test]
fn lossless_broadcast() {
    let steps = spec::property(|case: &lossless::Case| lossless::run(case));
    assert!(steps > 3_000, "the cases do next to nothing");
}
