//! `cargo xtask test`: the workspace's tests.

use crate::Result;
use crate::cargo::cargo;
use crate::shell;

/// Runs unit, integration and doc tests with all features. What wants a browser is
/// `cargo xtask page`, and what wants nginx `cargo xtask proxy`.
pub(crate) fn run() -> Result {
    let page = ["--exclude", "levada-page-test"];
    shell::run(cargo().args(["test", "--workspace", "--all-features"]).args(page))
}
