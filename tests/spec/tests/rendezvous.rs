//! The rendezvous channel against its model.

use spec::rendezvous::{Case, run};

#[test]
fn rendezvous() {
    let steps = spec::property(|case: &Case| run(case));
    assert!(steps > 3_000, "the cases do next to nothing");
}
