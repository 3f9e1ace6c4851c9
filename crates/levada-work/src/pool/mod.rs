//! Workers that share a queue: each job is done once, by the next free worker.
//!
//! [`Pool`] configures the number of workers and the capacity of the queue. [`start`](Pool::start)
//! takes the function that does a job, and returns the sender of the queue and the [`Workers`],
//! which can be resized, drained and joined.
//!
//! ```
//! use levada_work::pool::Pool;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (jobs, workers) = Pool::new(4).capacity(64).start(async |page: u32| {
//!     println!("page {page} rendered");
//! });
//! for page in 1..=10 {
//!     jobs.send(page).await?; // Waits while 64 are queued.
//! }
//! workers.resize(8);
//! workers.drain(Duration::from_secs(30)).await?; // All ten are done.
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a job
//! 1. `send` either accepts the job or returns it in the error.
//! 2. An accepted job is passed to the function once, or is returned in [`Undone::queued`] if the
//!    limit of a drain passes first.
//! 3. A panic ends the job. Its worker takes the next one. Jobs are not retried.
//!
//! If a caller waits for the result, put a [`oneshot`](levada::oneshot) in the job: the caller then
//! learns when the job is dropped.
//!
//! If some jobs are urgent, give them a [lane](Pool::lanes) of their own, which the workers ask
//! first.
//!
//! A job that creates other jobs passes them to its [`Submitter`], not to a sender of the queue: a
//! sender inside the workers would keep the queue open for ever, and a job that waits for room
//! would occupy the worker that has to make it.
//!
//! [`Workers::idle`] waits until all jobs are done, and [`Workers::counts`] returns how many there
//! are.
//!
//! Jobs are futures on the runtime's threads. For work that keeps a core busy or blocks, use
//! [`spawn_blocking`](tokio::task::spawn_blocking) inside the job.
//!
//! # How a pool ends
//! 1. When all senders are dropped, the workers finish the queued jobs and the jobs that those
//!    submit, and then end. [`Workers::join`] waits for that.
//! 2. [`Workers::close`] has the same effect while senders are left. [`Workers::drain`] closes and
//!    waits, with a limit.
//! 3. If the runtime ends, queued and running jobs are dropped with it, even if a [`Workers`] or a
//!    sender is left.

mod jobs;
mod lanes;
mod seat;
mod shared;
mod submitter;
mod turn;
mod undone;
mod workers;

pub use self::lanes::PoolWithLanes;
pub use self::shared::Counts;
pub use self::submitter::Submitter;
pub use self::undone::Undone;
pub use self::workers::Workers;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use levada::mpmc;
use levada::mpmc::lanes::Serve;
use tokio::runtime::Handle;

use self::jobs::Jobs;
use self::seat::Seat;
use self::shared::Shared;
use crate::Panic;

/// Configures and starts a pool.
///
/// # Examples
/// ```
/// use levada_work::pool::Pool;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let pool = Pool::new(2).capacity(100).on_panic(|panic| eprintln!("a job {panic}"));
/// let (jobs, workers) = pool.start(async |number: u32| assert_ne!(number, 0));
/// # }
/// ```
#[must_use = "it does nothing until it is started"]
pub struct Pool {
    workers: usize,
    capacity: usize,
    name: Option<Cow<'static, str>>,
    on_panic: Option<Hook>,
}

/// Called for each job that panicked.
type Hook = Box<dyn Fn(Panic) + Send + Sync>;

impl Pool {
    /// A pool of `workers` workers with a queue for 1024 jobs. With 0 workers, no job is done until
    /// the pool is [resized](Workers::resize).
    ///
    /// # Examples
    /// ```
    /// let pool = levada_work::pool::Pool::new(4);
    /// ```
    pub fn new(workers: usize) -> Self {
        Self { workers, capacity: 1024, name: None, on_panic: None }
    }

    /// Sets the capacity of the queue: `send` waits while it is full.
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// # Examples
    /// ```
    /// let pool = levada_work::pool::Pool::new(4).capacity(64);
    /// ```
    #[track_caller]
    pub fn capacity(mut self, jobs: usize) -> Self {
        assert!(jobs > 0, "a queue for 0 jobs: capacity must be at least 1");
        self.capacity = jobs;
        self
    }

    /// Gives the pool several queues in place of one, each with its own capacity: urgent jobs go to
    /// a lane of their own, and `serve` says which lane is next. [`capacity`](Self::capacity) has
    /// no effect then.
    ///
    /// # Panics
    /// If a capacity is 0.
    ///
    /// # Examples
    /// ```
    /// use levada::mpmc::lanes::Serve;
    /// use levada_work::pool::Pool;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::new(2).lanes([4, 64], Serve::Strict);
    /// let (jobs, workers) = pool.start(async |_job: u32| {});
    /// let (urgent, rest) = (jobs.lane(0), jobs.lane(1));
    /// rest.send(1).await?;
    /// urgent.send(2).await?; // Before what waits in the other lane.
    /// workers.idle().await;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn lanes<const N: usize>(
        self,
        capacities: [usize; N],
        serve: Serve<N>,
    ) -> PoolWithLanes<N> {
        let has_room = capacities.iter().all(|&jobs| jobs > 0);
        assert!(has_room, "a lane for 0 jobs: each capacity must be at least 1");
        PoolWithLanes::new(self, capacities, serve)
    }

    /// Gives the queue a name, by which levada's feature `observe` shows it.
    ///
    /// # Examples
    /// ```
    /// let pool = levada_work::pool::Pool::new(4).named("thumbnails");
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Calls `hook`, in the worker, for each job that panicked. Panics of the hook are ignored.
    ///
    /// # Examples
    /// ```
    /// let pool = levada_work::pool::Pool::new(4).on_panic(|panic| eprintln!("a job {panic}"));
    /// ```
    pub fn on_panic(mut self, hook: impl Fn(Panic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Box::new(hook));
        self
    }

    /// Starts the workers on the current runtime. `run` does one job. It is called again after a
    /// panic, so its state must tolerate that.
    ///
    /// # Panics
    /// Outside a tokio runtime, or if the capacity exceeds that of a channel.
    ///
    /// # Examples
    /// ```
    /// use levada::oneshot;
    /// use levada_work::pool::Pool;
    ///
    /// struct Job {
    ///     number: u64,
    ///     square: oneshot::Sender<u64>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (jobs, _workers) = Pool::new(2).start(async |job: Job| {
    ///     let _ = job.square.send(job.number * job.number); // A caller that has left does not need it.
    /// });
    /// let (square, answer) = oneshot::channel();
    /// jobs.send(Job { number: 12, square }).await?;
    /// assert_eq!(answer.await?, 144);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start<J, F, Running>(self, run: F) -> (mpmc::Sender<J>, Workers<J>)
    where
        J: Send + 'static,
        F: Fn(J) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        self.start_with_submitter(move |job, _submitter| run(job))
    }

    /// As [`start`](Self::start), for jobs that create other jobs: `run` also gets a [`Submitter`].
    ///
    /// # Panics
    /// As [`start`](Self::start).
    ///
    /// # Examples
    /// ```
    /// use levada_work::pool::{Pool, Submitter};
    /// use std::path::PathBuf;
    /// use std::time::Duration;
    ///
    /// /// Prints the files of a directory; each directory in it is another job.
    /// async fn list(directory: PathBuf, more: Submitter<PathBuf>) {
    ///     let Ok(mut entries) = std::fs::read_dir(directory) else { return };
    ///     while let Some(Ok(entry)) = entries.next() {
    ///         if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
    ///             let _ = more.submit(entry.path()); // An error means that the pool aborts.
    ///         } else {
    ///             println!("{}", entry.path().display());
    ///         }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (directories, workers) = Pool::new(4).start_with_submitter(list);
    /// directories.send("src".into()).await?;
    /// workers.drain(Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start_with_submitter<J, F, Running>(mut self, run: F) -> (mpmc::Sender<J>, Workers<J>)
    where
        J: Send + 'static,
        F: Fn(J, Submitter<J>) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        let (jobs, queue) = match self.name.take() {
            Some(name) => mpmc::builder(self.capacity).named(name).build(),
            None => mpmc::channel(self.capacity),
        };
        (jobs, self.start_on(Jobs::Queue(queue), run))
    }

    /// Starts workers that receive from `jobs`.
    #[track_caller]
    fn start_on<J, F, Running>(self, jobs: Jobs<J>, run: F) -> Workers<J>
    where
        J: Send + 'static,
        F: Fn(J, Submitter<J>) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        let runtime = Handle::current();
        let (shared, keeper) = Shared::new(jobs, self.on_panic);
        drop(runtime.spawn(keeper.keep()));
        let run = Arc::new(run);
        let hire = Box::new(move |seat: Seat<J>| {
            let (run, submitter) = (Arc::clone(&run), seat.submitter());
            drop(runtime.spawn(seat.work(move |job| run(job, submitter.clone()))));
        });
        let workers = Workers::new(shared, hire);
        workers.resize(self.workers);
        workers
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
