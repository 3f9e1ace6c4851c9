//! One process at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::StoreError;

/// How long the lock of a process that was killed may outlive it: a command that it was just
/// starting shares its open files until it is the command.
const LINGERS: Duration = Duration::from_secs(2);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// Locks a file until it is closed.
///
/// # Errors
/// If another process has locked it and keeps it so, or the system refuses.
pub(super) fn lock(file: &File) -> Result<(), StoreError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < LINGERS => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(StoreError::io("another process uses it")),
            // A signal, and not an answer.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::from(error).context("cannot lock it"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_up_soon_is_waited_for() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let held = File::open(path.path()).unwrap();
        lock(&held).unwrap();
        let other = File::open(path.path()).unwrap();
        let error = lock(&other).unwrap_err();
        assert_eq!(error.message, "another process uses it");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| lock(&other));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
    }
}
