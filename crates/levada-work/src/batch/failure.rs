//! Reports on flushes: a batch that failed, and the totals.

use std::error::Error;
use std::fmt;

use crate::Panic;

/// A batch whose flush failed.
///
/// # Examples
/// ```
/// use levada_work::{Panic, batch::Failure};
///
/// fn hook(failure: Failure) {
///     eprintln!("{failure}"); // "a batch of 12 items failed: the disk is full"
///     if failure.error.is::<Panic>() {
///         // A bug. The items are dropped.
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The number of items in the batch.
    pub items: usize,
    /// The error that the flush returned, or a [`Panic`].
    pub error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    pub(super) fn is_panic(&self) -> bool {
        self.error.is::<Panic>()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.items == 1 { "" } else { "s" };
        write!(f, "a batch of {} item{plural} failed: {}", self.items, self.error)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// Counts what happened to accepted items since the worker started.
///
/// # Examples
/// ```
/// use levada_work::batch::Totals;
///
/// assert_eq!(Totals::default().items(), 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Batches, flushed successfully or not.
    pub batches: u64,
    /// Items of batches whose flush succeeded.
    pub flushed: u64,
    /// Items of batches whose flush returned an error.
    pub failed: u64,
    /// Items of batches whose flush panicked.
    pub panicked: u64,
    /// How often a [`Flush`](super::Flush) put an item back. The item is counted again, as flushed,
    /// failed or panicked, when it is not put back.
    pub put_back: u64,
}

impl Totals {
    /// All items that were passed to the flush function and not put back.
    ///
    /// # Examples
    /// ```
    /// # fn of(totals: levada_work::batch::Totals) {
    /// assert_eq!(totals.items(), totals.flushed + totals.failed + totals.panicked);
    /// # }
    /// ```
    #[must_use]
    pub fn items(&self) -> u64 {
        self.flushed + self.failed + self.panicked
    }
}

/// The worker has ended: it was closed, or its runtime was shut down.
///
/// # Examples
/// ```
/// use levada_work::batch::{Batch, Ended};
/// use std::convert::Infallible;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Ended> {
/// let (batcher, mut worker) = Batch::new().start(|_: Vec<u8>| async { Ok::<_, Infallible>(()) });
/// worker.close();
/// worker.join().await?;
/// assert_eq!(batcher.flush().await, Err(Ended));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the worker has ended")
    }
}

impl Error for Ended {}
