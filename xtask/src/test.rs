//! `cargo xtask test`: the workspace's tests.

use crate::cargo::{Metadata, cargo, programs};
use crate::libtest::{Whole, run_all};
use crate::{Result, nats, shell, windows};

/// Runs unit, integration and doc tests with all features; on Windows those of the packages that
/// run there. What wants a browser is `cargo xtask page`, what wants nginx `cargo xtask proxy`, and
/// what wants NATS servers `cargo xtask nats`.
///
/// On Linux, where those others run as well, their tests are built here: cargo gives a dependency
/// the features that all selected packages ask for, and so each is built once.
pub(crate) fn run() -> Result {
    let elsewhere = ["levada-page-test", nats::TESTED, nats::TESTS];
    let excluded = elsewhere.iter().flat_map(|package| ["--exclude", package]);
    let [mut build, mut doc] = ["--no-run", "--doc"].map(|what| {
        let mut command = cargo();
        command.args(["test", what, "--all-features"]);
        command
    });
    for command in [&mut build, &mut doc] {
        match std::env::consts::OS {
            "linux" => command.arg("--workspace"),
            "windows" => command.args(windows::PACKAGES.iter().flat_map(|of| ["--package", of])),
            _ => command.arg("--workspace").args(excluded.clone()),
        };
    }
    if cfg!(target_os = "linux") {
        doc.args(["--exclude", nats::TESTED]);
    }
    let metadata = Metadata::load()?;
    let mut tests = Vec::new();
    for built in programs(&mut build)?.iter().filter(|built| built.is_test) {
        if !elsewhere.contains(&metadata.package_with(&built.package_id)?.name()) {
            tests.push(Whole::new(built, &metadata)?);
        }
    }
    run_all(tests)?;
    shell::run(&mut doc)
}
