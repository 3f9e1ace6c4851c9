//! The workers of all queues: queues are opened, changed and closed here, and their workers end
//! here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use levada::mpmc;
use levada_work::pool::{Pool, Workers};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{info, warn};

use super::active::ActiveJob;
use super::lifecycle::Lifecycle;
use super::queue::{LINE, Queue};
use super::service::Jobs;
use crate::config::Config;
use crate::job::Record;
use crate::store::{Store, StoreError};

/// A pool of workers for each queue.
#[derive(Debug)]
pub(crate) struct WorkerPools {
    jobs: Arc<Jobs>,
    workers: BTreeMap<String, Workers<Arc<ActiveJob>>>,
}

/// What the store has for queues that are to be opened.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// The jobs of all queues that have not ended.
    unfinished: Vec<Record>,
    /// The queues, and how many jobs of each failed and could be run again.
    failed: BTreeMap<String, u64>,
}

impl Recovered {
    /// Blocks.
    pub(super) fn read(store: &dyn Store, opened: Vec<String>) -> Result<Self, StoreError> {
        let mut recovered = Self::default();
        for queue in opened {
            let failed = store.kept_failed(&queue)?;
            recovered.failed.insert(queue, failed);
        }
        if !recovered.failed.is_empty() {
            recovered.unfinished = store.unfinished()?;
        }
        Ok(recovered)
    }
}

impl WorkerPools {
    pub(crate) fn new(jobs: &Arc<Jobs>) -> Self {
        Self { jobs: Arc::clone(jobs), workers: BTreeMap::new() }
    }

    /// Opens, changes and closes queues. A new one goes on with what the store has for it.
    ///
    /// # Errors
    /// Those of the store; then nothing has changed.
    ///
    /// # Cancel safety
    /// If the future is dropped, nothing has changed, or all has.
    pub(crate) async fn configure(&mut self, config: Arc<Config>) -> Result<(), StoreError> {
        let jobs = Arc::clone(&self.jobs);
        let _opening = jobs.registry.opening().await;
        let is_new = |name: &&String| jobs.registry.queue(name).is_none();
        let opened = config.queues.keys().filter(is_new).cloned().collect();
        let store = Arc::clone(jobs.store.store());
        let recovered = spawn_blocking(move || Recovered::read(&*store, opened)).await;
        let recovered = recovered.unwrap_or_else(|panic| Err(io::Error::other(panic).into()))?;
        self.apply(&config, recovered);
        Ok(())
    }

    /// Changes the queues at once.
    pub(super) fn apply(&mut self, config: &Config, recovered: Recovered) {
        let Jobs { registry, lifecycle, .. } = &*self.jobs;
        lifecycle.set_max_running(config.max_running);
        for queue in registry.all_queues() {
            match config.queues.get(&queue.name) {
                Some(settings) => queue.configure(Arc::clone(settings)),
                None if queue.is_closed() => {}
                None => {
                    info!(queue = queue.name, "queue closed: it is no longer in the configuration");
                    queue.close();
                }
            }
        }
        let Recovered { mut unfinished, failed } = recovered;
        for (name, failed) in failed {
            let settings = Arc::clone(&config.queues[&name]);
            let (line, workers) = start(lifecycle, settings.workers);
            self.workers.insert(name.clone(), workers);
            let queue = Queue::new(name.clone(), settings, line);
            queue.counts.kept_failed.set(failed);
            let of_queue = unfinished.extract_if(.., |record| record.queue == name).collect();
            lifecycle.resume(&queue, of_queue);
            // Only now can requests find it.
            registry.add_queue(queue);
        }
        unfinished.retain(|record| registry.queue(&record.queue).is_none());
        if !unfinished.is_empty() {
            let queues: BTreeSet<_> = unfinished.iter().map(|job| job.queue.as_str()).collect();
            warn!(
                jobs = unfinished.len(),
                ?queues,
                "jobs stay in the store and do not run: their queues are not configured"
            );
        }
        // A queue that is no longer in the configuration finishes what it has as it did before.
        for (queue, settings) in &config.queues {
            self.workers[queue].resize(settings.workers.max(1));
        }
    }

    /// Stops the workers when no job is in line. What is only in memory is done until then, and the
    /// rest left where it is.
    pub(crate) async fn stop(self) {
        for workers in self.workers.values() {
            workers.close();
        }
        for (queue, workers) in self.workers {
            if let Err(undone) = workers.join().await {
                warn!(queue, %undone, "the workers stopped before they had looked at every job in line");
            }
        }
        let queues = self.jobs.registry.all_queues();
        let ending = queues.into_iter().map(async |queue| queue.idle.end().await);
        ending.collect::<JoinSet<()>>().join_all().await;
    }
}

/// Starts so many workers, and makes the line that leads to them.
fn start(
    lifecycle: &Arc<Lifecycle>,
    workers: usize,
) -> (mpmc::Sender<Arc<ActiveJob>>, Workers<Arc<ActiveJob>>) {
    let lifecycle = Arc::clone(lifecycle);
    // Without workers nothing comes into the line: other processes have them.
    let pool = Pool::new(workers.max(1)).capacity(LINE).named("jobs");
    pool.start(move |job| Arc::clone(&lifecycle).work(job))
}
