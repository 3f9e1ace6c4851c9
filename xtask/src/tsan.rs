//! `cargo xtask tsan`: data races, in levada's tests and its stress suite.
//!
//! ThreadSanitizer does not understand `fence`. Nothing in levada reads plain memory on the strength of
//! a fence alone: those in `wait::queue` and `queue` decide who wakes whom, and the data is under a lock.

use crate::Result;
use crate::sanitizer::Sanitizer;
use crate::shell;

/// How many times as long as in the tests the stress suite runs.
const STRESS: u32 = 5;

/// Runs the tests, then the stress suite for longer.
pub(crate) fn run() -> Result {
    let suppressions = crate::cargo::root().join("xtask/src/tsan.supp");
    let options = format!("halt_on_error=1 suppressions={}", suppressions.display());
    let sanitizer = Sanitizer::new("thread", ("TSAN_OPTIONS", options))?;
    shell::run(&mut sanitizer.tests())?;
    sanitizer.stress(STRESS)
}
