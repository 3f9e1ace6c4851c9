//! `cargo xtask proxy`: `levada serve` behind a real nginx.

use crate::Result;
use crate::libtest::{build, run_all};
use crate::toolchain::need_nginx;

/// Runs `crates/levada-serve/tests/proxy`.
pub(crate) fn run() -> Result {
    need_nginx()?;
    run_all(build("levada-serve", &["--test", "proxy"])?)
}
