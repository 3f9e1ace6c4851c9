//! `cargo xtask tsan`: data races, in levada's tests and its stress suite.
//!
//! ThreadSanitizer does not understand `fence`. Nothing in levada reads plain memory on the strength of
//! a fence alone: those in `wait::queue` and `queue` decide who wakes whom, and the data is under a lock.
//! So there is no list of suppressions.

use crate::Result;
use crate::sanitizer::Sanitizer;

/// Runs the tests, then the stress suite for longer; the first race ends it.
pub(crate) fn run() -> Result {
    Sanitizer { name: "thread", variable: "TSAN_OPTIONS" }.run("halt_on_error=1", &[])
}
