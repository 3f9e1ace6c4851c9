//! The worker's side: its handle, and what becomes of a batch.

use std::error::Error;
use std::time::Duration;

use levada::watch;
use tokio::task::{JoinHandle, yield_now};

use super::collector::{Collected, Collector, Orders};
use super::entry::{Weight, weigh};
use super::queue::Receiver;
use super::{Batch, Ended, Failure, Flush, Hook, Totals};
use crate::panic::{call_hook, caught};

/// The handle of a running worker. Dropping it detaches the worker, which continues until the last
/// [`Batcher`](super::Batcher) is dropped.
///
/// # Examples
/// ```
/// use levada_work::batch::Batch;
/// use std::convert::Infallible;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (batcher, worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
/// batcher.send(1).await?;
/// drop(batcher);
/// assert_eq!(worker.join().await?.batches, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Worker {
    task: JoinHandle<Totals>,
    orders: watch::Sender<Orders>,
}

impl Worker {
    /// Closes the queue although [`Batcher`](super::Batcher)s are left. The worker flushes the
    /// accepted items and ends.
    ///
    /// The worker closes the queue as soon as it is not flushing; items that are sent until then
    /// are accepted.
    ///
    /// # Examples
    /// ```
    /// use levada_work::{batch::Batch, shutdown::Shutdown};
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (batcher, mut worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// let shutdown = Shutdown::new();
    /// let signal = shutdown.signal();
    /// let end = tokio::spawn(async move {
    ///     signal.draining().await;
    ///     worker.close();
    ///     worker.join().await
    /// });
    /// batcher.send(1).await?;
    /// shutdown.advance();
    /// assert_eq!(end.await??.flushed, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&mut self) {
        self.orders.send_modify(|orders| orders.close = true);
    }

    /// Changes [`Batch::max_items`]. The new value takes effect at once, also for a batch that
    /// waits for further items.
    ///
    /// # Panics
    /// If it is 0.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (batcher, worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// worker.set_max_items(2);
    /// for item in 0..4 {
    ///     batcher.send(item).await?;
    /// }
    /// drop(batcher);
    /// assert_eq!(worker.join().await?.batches, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn set_max_items(&self, items: usize) {
        assert!(items > 0, "a batch of at most 0 items: max_items must be at least 1");
        self.orders.send_modify(|orders| orders.max_items = items);
    }

    /// Changes [`Batch::linger`]. The new value takes effect at once, also for a batch that waits,
    /// and is measured from the moment the worker took the first item of the batch.
    ///
    /// Unless the value is 0, the runtime of the worker needs timers.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let batch = Batch::new().linger(Duration::from_millis(5));
    /// let (_batcher, worker) = batch.start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// worker.set_linger(Duration::from_millis(50)); // Little comes in at night.
    /// # }
    /// ```
    pub fn set_linger(&self, linger: Duration) {
        self.orders.send_modify(|orders| orders.linger = linger);
    }

    /// Waits until every accepted item has been flushed and the worker has ended. It ends when all
    /// [`Batcher`](super::Batcher)s are dropped, or after [`close`](Self::close).
    ///
    /// # Errors
    /// [`Ended`] if the runtime of the worker ended first: the items in its queue are lost.
    ///
    /// # Cancel safety
    /// Dropping the future detaches the worker, as dropping the handle does.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (batcher, worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// drop(batcher);
    /// assert_eq!(worker.join().await?.items(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join(self) -> Result<Totals, Ended> {
        self.task.await.map_err(|_| Ended)
    }
}

#[track_caller]
pub(super) fn start<T, F>(batch: Batch<T>, queue: Receiver<T>, flusher: F) -> Worker
where
    T: Send + 'static,
    F: Flush<T> + 'static,
{
    let Batch { max_items, linger, weight, on_failure, .. } = batch;
    let orders = Orders { max_items, linger, close: false };
    let (orders, _) = watch::builder(orders).named("batch orders").build();
    let collector = Collector::new(queue, orders.subscribe(), weight);
    let record = Record { totals: Totals::default(), on_failure };
    Worker { task: tokio::spawn(work(collector, weight, flusher, record)), orders }
}

async fn work<T: Send, F: Flush<T>>(
    mut collector: Collector<T>,
    weight: Option<Weight<T>>,
    mut flusher: F,
    mut record: Record,
) -> Totals {
    while let Some(Collected { mut items, asked, .. }) = collector.collect().await {
        let count = items.len();
        let mut weights = Vec::new();
        if count > 0 {
            let flushing = async {
                // The error becomes a box at once: it need not be `Send`.
                let result = flusher.flush(&mut items).await.map_err(Into::into);
                weights.extend(items.iter().map(|item| weigh(weight, item)));
                result
            };
            let result = caught(flushing).await.unwrap_or_else(|panic| {
                // What the flusher has left half done. An item may panic when it is dropped.
                call_hook(|| items.clear());
                Err(panic.into())
            });
            record.batch(count, items.len(), result);
        }
        if items.is_empty() {
            // An error means that the task that asked has left.
            let _ = asked.map(|asked| asked.send(record.totals));
        } else {
            collector.put_back(items.into_iter().zip(weights), asked);
            // A flusher that never waits does not keep the thread.
            yield_now().await;
        }
    }
    record.totals
}

/// Counts what became of the items, and reports failed batches to the hook.
struct Record {
    totals: Totals,
    on_failure: Option<Hook>,
}

impl Record {
    fn batch(
        &mut self,
        items: usize,
        put_back: usize,
        result: Result<(), Box<dyn Error + Send + Sync>>,
    ) {
        let totals = &mut self.totals;
        totals.batches += 1;
        totals.put_back += put_back as u64;
        let failure = result.err().map(|error| Failure { items, error });
        *match &failure {
            None => &mut totals.flushed,
            Some(failure) if failure.is_panic() => &mut totals.panicked,
            Some(_) => &mut totals.failed,
        } += items.saturating_sub(put_back) as u64;
        if let Some(failure) = failure {
            call_hook(|| match &mut self.on_failure {
                Some(hook) => hook(failure),
                // An error may panic when it is dropped.
                None => drop(failure),
            });
        }
    }
}
