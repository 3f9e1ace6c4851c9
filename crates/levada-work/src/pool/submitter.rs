//! How jobs make jobs.

use std::fmt;
use std::sync::{Arc, Weak};

use levada::mpmc::error::SendError;

use super::shared::Shared;

/// Submits jobs from within jobs. [`Pool::start_with_submitter`](super::Pool::start_with_submitter)
/// passes one to each job.
///
/// It is weak: it keeps neither the queue open nor the workers running. No submitted job is lost:
///
/// 1. A running job can always submit, also while the pool [drains](super::Workers::drain), and the
///    submitted jobs run before the drain completes. Only a pool that aborts, because the limit of
///    the drain has passed, refuses a job and returns it.
/// 2. A `Submitter` that is kept after its job works as long as the pool does: until the queue is
///    closed, no job is queued and none runs.
///
/// Submitted jobs do not count towards the [capacity](super::Pool::capacity), and
/// [`submit`](Self::submit) never waits, since a job that waited for room would occupy the worker
/// that has to make it. Workers take submitted jobs before those of the queue, so a pool holds only
/// the submissions of jobs that have begun.
///
/// # Examples
/// A crawler: each page submits the pages that it links to, and the drain completes when the last
/// page is read.
/// ```
/// use levada_work::pool::{Pool, Submitter};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn read(page: u32, more: Submitter<u32>) {
///     for link in [2 * page, 2 * page + 1] {
///         if link < 100 && more.submit(link).is_err() {
///             eprintln!("page {link} is not read: there was no time left");
///         }
///     }
/// }
///
/// let (pages, workers) = Pool::new(4).start_with_submitter(read);
/// pages.send(1).await?;
/// workers.drain(Duration::from_secs(60)).await?; // All 99 are read.
/// # Ok(())
/// # }
/// ```
pub struct Submitter<J> {
    pool: Weak<Shared<J>>,
}

impl<J> Submitter<J> {
    pub(super) fn new(pool: &Arc<Shared<J>>) -> Self {
        Self { pool: Arc::downgrade(pool) }
    }

    /// Submits a job. `Ok` means that it is accepted.
    ///
    /// # Errors
    /// Returns the job if the pool has ended or aborts.
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::{Pool, Submitter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// /// Tries up to three times.
    /// async fn attempt(tried: u32, again: Submitter<u32>) {
    ///     if tried < 2 {
    ///         if let Err(refused) = again.submit(tried + 1) {
    ///             eprintln!("given up after {} attempts", refused.0);
    ///         }
    ///     }
    /// }
    /// let (jobs, workers) = Pool::new(1).start_with_submitter(attempt);
    /// jobs.send(0).await?;
    /// workers.drain(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn submit(&self, job: J) -> Result<(), SendError<J>> {
        match self.pool.upgrade() {
            Some(pool) => pool.submit(job).map_err(SendError),
            None => Err(SendError(job)),
        }
    }
}

impl<J> Clone for Submitter<J> {
    fn clone(&self) -> Self {
        Self { pool: Weak::clone(&self.pool) }
    }
}

impl<J> fmt::Debug for Submitter<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitter").finish_non_exhaustive()
    }
}
