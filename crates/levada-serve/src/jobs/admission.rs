//! Which requests become jobs: places, quotas, and keys of requests that were sent before.

use std::sync::Arc;

use levada::watch;
use levada_work::shutdown::{Phase, Signal};

use super::active::JobQueue;
use super::keyed_lock::{KeyGuard, KeyedLock};
use super::places::{NoPlace, Place};
use super::quota::{Quotas, Share};
use crate::config::Config;
use crate::job::{IdempotencyKey, JobId};
use crate::store::StoreError;
use crate::store::handle::StoreHandle;

/// Admits requests.
#[derive(Debug)]
pub(crate) struct Admission {
    store: StoreHandle,
    config: watch::Receiver<Arc<Config>>,
    shutdown: Signal,
    quotas: Quotas,
    /// Requests with the same key, while the first of them is being accepted. Once its job is on
    /// disk the store finds it by its key.
    keys: KeyedLock<[u8; 32]>,
}

/// Why a request does not become a job.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Every place in the queue is taken.
    Full(Arc<JobQueue>),
    /// The client has as many unfinished jobs as it may.
    OverQuota(Arc<JobQueue>),
    /// The queue only finishes what it has.
    Closed,
    /// The service is shutting down.
    Draining,
    /// The key belongs to another request, which became this job.
    KeyReused(JobId),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A request that may become a job. Dropping it gives its place and its share of the quota back.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(super) queue: Arc<JobQueue>,
    pub(super) place: Place,
    pub(super) share: Share,
    pub(super) client: String,
}

impl Admission {
    pub(super) fn new(
        store: StoreHandle,
        config: watch::Receiver<Arc<Config>>,
        shutdown: Signal,
    ) -> Self {
        let (quotas, keys) = (Quotas::default(), KeyedLock::default());
        Self { store, config, shutdown, quotas, keys }
    }

    /// Takes what a new job of this client needs, at once or not at all.
    pub(crate) fn admit(&self, queue: &Arc<JobQueue>, client: String) -> Result<Admitted, Refusal> {
        if self.shutdown.phase() >= Phase::Draining {
            return Err(Refusal::Draining);
        }
        if let Some(error) = self.store.condition().refusal() {
            return Err(Refusal::Store(error.clone()));
        }
        let place = queue.reserve().map_err(|none| match none {
            NoPlace::Full => Refusal::Full(Arc::clone(queue)),
            NoPlace::Closed => Refusal::Closed,
        })?;
        // Counted without a quota, too: one may come while the job waits.
        let most = self.config.borrow().quota.unwrap_or(usize::MAX);
        let share = self.quotas.take(&client, most);
        let share = share.ok_or_else(|| Refusal::OverQuota(Arc::clone(queue)))?;
        Ok(Admitted { queue: Arc::clone(queue), place, share, client })
    }

    /// The share of a job that was accepted by another process.
    pub(super) fn must_take_share(&self, client: &str) -> Share {
        self.quotas.must_take(client)
    }

    /// Held while a request with this key is being accepted.
    pub(super) async fn lock_key(&self, key: &IdempotencyKey) -> KeyGuard<[u8; 32]> {
        self.keys.lock(key.name).await
    }
}
