//! `cargo xtask valgrind`: the optimised tests, as users compile them, under memcheck.
//!
//! A second opinion: AddressSanitizer does not see what is read before it was written, and changes the
//! code it looks at.

use crate::cargo::{Metadata, array, cargo};
use crate::toolchain::need_program;
use crate::{Result, leaks, shell};
use serde_json::Value;
use std::process::Command;

/// Unit tests, and the stress suite at its usual length; the rest would take hours.
const TESTS: &[&str] = &["--lib", "--test", "stress"];

/// Builds the tests with optimisation, and runs them.
pub(crate) fn run() -> Result {
    need_program(
        &["valgrind"],
        "`apt-get install valgrind` or your system's package of that name",
    )?;
    let programs = build()?;
    if programs.is_empty() {
        return Err("cargo built no test; its messages have changed".into());
    }
    for program in programs {
        let mut command = Command::new("valgrind");
        // `indirect` comes with `definite`. Fair: threads that spin let the others run.
        command.args(["--quiet", "--error-exitcode=1", "--fair-sched=yes", "--leak-check=full"]);
        command.args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite", &program]);
        // Rounds of hundreds of thousands, of which memcheck learns nothing new.
        command.args(["--skip", "steady_backlog", "--skip", "model::"]);
        shell::run(command.args(leaks::skipped()))?;
    }
    Ok(())
}

/// The paths of the test programs.
fn build() -> Result<Vec<String>> {
    let mut command = cargo();
    command.args(["test", "--package", "levada", "--all-features", "--release", "--no-run"]);
    command.args(TESTS).arg("--message-format=json");
    command.env("CARGO_TARGET_DIR", Metadata::load()?.target_dir().join("valgrind"));
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    let messages = shell::output(&mut command)?;
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let mut programs = Vec::new();
    for message in messages {
        let message = message?;
        let is_test = message["profile"]["test"] == true;
        let is_program = array(&message["target"]["kind"]).next().is_some();
        let path = message["executable"].as_str().filter(|_| is_test && is_program);
        programs.extend(path.map(str::to_owned));
    }
    Ok(programs)
}
