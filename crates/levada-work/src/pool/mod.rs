//! Workers that share a queue: each job is done once, by whichever worker is free.
//!
//! [`Pool`] says how many workers and how long a queue; [`start`](Pool::start) takes the function
//! that does a job, and gives the sender of the queue and the [`Workers`] to resize and to end.
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
//! # What becomes of a job
//! `send` gives it back, or it was accepted. What was accepted is handed to the function once; or
//! it is in [`Undone::queued`], if the drain took too long. A job that panics ends, and its worker
//! takes the next. If a caller waits for the result, let the job carry a
//! [`oneshot`](levada::oneshot): a job that is dropped tells the caller.
//!
//! A job that makes other jobs hands them to its [`Submitter`]. Not to a sender of the queue: a
//! sender inside the workers keeps the queue open for ever, and a job that waits for room keeps the
//! worker that would make it.
//!
//! [`Workers::idle`] waits until all of them are done, and [`Workers::counts`] says how many there
//! are.
//!
//! The jobs are futures on the runtime's threads: for work that keeps a core busy or blocks, use
//! [`spawn_blocking`](tokio::task::spawn_blocking) in them.
//!
//! # How it ends
//! When all senders are gone, the workers finish what is queued and what those jobs submit, and
//! end; [`Workers::join`] waits for that. [`Workers::close`] has the same effect while there are
//! senders; [`Workers::drain`] closes and waits, with a limit. If the runtime ends, what is queued
//! or runs is dropped with it, also while a [`Workers`] or a sender is left.

mod seat;
mod shared;
mod submitter;
mod turn;
mod undone;
mod workers;

pub use self::shared::Counts;
pub use self::submitter::Submitter;
pub use self::undone::Undone;
pub use self::workers::Workers;

use std::fmt;
use std::sync::Arc;

use levada::mpmc;
use tokio::runtime::Handle;

use self::seat::Seat;
use self::shared::Shared;
use crate::Panic;

/// How many workers there are, and how many jobs may wait for them.
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
    on_panic: Option<Hook>,
}

/// Called for each job that panicked.
type Hook = Box<dyn Fn(Panic) + Send + Sync>;

impl Pool {
    /// So many workers, and a queue for 1024 jobs. 0 workers do nothing until they are
    /// [resized](Workers::resize).
    ///
    /// # Examples
    /// ```
    /// let pool = levada_work::pool::Pool::new(4);
    /// ```
    pub fn new(workers: usize) -> Self {
        Self { workers, capacity: 1024, on_panic: None }
    }

    /// How many jobs wait in the queue before `send` waits.
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

    /// Starts the workers on this runtime. `run` does one job; it is called again after it has
    /// panicked, and so must bear that.
    ///
    /// # Panics
    /// Outside a tokio runtime; and if the capacity is more than a channel may have.
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

    /// As [`start`](Self::start), for jobs that make other jobs: `run` also gets a [`Submitter`]
    /// for them.
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
    pub fn start_with_submitter<J, F, Running>(self, run: F) -> (mpmc::Sender<J>, Workers<J>)
    where
        J: Send + 'static,
        F: Fn(J, Submitter<J>) -> Running + Send + Sync + 'static,
        Running: Future<Output = ()> + Send + 'static,
    {
        let runtime = Handle::current();
        let (jobs, queue) = mpmc::channel(self.capacity);
        let (shared, keeper) = Shared::new(queue, self.on_panic);
        drop(runtime.spawn(keeper.keep()));
        let run = Arc::new(run);
        let hire = Box::new(move |seat: Seat<J>| {
            let (run, submitter) = (Arc::clone(&run), seat.submitter());
            drop(runtime.spawn(seat.work(move |job| run(job, submitter.clone()))));
        });
        let workers = Workers::new(shared, hire);
        workers.resize(self.workers);
        (jobs, workers)
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
