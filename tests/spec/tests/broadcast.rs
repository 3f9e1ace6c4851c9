//! broadcast against its model.

use spec::broadcast::{Case, run};

#[test]
fn broadcast() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 5_000, "the cases do next to nothing");
}
