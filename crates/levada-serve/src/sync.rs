//! Locks that a panic does not close, and a time limit that a stop of the process does not spoil.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::error::Elapsed;

/// How long a client's time goes on after it is over. A process that was stopped meanwhile
/// (SIGSTOP, a container that is frozen) may see the end of the time before it sees what clients
/// sent: after a stop `epoll_wait` returns with EINTR, and tokio looks at its timers first.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// As tokio's `timeout`, for what a client sends: what has arrived when the time is over is seen.
///
/// # Errors
/// The time is over.
///
/// # Cancel safety
/// As `future`.
pub(crate) async fn timeout_of_client<F: Future>(
    limit: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match tokio::time::timeout(limit, &mut future).await {
        Err(_) => tokio::time::timeout(GRACE, future).await,
        done => done,
    }
}

/// Locks, also after a panic under the lock: no change that is made under one of these locks is
/// half done where it could panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
