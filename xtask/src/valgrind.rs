//! `cargo xtask valgrind`: the optimised tests, as users compile them, under memcheck.
//!
//! A second opinion: AddressSanitizer does not see what is read before it was written, and changes
//! the code it looks at.

use crate::cargo::{Built, Metadata, cargo, programs};
use crate::toolchain::need_valgrind;
use crate::{Result, leaks, shell};
use std::process::Command;

/// Unit tests, and the stress suite at its usual length; the rest would take hours.
const TESTS: &[&str] = &["--lib", "--test", "stress"];

/// Builds the tests with optimisation, and runs them.
pub(crate) fn run() -> Result {
    need_valgrind()?;
    let programs = build()?;
    if programs.is_empty() {
        return Err("cargo built no test; its messages have changed".into());
    }
    for program in programs {
        let mut command = Command::new("valgrind");
        // `indirect` comes with `definite`. Fair: threads that spin let the others run.
        command.args(["--quiet", "--error-exitcode=1", "--fair-sched=yes", "--leak-check=full"]);
        command.args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]);
        command.arg(program.path);
        // Rounds of hundreds of thousands, of which memcheck learns nothing new.
        command.args(["--skip", "steady_backlog", "--skip", "model::"]);
        shell::run(command.args(leaks::skipped()))?;
    }
    Ok(())
}

/// The test programs.
fn build() -> Result<Vec<Built>> {
    let mut command = cargo();
    command.args(["test", "--package", "levada", "--all-features", "--release", "--no-run"]);
    command.args(TESTS);
    command.env("CARGO_TARGET_DIR", Metadata::load()?.target_dir().join("valgrind"));
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    programs(&mut command)
}
