//! A flush function that keeps what it got.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use levada_work::batch::{Batch, Batcher, Worker};
use tokio::time::Instant;

/// The batches that were flushed, each with the time of its flush.
pub(crate) struct Flushed<T>(Arc<Mutex<Vec<Timed<T>>>>);

type Timed<T> = (Instant, Vec<T>);

impl<T: Send + 'static> Flushed<T> {
    /// A worker that flushes at once.
    pub(crate) fn start(batch: Batch<T>) -> (Batcher<T>, Worker, Self) {
        let flushed = Self(Arc::default());
        let kept = Arc::clone(&flushed.0);
        let (batcher, worker) = batch.start(move |items| {
            kept.lock().unwrap().push((Instant::now(), items));
            async {
                tokio::task::yield_now().await; // As one that waits for a disk: others run meanwhile.
                Ok::<_, Infallible>(())
            }
        });
        (batcher, worker, flushed)
    }

    pub(crate) fn batches(&self) -> Vec<Vec<T>>
    where
        T: Clone,
    {
        self.0.lock().unwrap().iter().map(|(_, items)| items.clone()).collect()
    }

    pub(crate) fn times(&self) -> Vec<Instant> {
        self.0.lock().unwrap().iter().map(|(time, _)| *time).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().iter().map(|(_, items)| items.len()).sum()
    }
}
