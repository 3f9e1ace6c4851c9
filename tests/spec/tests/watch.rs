//! watch against its model.

use spec::watch::{Case, run};

#[test]
fn watch() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 5_000, "the cases do next to nothing");
}
