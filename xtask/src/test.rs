//! `cargo xtask test`: the workspace's tests.

use crate::Result;
use crate::cargo::cargo;
use crate::{nats, shell, windows};

/// Runs unit, integration and doc tests with all features; on Windows those of the packages that
/// run there. What wants a browser is `cargo xtask page`, what wants nginx `cargo xtask proxy`, and
/// what wants NATS servers `cargo xtask nats`.
pub(crate) fn run() -> Result {
    let mut command = cargo();
    command.args(["test", "--all-features"]);
    if cfg!(windows) {
        command.args(windows::PACKAGES.iter().flat_map(|package| ["--package", package]));
    } else {
        command.arg("--workspace");
        let elsewhere = ["levada-page-test", nats::TESTED, nats::TESTS];
        command.args(elsewhere.iter().flat_map(|package| ["--exclude", package]));
    }
    shell::run(&mut command)
}
