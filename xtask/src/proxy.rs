//! `cargo xtask proxy`: `levada serve` behind a real nginx.

use crate::Result;
use crate::libtest::{run_all, shared_tests};
use crate::toolchain::need_nginx;

/// Runs `crates/levada-serve/tests/proxy`.
pub(crate) fn run() -> Result {
    need_nginx()?;
    run_all(shared_tests("levada-serve", &["--test", "proxy"])?)
}
