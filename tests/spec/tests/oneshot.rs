//! oneshot against its model.

use spec::oneshot::{Case, run};

#[test]
fn oneshot() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 5_000, "the cases do next to nothing");
}
