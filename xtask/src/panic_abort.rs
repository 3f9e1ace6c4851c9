//! `cargo xtask panic-abort`: levada where a panic ends the process, as embedded and small programs
//! have it.
//!
//! Each test then has a process of its own. Those that catch a panic cannot pass, and are left out;
//! they are the ones with "panic" in their name.

use crate::cargo::Metadata;
use crate::toolchain::{Toolchain, host};
use crate::{Result, shell};

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Runs the tests that need no unwinding.
pub(crate) fn run() -> Result {
    NIGHTLY.need(&[], &[])?;
    let mut command = NIGHTLY.cargo();
    command.args(["test", "-Zpanic-abort-tests", "--target", &host()?, "--package", "levada"]);
    command.args(["--all-features", "--lib", "--tests", "--no-fail-fast"]);
    command.env("CARGO_PROFILE_TEST_PANIC", "abort").env("CARGO_PROFILE_DEV_PANIC", "abort");
    command.env("CARGO_TARGET_DIR", Metadata::load()?.target_dir().join("panic-abort"));
    shell::run(command.args(["--", "--skip", "panic"]))
}
