//! `cargo xtask asan`: memory errors and leaks, in levada's tests and its stress suite.

use crate::Result;
use crate::sanitizer::Sanitizer;
use crate::{leaks, shell};

/// How many times as long as in the tests the stress suite runs.
const STRESS: u32 = 5;

/// Runs the tests, those that leak on purpose apart, then the stress suite for longer.
pub(crate) fn run() -> Result {
    let with_leaks = Sanitizer::new("address", ("ASAN_OPTIONS", "detect_leaks=1".into()))?;
    leaks::check(&mut with_leaks.tests())?;
    shell::run(with_leaks.tests().arg("--").args(leaks::skipped()))?;
    let without_leaks = Sanitizer::new("address", ("ASAN_OPTIONS", "detect_leaks=0".into()))?;
    shell::run(without_leaks.tests().arg("--").args(leaks::only()))?;
    with_leaks.stress(STRESS)
}
