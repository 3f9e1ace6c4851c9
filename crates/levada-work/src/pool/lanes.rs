//! A pool whose queue has lanes: urgent jobs before the rest.

use std::fmt;
use std::sync::Arc;

use levada::mpmc;
use levada::mpmc::lanes::Serve;

use super::jobs::Jobs;
use super::{Pool, Submitter, Workers};

/// Configures and starts a pool that takes its jobs from several queues, in the order that
/// [`Serve`] says. Made by [`Pool::lanes`].
///
/// # Guarantees
/// 1. **The order is that of [`Serve`].** A free worker takes the job that the discipline names
///    among those that are queued when it looks. A job that runs is not interrupted. Jobs that jobs
///    [submit](Submitter) come before those of all lanes.
/// 2. **A full lane holds back only its own senders**: each lane has its own capacity.
/// 3. **No lane starves**, unless [`Serve::Strict`] was asked for.
/// 4. **It ends as [any pool](super#how-a-pool-ends)**, when the senders of all lanes are dropped.
///    A lane whose senders are dropped sooner ends alone. [`Workers::close`] closes all lanes.
///
/// # Cost
/// That of [`mpmc::lanes`](mod@mpmc::lanes), and an allocation for each job that is taken.
///
/// # Examples
/// ```
/// use levada::mpmc::lanes::Serve;
/// use levada_work::pool::Pool;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(4).lanes([16, 256], Serve::Weighted([8, 1]));
/// let (jobs, workers) = pool.start(async |page: &'static str| println!("{page} rendered"));
/// let [visitor, crawler] = jobs.into_lanes();
/// crawler.send("archive/1").await?;
/// visitor.send("index").await?; // While both wait: 8 pages of visitors, 1 of the crawler.
/// workers.drain(Duration::from_secs(30)).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until it is started"]
pub struct PoolWithLanes<const N: usize> {
    pool: Pool,
    capacities: [usize; N],
    serve: Serve<N>,
}

impl<const N: usize> PoolWithLanes<N> {
    pub(super) fn new(pool: Pool, capacities: [usize; N], serve: Serve<N>) -> Self {
        Self { pool, capacities, serve }
    }

    /// As [`Pool::start`]. The sender has a [`lane`](mpmc::lanes::Sender::lane) for each queue.
    ///
    /// # Panics
    /// Outside a tokio runtime, if a capacity exceeds that of a channel, if there is no lane, or if
    /// a number of [`Serve::Weighted`] is 0.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::lanes::Serve;
    /// use levada_work::pool::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(1).lanes([4, 64], Serve::Strict);
    /// let (jobs, workers) = pool.start(async |job: &'static str| println!("{job}"));
    /// jobs.lane(1).send("a report").await?;
    /// jobs.lane(0).send("an alarm").await?; // Printed first: the worker has not looked yet.
    /// drop(jobs);
    /// workers.join().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start<J, F, Running>(self, run: F) -> (mpmc::lanes::Sender<J, N>, Workers<J>)
    where
        J: Send + 'static,
        F: Fn(J) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        self.start_with_submitter(move |job, _submitter| run(job))
    }

    /// As [`Pool::start_with_submitter`]. A job that was submitted comes before those of all lanes.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::lanes::Serve;
    /// use levada_work::pool::{Pool, Submitter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(2).lanes([4, 64], Serve::Strict);
    /// let (jobs, workers) = pool.start_with_submitter(async |left: u32, more: Submitter<u32>| {
    ///     if left > 0 {
    ///         let _ = more.submit(left - 1); // An error means that the pool aborts.
    ///     }
    /// });
    /// jobs.lane(1).send(10).await?;
    /// workers.idle().await; // All eleven are done.
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start_with_submitter<J, F, Running>(
        mut self,
        run: F,
    ) -> (mpmc::lanes::Sender<J, N>, Workers<J>)
    where
        J: Send + 'static,
        F: Fn(J, Submitter<J>) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        let mut lanes = mpmc::lanes::builder(self.capacities).serve(self.serve);
        if let Some(name) = self.pool.name.take() {
            lanes = lanes.named(name);
        }
        let (jobs, lanes) = lanes.build();
        (jobs, self.pool.start_on(Jobs::Lanes(Arc::new(lanes)), run))
    }
}

impl<const N: usize> fmt::Debug for PoolWithLanes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolWithLanes")
            .field("workers", &self.pool.workers)
            .field("capacities", &self.capacities)
            .field("serve", &self.serve)
            .finish_non_exhaustive()
    }
}
