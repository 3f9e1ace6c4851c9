//! A hang becomes a failure.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Far longer than anything takes; only a hang gets there.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than any test runs, for limits that must not be reached; on a paused clock it passes at
/// once.
pub const LONG: Duration = Duration::from_secs(3600);

/// Runs `f` on a thread of its own and fails if it hangs.
///
/// # Panics
/// As `f` does, or when [`DEADLINE`] has passed.
#[track_caller]
pub fn within_deadline<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = channel();
    let thread = thread::spawn(move || drop(done.send(f())));
    match result.recv_timeout(DEADLINE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = thread.join().expect_err("it ended without a result");
            std::panic::resume_unwind(panic)
        }
    }
}
