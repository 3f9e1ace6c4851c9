//! The handle: how many there are, and their end.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use levada::mpmc;
use tokio::time::timeout;

use super::Hook;
use super::seat::{Seat, Shared};

/// The running workers. Dropping this detaches them: they go on until the last sender is gone.
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
    pub(super) fn new(
        queue: mpmc::Receiver<J>,
        on_panic: Option<Hook>,
        hire: Box<dyn Fn(Seat<J>) + Send + Sync>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(queue, on_panic)), hire }
    }

    /// Has `workers` of them from now on: more begin at once; of those that are too many, each ends when it has done its
    /// job. With 0 the queue stands still.
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
        let missing = {
            let mut state = self.shared.state();
            state.wanted = workers;
            let missing = workers.saturating_sub(state.seats);
            state.seats += missing;
            missing
        };
        for _ in 0..missing {
            (self.hire)(Seat::new(&self.shared));
        }
        // Those who wait for a job may be too many.
        self.shared.orders.send_modify(|_| {});
    }

    /// How many workers there are to be.
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

    /// How many jobs run now.
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
        self.shared.state().running
    }

    /// How many jobs wait.
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
        self.shared.queue.len()
    }

    /// Takes no more jobs, also not from senders that are still there. What is queued is done, and then the workers end.
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
        self.shared.queue.close();
    }

    /// [Closes](Self::close), and waits until the workers have done what is queued. After `limit` what runs is aborted:
    /// dropped where it waits. When this returns, no worker is left.
    ///
    /// A job that blocks its thread cannot be aborted, and is waited for. A [permit](mpmc::Permit) that is out keeps the
    /// workers until it is used or dropped; when it is used after they were aborted, its job is dropped.
    ///
    /// # Errors
    /// [`Undone`] if jobs were aborted, or are left. `Duration::MAX` is no limit.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// Dropping the future after its first poll leaves the queue closed and detaches the workers, which finish what is queued;
    /// but once the limit was over, what is left is dropped.
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
            self.shared.orders.send_replace(true);
            self.shared.orders.closed().await;
        }
        self.undone()
    }

    /// Waits until all senders are gone (or the pool was [closed](Self::close)) and the workers have done what was queued.
    ///
    /// # Errors
    /// [`Undone`] if jobs are left because there were no workers.
    ///
    /// # Cancel safety
    /// Dropping the future detaches the workers, as dropping this does.
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

    /// What is left when there is no worker.
    fn undone(&self) -> Result<(), Undone<J>> {
        let mut state = self.shared.state();
        let (aborted, mut queued) = (state.aborted, std::mem::take(&mut state.too_late));
        drop(state);
        while let Ok(job) = self.shared.queue.try_recv() {
            queued.push(job);
        }
        if aborted == 0 && queued.is_empty() { Ok(()) } else { Err(Undone { aborted, queued }) }
    }
}

impl<J> fmt::Debug for Workers<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("size", &self.size())
            .field("running", &self.running())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// What was not done when the workers had ended.
///
/// # Examples
/// ```
/// use levada_work::pool::Undone;
///
/// fn log(undone: Undone<String>) {
///     eprintln!("{undone}"); // "jobs were not done: 1 aborted, 2 left in the queue"
///     for job in undone.queued {
///         eprintln!("not begun: {job}");
///     }
/// }
/// ```
#[non_exhaustive]
pub struct Undone<J> {
    /// How many jobs had begun.
    pub aborted: usize,
    /// Those that had not, in no particular order.
    pub queued: Vec<J>,
}

impl<J> fmt::Debug for Undone<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undone")
            .field("aborted", &self.aborted)
            .field("queued", &self.queued.len())
            .finish()
    }
}

impl<J> fmt::Display for Undone<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (aborted, left) = (self.aborted, self.queued.len());
        write!(f, "jobs were not done: {aborted} aborted, {left} left in the queue")
    }
}

impl<J> Error for Undone<J> {}

#[cfg(test)]
mod tests {
    use super::super::Pool;

    /// Whoever resizes last decides, and those who are too many have left, also if they wait for jobs.
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
