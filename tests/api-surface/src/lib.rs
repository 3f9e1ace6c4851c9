//! Every public item of tokio's channels, named on tokio and on levada.
//!
//! That this crate compiles is the test of the signatures: `surface.rs` has a function per item,
//! with tokio's signature and a call of the item as its body, and is compiled against both crates.
//! What can only be seen at run time is compared by the programs in `tests`.

mod probe;

pub use probe::TypeFacts;

/// tokio's channels.
#[expect(dead_code, reason = "compiling the functions is the test")]
#[expect(deprecated, reason = "tokio's unused `mpsc::error::RecvError` is named as well")]
pub mod on_tokio {
    use crate::probe::{Absent as _, Probe, TypeFacts, facts};
    use tokio::sync::{broadcast, mpsc, oneshot, watch};

    include!("../surface.rs");
}

/// levada's channels.
#[expect(dead_code, reason = "compiling the functions is the test")]
#[expect(deprecated, reason = "tokio's unused `mpsc::error::RecvError` is named as well")]
pub mod on_levada {
    use crate::probe::{Absent as _, Probe, TypeFacts, facts};
    use levada::{broadcast, mpsc, oneshot, watch};

    include!("../surface.rs");
}
