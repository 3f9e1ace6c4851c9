//! `cargo xtask proxy`: `levada serve` behind a real nginx.

use crate::cargo::cargo;
use crate::toolchain::need_nginx;
use crate::{Result, shell};

/// Runs `crates/levada-serve/tests/proxy`.
pub(crate) fn run() -> Result {
    need_nginx()?;
    shell::run(cargo().args(["test", "--package", "levada-serve", "--test", "proxy"]))
}
