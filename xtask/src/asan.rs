//! `cargo xtask asan`: memory errors and leaks, in levada's tests and its stress suite.

use crate::Result;
use crate::sanitizer::Sanitizer;
use crate::{leaks, shell};

/// The detector of leaks starts a thread at the end, for which this scene kills the process.
const THREADLESS: [&str; 2] = ["--skip", "no_thread_may_be_started"];

/// Runs the tests, those that leak on purpose apart, then the stress suite for longer.
pub(crate) fn run() -> Result {
    let sanitizer = Sanitizer { name: "address", variable: "ASAN_OPTIONS" };
    leaks::check(&mut sanitizer.tests("")?)?;
    shell::run(sanitizer.tests("detect_leaks=0")?.arg("--").args(leaks::only()))?;
    let skipped: Vec<_> = leaks::skipped().chain(THREADLESS).collect();
    sanitizer.run("detect_leaks=1", &skipped)
}
