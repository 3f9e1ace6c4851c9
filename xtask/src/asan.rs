//! `cargo xtask asan`: memory errors and leaks, in levada's tests and its stress suite.

use crate::Result;
use crate::sanitizer::Sanitizer;
use crate::{leaks, shell};

/// Runs the tests, those that leak on purpose apart, then the stress suite for longer.
pub(crate) fn run() -> Result {
    let sanitizer = Sanitizer { name: "address", variable: "ASAN_OPTIONS" };
    leaks::check(&mut sanitizer.tests("")?)?;
    shell::run(sanitizer.tests("detect_leaks=0")?.arg("--").args(leaks::only()))?;
    let skipped: Vec<_> = leaks::skipped().collect();
    sanitizer.run("detect_leaks=1", &skipped)
}
