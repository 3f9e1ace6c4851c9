//! `cargo xtask windows`: the channels and the worker patterns compile for Windows, with their
//! tests, and without a lint. The workflow runs the tests there.

use crate::cargo::cargo;
use crate::toolchain::need_target;
use crate::{Result, shell};

/// What the Windows machines of the workflow build for. Checking needs no linker.
const TARGET: &str = "x86_64-pc-windows-msvc";
/// The packages for every platform: the service stops jobs by Unix process groups.
pub(crate) const PACKAGES: [&str; 2] = ["levada", "levada-work"];

/// Checks and lints every target of [`PACKAGES`].
pub(crate) fn run() -> Result {
    need_target(TARGET)?;
    let mut command = cargo();
    command.args(["clippy", "--target", TARGET, "--all-targets", "--all-features"]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    shell::run(command.args(["--", "-D", "warnings"]))
}
