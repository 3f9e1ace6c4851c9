//! A worker that handles many items at once: one write of a hundred rows costs less than a hundred
//! writes.
//!
//! [`Batch`] configures the size of a batch and how long it waits. [`start`](Batch::start) takes
//! the function that flushes a batch, and returns a [`Batcher`], which sends items, and the
//! [`Worker`], which can be closed and joined.
//!
//! ```
//! use levada_work::batch::Batch;
//! use std::convert::Infallible;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (rows, worker) = Batch::new().max_items(3).start(|batch: Vec<u32>| async move {
//!     println!("INSERT {batch:?}");
//!     Ok::<(), Infallible>(())
//! });
//! for row in 1..=7 {
//!     rows.send(row).await?;
//! }
//! drop(rows); // The last handle: the worker flushes what is left, and ends.
//! assert_eq!(worker.join().await?.flushed, 7);
//! # Ok(())
//! # }
//! ```
//!
//! # When a batch is flushed
//! A batch is flushed as soon as one of these holds:
//!
//! 1. It has [`max_items`](Batch::max_items) items, or the next item would exceed
//!    [`max_weight`](Batch::max_weight).
//! 2. Its first item has been in it for [`linger`](Batch::linger). Without a linger, which is the
//!    default, a batch consists of the items that are queued when the worker is free. So a lone
//!    item does not wait, and under load batches grow, since items arrive during a flush.
//! 3. A flush was [requested](Batcher::flush).
//! 4. All [`Batcher`]s are dropped, or the worker was [closed](Worker::close).
//!
//! One batch is flushed at a time, in the order in which the items were accepted. The [maximum
//! number of items](Worker::set_max_items) and the [linger](Worker::set_linger) can change while
//! the worker runs.
//!
//! # What happens to an item
//! 1. `send` either accepts the item or returns it in the error.
//! 2. An accepted item is passed to the flush function once. The function then owns it, and decides
//!    whether to retry or to drop it.
//! 3. A [`Flush`] can put items back. They are passed to it again, also during a shutdown.
//!
//! Do not retry by sending the item again: a [`Batcher`] inside the worker keeps the worker from
//! ending, and one that is upgraded from a [weak handle](Batcher::downgrade) is refused once the
//! worker is closed, so the item would be lost.
//!
//! To tell each sender the outcome, put a [`oneshot`](levada::oneshot) in the item:
//!
//! ```
//! use levada::oneshot;
//! use levada_work::batch::Batch;
//!
//! struct Command {
//!     change: String,
//!     done: oneshot::Sender<Result<(), String>>,
//! }
//!
//! # fn commit(changes: &[String]) -> Result<(), String> { drop(changes.to_vec()); Ok(()) }
//! async fn write(commands: Vec<Command>) -> Result<(), String> {
//!     let (changes, done): (Vec<_>, Vec<_>) =
//!         commands.into_iter().map(|command| (command.change, command.done)).unzip();
//!     let task = tokio::task::spawn_blocking(move || commit(&changes));
//!     let result = task.await.map_err(|panic| panic.to_string())?; // `done` drops: no answer.
//!     for done in done {
//!         let _ = done.send(result.clone()); // A sender that has left does not need it.
//!     }
//!     result // Counted, and reported to the hook.
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, worker) = Batch::new().start(write);
//! let (done, answer) = oneshot::channel();
//! store.send(Command { change: "SET a 1".into(), done }).await?;
//! assert_eq!(answer.await?, Ok(()));
//! # drop(store);
//! # worker.join().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A flush that panics drops its items, which a oneshot in an item reports to its sender; the
//! worker continues. If the runtime ends, items in the queue are dropped with it:
//! [join](Worker::join) the worker first.
//!
//! # Cost
//! The queue is a bounded [`mpsc`](levada::mpsc), or with
//! [`capacity_weight`](Batch::capacity_weight) a [weighted](mod@levada::mpsc::weighted) one. The
//! pattern holds at most the capacity of the queue, one batch, and one more item.

mod batcher;
mod collector;
mod entry;
mod failure;
mod flush;
mod queue;
mod worker;

pub use self::batcher::{Batcher, WeakBatcher};
pub use self::failure::{Ended, Failure, Totals};
pub use self::flush::Flush;
pub use self::worker::Worker;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use self::entry::Weight;
use self::flush::ByValue;
use self::queue::Capacity;

/// Configures and starts a batching worker.
///
/// # Examples
/// ```
/// use levada_work::batch::Batch;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (lines, worker) = Batch::new()
///     .max_items(500)
///     .max_weight(64 * 1024, String::len) // in bytes
///     .linger(Duration::from_millis(5))
///     .capacity(2_000)
///     .on_failure(|failure| eprintln!("{failure}"))
///     .start(|batch: Vec<String>| async move {
///         if batch.len() < 500 { Ok(()) } else { Err("too many for this example") }
///     });
/// lines.send("hello".into()).await?;
/// drop(lines);
/// assert_eq!(worker.join().await?.flushed, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until it is started"]
pub struct Batch<T> {
    max_items: usize,
    weight: Option<Weight<T>>,
    linger: Duration,
    capacity: Capacity,
    name: Option<Cow<'static, str>>,
    on_failure: Option<Hook>,
}

/// Called with each failed batch.
type Hook = Box<dyn FnMut(Failure) + Send>;

impl<T> Batch<T> {
    /// The defaults: at most 1024 items in a batch and 1024 in the queue, no weight, no linger.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::<u32>::new();
    /// ```
    pub fn new() -> Self {
        Self {
            max_items: 1024,
            weight: None,
            linger: Duration::ZERO,
            capacity: Capacity::Items(1024),
            name: None,
            on_failure: None,
        }
    }

    /// Sets the number of items at which a batch is flushed.
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::<u32>::new().max_items(100);
    /// ```
    #[track_caller]
    pub fn max_items(mut self, items: usize) -> Self {
        assert!(items > 0, "a batch of at most 0 items: max_items must be at least 1");
        self.max_items = items;
        self
    }

    /// Sets the weight at which a batch is flushed, in the unit of `weigh`. A batch is also flushed
    /// before an item that would exceed the weight. An item that exceeds it alone is a batch of its
    /// own.
    ///
    /// `weigh` is called once for each item, by the task that sends it, and again by the worker if
    /// a [`Flush`] puts the item back.
    ///
    /// # Panics
    /// If `weight` is 0.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::new().max_weight(1 << 20, Vec::<u8>::len);
    /// ```
    #[track_caller]
    pub fn max_weight(mut self, weight: usize, weigh: fn(&T) -> usize) -> Self {
        assert!(weight > 0, "a batch that weighs at most 0: max_weight must be at least 1");
        self.weight = Some(Weight { max: weight, of: weigh });
        self
    }

    /// Sets how long a batch waits for further items, from the moment the worker takes its first
    /// item.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let batch = levada_work::batch::Batch::<u32>::new().linger(Duration::from_millis(5));
    /// ```
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Sets the capacity of the queue: [`send`](Batcher::send) waits while it is full.
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::<u32>::new().capacity(10_000);
    /// ```
    #[track_caller]
    pub fn capacity(mut self, items: usize) -> Self {
        assert!(items > 0, "a queue for 0 items: capacity must be at least 1");
        self.capacity = Capacity::Items(items);
        self
    }

    /// Bounds the queue by the weight of its items in place of their number, in the unit of
    /// [`max_weight`](Self::max_weight): [`send`](Batcher::send) waits while its item does not fit.
    /// Of this and [`capacity`](Self::capacity), the last call counts.
    ///
    /// 1. The queued items weigh at most `weight` together. An item that exceeds it waits until it
    ///    is alone in the queue.
    /// 2. Senders are served in the order in which they began to wait. A heavy item is not
    ///    overtaken by light ones that would fit.
    /// 3. An item that weighs 0 counts as 1 here. So does each item without `max_weight`, and each
    ///    [`flush`](Batcher::flush) request.
    ///
    /// # Panics
    /// If `weight` is 0.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::error::TrySendError;
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // Batches of 1 MiB, and at most 64 MiB that wait for them.
    /// let batch = Batch::new().max_weight(1 << 20, Vec::<u8>::len).capacity_weight(64 << 20);
    /// let (bodies, _worker) = batch.start(|_| async { Ok::<_, Infallible>(()) });
    /// assert_eq!(bodies.try_send(vec![0; 63 << 20]), Ok(()));
    /// assert!(matches!(bodies.try_send(vec![0; 2 << 20]), Err(TrySendError::Full(_))));
    /// # }
    /// ```
    #[track_caller]
    pub fn capacity_weight(mut self, weight: usize) -> Self {
        assert!(weight > 0, "a queue that weighs at most 0: capacity_weight must be at least 1");
        self.capacity = Capacity::Weight(weight);
        self
    }

    /// Gives the queue a name, by which levada's feature `observe` shows it.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::<u32>::new().named("writes");
    /// ```
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Calls `hook`, in the worker, for each batch whose flush returned an error or panicked.
    /// Without a hook, failed batches are only [counted](Totals). Panics of the hook are ignored.
    ///
    /// # Examples
    /// ```
    /// let batch = levada_work::batch::Batch::<u32>::new().on_failure(|failure| eprintln!("{failure}"));
    /// ```
    pub fn on_failure(mut self, hook: impl FnMut(Failure) + Send + 'static) -> Self {
        self.on_failure = Some(Box::new(hook));
        self
    }

    /// Starts the worker on the current runtime.
    ///
    /// `flush` is never called with an empty batch, and never while another batch is being flushed.
    /// It is called again after a panic, so its state must tolerate that.
    ///
    /// # Panics
    /// Outside a tokio runtime, or if the capacity exceeds that of a channel. With a linger, the
    /// runtime needs timers.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (numbers, worker) = Batch::new().start(|batch: Vec<u8>| async move {
    ///     if batch.contains(&0) { Err("there is a zero") } else { Ok(()) }
    /// });
    /// numbers.send(0).await?;
    /// drop(numbers);
    /// assert_eq!(worker.join().await?.failed, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start<F, Flushing, E>(self, flush: F) -> (Batcher<T>, Worker)
    where
        T: Send + 'static,
        F: FnMut(Vec<T>) -> Flushing + Send + 'static,
        Flushing: Future<Output = Result<(), E>> + Send,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.start_with(ByValue(flush))
    }

    /// As [`start`](Self::start), with a [`Flush`] in place of a function: it owns its connection
    /// or file, and can put items back.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::{Batch, Flush};
    /// use std::io::{self, Write};
    ///
    /// struct Log<W>(W);
    ///
    /// impl<W: Write + Send> Flush<String> for Log<W> {
    ///     type Error = io::Error;
    ///
    ///     async fn flush(&mut self, lines: &mut Vec<String>) -> io::Result<()> {
    ///         for line in lines.drain(..) {
    ///             writeln!(self.0, "{line}")?;
    ///         }
    ///         self.0.flush()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (log, worker) = Batch::new().start_with(Log(io::stdout()));
    /// log.send("hello".into()).await?;
    /// drop(log);
    /// assert_eq!(worker.join().await?.flushed, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn start_with<F>(mut self, flusher: F) -> (Batcher<T>, Worker)
    where
        T: Send + 'static,
        F: Flush<T> + 'static,
    {
        let (sender, receiver) = queue::open(self.capacity, self.name.take());
        let batcher = Batcher::new(sender, self.weight);
        (batcher, worker::start(self, receiver, flusher))
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("max_items", &self.max_items)
            .field("max_weight", &self.weight.as_ref().map(|weight| weight.max))
            .field("linger", &self.linger)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
