//! `cargo xtask fmt`: the formatting is rustfmt's.

use crate::Result;
use crate::cargo::cargo;
use crate::shell::run as execute;

/// Fails if `cargo fmt` would change a file.
pub(crate) fn run(_: &[String]) -> Result {
    execute(cargo().args(["fmt", "--all", "--check"]))
}
