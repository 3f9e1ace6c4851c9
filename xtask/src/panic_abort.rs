//! `cargo xtask panic-abort`: levada where a panic ends the process, as embedded and small programs
//! have it.
//!
//! Each test then has a process of its own. Those that catch a panic cannot pass, and are left out.

use crate::cargo::Metadata;
use crate::toolchain::{Toolchain, host};
use crate::{Result, shell};
use std::process::Command;

const NIGHTLY: Toolchain<'_> = Toolchain("nightly");

/// Parts of the names of tests that catch a panic.
const CATCHING: &[&str] = &[
    "panic",
    "bombs::",
    "drops::",
    "order::",
    "a_capacity_that_cannot_be_is_the_callers_mistake",
    "blocking_in_a_runtime_is_the_callers_mistake",
    "blocking_inside_a_runtime_is_refused",
    "polling_a_send_again_harms_nobody",
    "misuse::channels_are_unwind_safe",
    "misuse::the_largest_capacity",
];

/// Runs the tests that need no unwinding.
pub(crate) fn run() -> Result {
    NIGHTLY.need(&[], &[])?;
    let list = shell::output(tests()?.args(["--", "--list", "--format=terse"]))?;
    if let Some(name) = CATCHING.iter().find(|name| !list.contains(*name)) {
        return Err(
            format!("no test has `{name}` in its name; see xtask/src/panic_abort.rs").into()
        );
    }
    let skipped = CATCHING.iter().flat_map(|name| ["--skip", *name]);
    shell::run(tests()?.args(["--no-fail-fast", "--"]).args(skipped))
}

fn tests() -> Result<Command> {
    let mut command = NIGHTLY.cargo();
    command.args(["test", "-Zpanic-abort-tests", "--target", &host()?, "--package", "levada"]);
    command.args(["--all-features", "--lib", "--tests"]);
    command.env("CARGO_PROFILE_TEST_PANIC", "abort").env("CARGO_PROFILE_DEV_PANIC", "abort");
    command.env("CARGO_TARGET_DIR", Metadata::load()?.target_dir().join("panic-abort"));
    Ok(command)
}
