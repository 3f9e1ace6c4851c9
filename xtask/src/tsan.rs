//! `cargo xtask tsan`: data races, in levada's tests and its stress suite, snapshots included.
//!
//! ThreadSanitizer does not understand `fence`, nor `membarrier`. Nothing in levada reads plain
//! memory on the strength of a fence alone: those in `wait::queue` and `queue` decide who wakes
//! whom, and the data is under a lock. Fences decide as well whether a `watch` value is found to be
//! looked at; then what is found, a word that was posted or withdrawn, is released and acquired. So
//! there is no list of suppressions, and with small thresholds (`--cfg levada_small`) these paths
//! are the usual ones.

use crate::Result;
use crate::sanitizer::Sanitizer;

/// ThreadSanitizer has a thread of its own, with which no user namespace can be made.
const ALONE: &str = "a_user_namespace_can_be_made";

/// Runs the tests, then the stress suite for longer and beside snapshots; the first race ends it.
pub(crate) fn run() -> Result {
    Sanitizer { name: "thread", variable: "TSAN_OPTIONS" }
        .run("halt_on_error=1", &["--skip", ALONE])
}
