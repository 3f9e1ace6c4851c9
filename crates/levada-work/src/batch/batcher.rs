//! The senders' side.

use std::fmt;

use levada::mpsc::error::{SendError, TrySendError};
use levada::oneshot;

use super::entry::{Entry, Weight, weigh};
use super::queue::{Sender, WeakSender};
use super::{Ended, Totals};

/// Sends items to the worker. All clones send to the same worker, which ends when the last one is
/// dropped.
///
/// # Examples
/// ```
/// use levada_work::batch::Batch;
/// use std::convert::Infallible;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (batcher, worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
/// let other = batcher.clone();
/// batcher.send(1).await?;
/// other.send(2).await?;
/// drop((batcher, other));
/// assert_eq!(worker.join().await?.flushed, 2);
/// # Ok(())
/// # }
/// ```
pub struct Batcher<T> {
    queue: Sender<T>,
    weight: Option<Weight<T>>,
}

impl<T> Batcher<T> {
    pub(super) fn new(queue: Sender<T>, weight: Option<Weight<T>>) -> Self {
        Self { queue, weight }
    }

    /// Sends an item, waiting for room in the queue. `Ok` means that the item is accepted, not that
    /// it is flushed.
    ///
    /// # Errors
    /// Returns the item if the worker was closed or has ended.
    ///
    /// # Cancel safety
    /// If the future is dropped before it completes, the item is dropped and was not accepted.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (batcher, mut worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// batcher.send(1).await?;
    /// worker.close();
    /// assert_eq!(worker.join().await?.flushed, 1);
    /// assert_eq!(batcher.send(2).await.unwrap_err().0, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&self, item: T) -> Result<(), SendError<T>> {
        let entry = self.entry(item);
        self.queue.send(entry).await.map_err(|error| SendError(error.0.into_item()))
    }

    /// Sends an item if there is room in the queue.
    ///
    /// # Errors
    /// Returns the item: [`TrySendError::Full`] if there is no room now,
    /// [`TrySendError::Closed`] if the worker was closed or has ended.
    ///
    /// # Examples
    /// ```
    /// use levada::mpsc::error::TrySendError;
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let batch = Batch::new().capacity(1);
    /// let (batcher, _worker) = batch.start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// assert_eq!(batcher.try_send(1), Ok(()));
    /// assert_eq!(batcher.try_send(2), Err(TrySendError::Full(2)));
    /// # }
    /// ```
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.queue.try_send(self.entry(item)).map_err(|error| match error {
            TrySendError::Full(entry) => TrySendError::Full(entry.into_item()),
            TrySendError::Closed(entry) => TrySendError::Closed(entry.into_item()),
        })
    }

    /// Requests a flush, and waits until every item that was accepted before has been flushed,
    /// successfully or not: [`Totals`] counts the failures since the start. The request occupies a
    /// place in the queue, and waits for one if the queue is full.
    ///
    /// # Errors
    /// [`Ended`] if the worker was closed before the request was accepted, or has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses no items. The batch may be flushed nevertheless.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let batch = Batch::new().linger(Duration::from_secs(3600));
    /// let (batcher, _worker) = batch.start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// batcher.send(1).await?;
    /// assert_eq!(batcher.flush().await?.flushed, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn flush(&self) -> Result<Totals, Ended> {
        let (done, flushed) = oneshot::channel();
        self.queue.send(Entry::Flush(done)).await.map_err(|_| Ended)?;
        flushed.await.map_err(|_| Ended)
    }

    /// The number of items in the queue. Items that the worker has taken do not count; a
    /// [`flush`](Self::flush) request does, and so does capacity that was just granted to a waiting
    /// [`send`](Self::send), unless the queue is bounded by
    /// [weight](super::Batch::capacity_weight).
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (batcher, _worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// batcher.send(1).await?; // On one thread, the worker has not had a chance yet.
    /// assert_eq!(batcher.queued(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the worker was closed or has ended, and accepts no items.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (batcher, _worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// assert!(!batcher.is_closed());
    /// # }
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Returns a handle that does not keep the worker running.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (batcher, _worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// let weak = batcher.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// # }
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakBatcher<T> {
        WeakBatcher { queue: self.queue.downgrade(), weight: self.weight }
    }

    fn entry(&self, item: T) -> Entry<T> {
        let weight = weigh(self.weight, &item);
        Entry::Item { item, weight }
    }
}

impl<T> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        Self::new(self.queue.clone(), self.weight)
    }
}

impl<T> fmt::Debug for Batcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("queued", &self.queued())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A weak handle: the worker ends when the last [`Batcher`] is dropped, whether or not weak handles
/// remain.
///
/// Use it for a source of items that must not keep the worker running: a timer, or a structure that
/// lives as long as the program. To retry items, put them [back](super::Flush) instead: during a
/// shutdown, [`upgrade`](Self::upgrade) returns `None` or a [`Batcher`] that refuses items.
///
/// # Examples
/// ```
/// use levada_work::batch::Batch;
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use tokio::time::sleep;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (batcher, worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
/// let weak = batcher.downgrade();
/// tokio::spawn(async move {
///     while let Some(batcher) = weak.upgrade() {
///         let _ = batcher.send(1).await;
///         drop(batcher); // Not held while it sleeps.
///         sleep(Duration::from_secs(1)).await;
///     }
/// });
/// sleep(Duration::from_millis(2_500)).await;
/// drop(batcher);
/// assert_eq!(worker.join().await?.flushed, 3);
/// # Ok(())
/// # }
/// ```
pub struct WeakBatcher<T> {
    queue: WeakSender<T>,
    weight: Option<Weight<T>>,
}

impl<T> WeakBatcher<T> {
    /// Returns a [`Batcher`], if any is left.
    ///
    /// # Examples
    /// ```
    /// use levada_work::batch::Batch;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (batcher, _worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
    /// let weak = batcher.downgrade();
    /// drop(batcher);
    /// assert!(weak.upgrade().is_none());
    /// # }
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Batcher<T>> {
        self.queue.upgrade().map(|queue| Batcher::new(queue, self.weight))
    }
}

impl<T> Clone for WeakBatcher<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), weight: self.weight }
    }
}

impl<T> fmt::Debug for WeakBatcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakBatcher").finish_non_exhaustive()
    }
}
