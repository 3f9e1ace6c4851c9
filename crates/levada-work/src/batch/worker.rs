//! The worker's side: what a batch is, and its flush.

use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use levada::{mpsc, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;

use super::batcher::Entry;
use super::{Batch, Ended, Failure, Hook, Totals};
use crate::panic::{call_hook, caught};

/// After so many items that were there at once, the others on this thread have their turn, and the clock is looked at.
const RUN: usize = 256;

/// The running worker. Dropping this detaches it: it goes on until the last [`Batcher`](super::Batcher) is gone.
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
    /// Used up when the worker was told to close.
    close: Option<oneshot::Sender<()>>,
}

impl Worker {
    /// Tells the worker to take no more, to flush what was accepted, and to end, although there are handles.
    ///
    /// It does so as soon as it is not flushing; what is sent until then is accepted.
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
        if let Some(close) = self.close.take() {
            // An error means that it has ended.
            let _ = close.send(());
        }
    }

    /// Waits until everything that was accepted was flushed and the worker has ended. That needs all handles to be
    /// dropped, or a [`close`](Self::close).
    ///
    /// # Errors
    /// [`Ended`] if the worker was cut off, by the end of its runtime: what was in its queue is lost.
    ///
    /// # Cancel safety
    /// Dropping the future detaches the worker, as dropping this does.
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
pub(super) fn start<T, F, Flushing, E>(
    batch: Batch<T>,
    queue: mpsc::Receiver<Entry<T>>,
    mut flush: F,
) -> Worker
where
    T: Send + 'static,
    F: FnMut(Vec<T>) -> Flushing + Send + 'static,
    Flushing: Future<Output = Result<(), E>> + Send,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let (close, closing) = oneshot::channel();
    let mut collector = Collector {
        queue,
        closing: Some(closing),
        aside: None,
        max_items: batch.max_items,
        max_weight: batch.weight.map_or(usize::MAX, |weight| weight.max),
        linger: batch.linger,
    };
    let mut record = Record { totals: Totals::default(), on_failure: batch.on_failure };
    let task = tokio::spawn(async move {
        while let Some(Collected { items, asked, .. }) = collector.collect().await {
            let count = items.len();
            if count > 0 {
                // The error becomes a box at once: it need not be `Send`.
                let flushing = async { flush(items).await.map_err(Into::into) };
                let result = caught(flushing).await;
                record.batch(count, result.unwrap_or_else(|panic| Err(panic.into())));
            }
            if let Some(asked) = asked {
                // An error means that whoever asked has left.
                let _ = asked.send(record.totals);
            }
        }
        record.totals
    });
    Worker { task, close: Some(close) }
}

/// What became of the batches, and who is told.
struct Record {
    totals: Totals,
    on_failure: Option<Hook>,
}

impl Record {
    fn batch(&mut self, items: usize, result: Result<(), Box<dyn Error + Send + Sync>>) {
        let totals = &mut self.totals;
        totals.batches += 1;
        let failure = result.err().map(|error| Failure { items, error });
        *match &failure {
            None => &mut totals.flushed,
            Some(failure) if failure.is_panic() => &mut totals.panicked,
            Some(_) => &mut totals.failed,
        } += items as u64;
        if let Some(failure) = failure {
            call_hook(|| match &mut self.on_failure {
                Some(hook) => hook(failure),
                // An error may panic when it is dropped.
                None => drop(failure),
            });
        }
    }
}

/// Makes batches of what is in the queue.
struct Collector<T> {
    queue: mpsc::Receiver<Entry<T>>,
    /// `None` once it has said whether to close.
    closing: Option<oneshot::Receiver<()>>,
    /// Was too heavy for the batch before, and begins the next one.
    aside: Option<Entry<T>>,
    max_items: usize,
    max_weight: usize,
    linger: Duration,
}

/// A batch, and who asked for it.
struct Collected<T> {
    items: Vec<T>,
    weight: usize,
    asked: Option<oneshot::Sender<Totals>>,
}

impl<T> Collector<T> {
    /// The next batch; it is empty if somebody asked for a flush and nothing was there. `None` at the end.
    async fn collect(&mut self) -> Option<Collected<T>> {
        let first = self.recv().await?;
        let mut batch = Collected { items: Vec::new(), weight: 0, asked: None };
        let mut is_full = self.add(&mut batch, first);
        let mut lingered = pin!(linger(self.linger));
        while !is_full {
            let entry = match self.queue.try_recv() {
                Ok(entry) => entry,
                Err(_) if self.linger.is_zero() => break,
                Err(_) => tokio::select! {
                    biased;
                    entry = self.recv() => match entry {
                        Some(entry) => entry,
                        None => break,
                    },
                    () = &mut lingered => break,
                },
            };
            is_full = self.add(&mut batch, entry);
            if !is_full && batch.items.len().is_multiple_of(RUN) {
                tokio::select! {
                    biased;
                    () = &mut lingered => break,
                    () = yield_now() => {}
                }
            }
        }
        Some(batch)
    }

    /// Puts an entry into the batch, or behind it. Whether the batch is to be flushed now.
    fn add(&mut self, batch: &mut Collected<T>, entry: Entry<T>) -> bool {
        match entry {
            Entry::Item { item, weight } => {
                let heavier = batch.weight.saturating_add(weight);
                if heavier > self.max_weight && !batch.items.is_empty() {
                    self.aside = Some(Entry::Item { item, weight });
                    return true;
                }
                batch.items.push(item);
                batch.weight = heavier;
                batch.items.len() >= self.max_items || heavier >= self.max_weight
            }
            Entry::Flush(asked) => {
                batch.asked = Some(asked);
                true
            }
        }
    }

    /// The next entry. The queue is closed first if that was asked for.
    async fn recv(&mut self) -> Option<Entry<T>> {
        if let Some(closing) = &mut self.closing {
            tokio::select! {
                biased;
                close = closing => {
                    self.closing = None;
                    // An error means that the handle is gone, which closes nothing.
                    if close.is_ok() {
                        self.queue.close();
                    }
                }
                entry = next_of(&mut self.aside, &mut self.queue) => return entry,
            }
        }
        next_of(&mut self.aside, &mut self.queue).await
    }
}

/// What was put aside, else the next entry of the queue. Cancelled, it has taken neither.
async fn next_of<T>(
    aside: &mut Option<Entry<T>>,
    queue: &mut mpsc::Receiver<Entry<T>>,
) -> Option<Entry<T>> {
    match aside.take() {
        None => queue.recv().await,
        entry => entry,
    }
}

/// Returns after `limit`, or never if there is none. Asks for no timer then.
async fn linger(limit: Duration) {
    if limit.is_zero() { pending().await } else { sleep(limit).await }
}
