//! The handle of the workers: their number, and their end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::seat::Seat;
use super::shared::{Counts, Shared};
use super::undone::Undone;

/// The handle of the running workers. Dropping it detaches them: they continue until the last
/// sender is dropped.
///
/// # Examples
/// ```
/// use levada_work::pool::Pool;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (jobs, workers) = Pool::new(2).start(async |_job: u32| {});
/// jobs.send(1).await?;
/// workers.drain(std::time::Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
pub struct Workers<J> {
    shared: Arc<Shared<J>>,
    /// Starts a worker.
    hire: Box<dyn Fn(Seat<J>) + Send + Sync>,
}

impl<J> Workers<J> {
    pub(super) fn new(shared: Arc<Shared<J>>, hire: Box<dyn Fn(Seat<J>) + Send + Sync>) -> Self {
        Self { shared, hire }
    }

    /// Changes the number of workers. New workers begin at once; a surplus worker ends when it has
    /// finished its job. With 0 workers, no queued job is started.
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (jobs, workers) = Pool::new(2).start(async |_job: u32| {});
    /// workers.resize(8);
    /// assert_eq!(workers.size(), 8);
    /// # drop(jobs);
    /// # }
    /// ```
    pub fn resize(&self, workers: usize) {
        let (missing, queues) = {
            let mut state = self.shared.state();
            state.wanted = workers;
            // Without a runtime, no worker can be hired.
            let Some(queues) = state.queues.clone() else { return };
            let missing = workers.saturating_sub(state.seats);
            state.seats += missing;
            (missing, queues)
        };
        for _ in 0..missing {
            (self.hire)(Seat::new(&self.shared, queues.clone()));
        }
        // Workers that wait for a job may be too many.
        self.shared.orders.send_modify(|_| {});
    }

    /// The number of workers that was last asked for.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// assert_eq!(workers.size(), 2);
    /// # }
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared.state().wanted
    }

    /// The number of jobs that run now. [`counts`](Self::counts) returns this number and
    /// [`queued`](Self::queued) for one moment.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// assert_eq!(workers.running(), 0);
    /// # }
    /// ```
    #[must_use]
    pub fn running(&self) -> usize {
        self.counts().running
    }

    /// The number of jobs that wait, from senders and from other jobs.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, workers) = levada_work::pool::Pool::new(0).start(async |_job: u32| {});
    /// jobs.send(1).await?;
    /// assert_eq!(workers.queued(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        self.counts().queued
    }

    /// The numbers of waiting and of running jobs at one moment: each job that was accepted and has
    /// not ended is counted once.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// for job in 0..5 {
    ///     jobs.send(job).await?;
    /// }
    /// assert_eq!(workers.counts().total(), 5);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Waits until no job is queued and none runs. This includes jobs that a job
    /// [submits](super::Submitter) or sends before it ends. Other jobs may be sent at any time: at
    /// some moment since the call the pool was idle, and there may be new jobs when this returns.
    ///
    /// A pool whose runtime has ended is idle. A pool with a queued job and no workers is not,
    /// until it is [resized](Self::resize).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, and the method may be called again.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// for wave in 0..3 {
    ///     for job in 0..10 {
    ///         jobs.send(10 * wave + job).await?;
    ///     }
    ///     workers.idle().await; // All ten are done, and the pool is ready for the next ten.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn idle(&self) {
        // Before the look: what changes after it ends the wait.
        let mut idle = self.shared.idle.subscribe();
        if self.counts().total() > 0 {
            // No error: `shared` has the sender.
            let _ = idle.changed().await;
        }
    }

    /// Closes the queue, although senders are left. The workers finish the queued jobs and the jobs
    /// that those [submit](super::Submitter), and then end.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// workers.close();
    /// assert_eq!(jobs.send(1).await.unwrap_err().0, 1);
    /// # }
    /// ```
    pub fn close(&self) {
        let queues = self.shared.state().queues.clone();
        if let Some(queues) = queues {
            queues.jobs.close();
        }
    }

    /// [Closes](Self::close) the queue, and waits until the workers have finished the queued jobs
    /// and the jobs that those [submit](super::Submitter). When `limit` has passed, running jobs
    /// are aborted, that is, dropped at the `.await` at which they wait, and no job can be
    /// submitted any more. When this returns, no worker is left.
    ///
    /// A job that blocks its thread cannot be aborted; the drain waits for it. An outstanding
    /// [permit](levada::mpmc::Permit) keeps the workers running until it is used or dropped; if it
    /// is used after they were aborted, its job is dropped.
    ///
    /// # Errors
    /// [`Undone`] if jobs were aborted, are left, or were dropped with the runtime. `Duration::MAX`
    /// is no limit.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// Dropping the future after its first poll leaves the queue closed and detaches the workers,
    /// which finish the queued jobs. Once the limit has passed, the remaining jobs are dropped.
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::Pool;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, workers) = Pool::new(1).start(async |seconds: u64| {
    ///     tokio::time::sleep(Duration::from_secs(seconds)).await;
    /// });
    /// for seconds in [1, 60, 2, 3] {
    ///     jobs.send(seconds).await?;
    /// }
    /// let undone = workers.drain(Duration::from_secs(10)).await.unwrap_err();
    /// assert_eq!((undone.aborted, undone.queued), (1, vec![2, 3]));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drain(self, limit: Duration) -> Result<(), Undone<J>> {
        self.close();
        let all_ended = self.shared.orders.closed();
        if timeout(limit, all_ended).await.is_err() {
            self.shared.state().has_ended = true;
            self.shared.orders.send_replace(true);
            self.shared.orders.closed().await;
        }
        self.undone()
    }

    /// Waits until all senders are dropped, or the pool was [closed](Self::close), and the workers
    /// have finished the queued jobs.
    ///
    /// # Errors
    /// [`Undone`] if jobs are left because there were no workers, or were dropped with the runtime.
    ///
    /// # Cancel safety
    /// Dropping the future detaches the workers, as dropping the handle does.
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, workers) = Pool::new(2).start(async |_job: u32| {});
    /// for job in 0..10 {
    ///     jobs.send(job).await?;
    /// }
    /// drop(jobs);
    /// workers.join().await?; // All are done.
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join(self) -> Result<(), Undone<J>> {
        self.shared.orders.closed().await;
        self.undone()
    }

    fn undone(&self) -> Result<(), Undone<J>> {
        let undone = self.shared.undone();
        if undone.is_nothing() { Ok(()) } else { Err(undone) }
    }
}

impl<J> fmt::Debug for Workers<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { queued, running } = self.counts();
        f.debug_struct("Workers")
            .field("size", &self.size())
            .field("running", &running)
            .field("queued", &queued)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pool;

    /// The last call decides. The workers that are too many have left, also those that wait for
    /// jobs.
    #[test]
    fn resizes_that_meet_leave_as_many_workers_as_the_last_one_said() {
        const ROUNDS: usize = 300;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
        runtime.unwrap().block_on(async {
            let (_jobs, workers) = Pool::new(1).start(async |_: u32| {});
            let workers = std::sync::Arc::new(workers);
            for round in 0..ROUNDS {
                let mut resizers = tokio::task::JoinSet::new();
                for seed in 0..3 {
                    let workers = std::sync::Arc::clone(&workers);
                    resizers.spawn(async move {
                        for step in 0..20 {
                            workers.resize((step * 7 + seed * 3 + round) % 6);
                            tokio::task::yield_now().await;
                        }
                    });
                }
                resizers.join_all().await;
                let last = round % 4;
                workers.resize(last);
                let seats =
                    || (workers.shared.state().seats, workers.shared.orders.receiver_count());
                let settled = async {
                    while seats() != (last, last) {
                        tokio::task::yield_now().await;
                    }
                };
                let limit = std::time::Duration::from_secs(60);
                assert!(tokio::time::timeout(limit, settled).await.is_ok(), "{:?}", seats());
            }
        });
    }
}
