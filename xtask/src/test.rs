//! `cargo xtask test`: the workspace's tests.

use crate::Result;
use crate::cargo::cargo;
use crate::{shell, windows};

/// Runs unit, integration and doc tests with all features; on Windows those of the packages that
/// run there. What wants a browser is `cargo xtask page`, and what wants nginx `cargo xtask proxy`.
pub(crate) fn run() -> Result {
    let mut command = cargo();
    command.args(["test", "--all-features"]);
    if cfg!(windows) {
        command.args(windows::PACKAGES.iter().flat_map(|package| ["--package", package]));
    } else {
        command.args(["--workspace", "--exclude", "levada-page-test"]);
    }
    shell::run(&mut command)
}
