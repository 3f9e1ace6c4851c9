//! `cargo xtask test`: the workspace's tests.

use crate::cargo::{Metadata, cargo, shared};
use crate::libtest::{run_all, tests};
use crate::{Result, features, nats, shell, windows};
use std::process::Command;

/// What `cargo xtask nats` runs.
const OF_NATS: [&str; 2] = [nats::TESTED, nats::TESTS];

/// Runs unit, integration and doc tests with all features; on Windows those of the packages that
/// run there. What wants a browser is `cargo xtask page`, what wants nginx `cargo xtask proxy`, and
/// what wants NATS servers `cargo xtask nats`. The grid is part of `cargo xtask features`.
pub(crate) fn run() -> Result {
    let mut build = cargo_test("--no-run");
    let mut doc = cargo_test("--doc");
    if cfg!(target_os = "linux") {
        // Its tests are built here, where they run as well: what is selected stays the same.
        doc.args(["--exclude", nats::TESTED]);
    } else if !cfg!(windows) {
        for command in [&mut build, &mut doc] {
            command.args(OF_NATS.iter().flat_map(|package| ["--exclude", package]));
        }
    }
    let mut tests = tests(&mut build, &Metadata::load()?)?;
    let elsewhere = |package: &str| OF_NATS.contains(&package) || package == features::GRID;
    tests.retain(|test| !elsewhere(&test.package));
    run_all(tests)?;
    shell::run(&mut doc)
}

fn cargo_test(what: &str) -> Command {
    let words = ["test", what, "--all-features"];
    if !cfg!(windows) {
        return shared(&words);
    }
    let mut command = cargo();
    command.args(words).args(windows::PACKAGES.iter().flat_map(|package| ["--package", package]));
    command
}
