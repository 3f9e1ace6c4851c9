//! `cargo xtask test`: the workspace's tests.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Runs unit, integration and doc tests with all features.
pub(crate) fn run() -> Result {
    shell::run(cargo().args(["test", "--workspace", "--all-features"]))
}
