//! `cargo xtask fmt`: the formatting is rustfmt's.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Fails if `cargo fmt` would change a file.
pub(crate) fn run() -> Result {
    shell::run(cargo().args(["fmt", "--all", "--check"]))
}
