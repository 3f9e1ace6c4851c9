//! The queues and the jobs, and how they are found: those of this process here, the others in the
//! store.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::active::{ActiveJob, JobQueue, JobView};
use super::keyed_lock::{KeyGuard, KeyedLock};
use crate::job::{JobId, JobState, Record};
use crate::store::body::Body;
use crate::store::handle::StoreHandle;
use crate::store::{Filter, StoreError};
use crate::sync::lock;

/// Finds queues and jobs.
#[derive(Debug)]
pub(crate) struct Registry {
    store: StoreHandle,
    /// The jobs that have not ended.
    active: Mutex<HashMap<JobId, Arc<ActiveJob>>>,
    queues: Mutex<BTreeMap<String, Arc<JobQueue>>>,
    /// Held by a task that makes an active job of a record in the store.
    activating: KeyedLock<JobId>,
    /// Held while queues are opened, and while a job that has none is cancelled.
    opening: tokio::sync::Mutex<()>,
}

/// A job, as a client finds it.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// It has not ended.
    Active(Arc<ActiveJob>),
    /// It has; or nothing becomes of it in this process, as its queue is not configured.
    Past(Arc<Record>),
}

/// Some of the jobs, the newest first.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) jobs: Vec<Job>,
    /// There may be more that are older than this one, which need not be on the page.
    pub(crate) next: Option<JobId>,
}

impl Job {
    pub(crate) fn id(&self) -> JobId {
        match self {
            Self::Active(job) => job.id,
            Self::Past(record) => record.id,
        }
    }

    pub(crate) fn state(&self) -> JobState {
        match self {
            Self::Active(job) => job.state(),
            Self::Past(record) => record.state,
        }
    }

    pub(crate) fn view(&self) -> JobView {
        match self {
            Self::Active(job) => job.view(),
            Self::Past(record) => JobView::of(Arc::clone(record)),
        }
    }
}

impl Registry {
    pub(super) fn new(store: StoreHandle) -> Self {
        let (active, queues) = (Mutex::default(), Mutex::default());
        let (activating, opening) = (KeyedLock::default(), tokio::sync::Mutex::default());
        Self { store, active, queues, activating, opening }
    }

    /// The queue of this name.
    pub(crate) fn queue(&self, name: &str) -> Option<Arc<JobQueue>> {
        lock(&self.queues).get(name).cloned()
    }

    /// All queues, by name.
    pub(crate) fn all_queues(&self) -> Vec<Arc<JobQueue>> {
        lock(&self.queues).values().cloned().collect()
    }

    /// From now on requests find this queue.
    pub(super) fn add_queue(&self, queue: Arc<JobQueue>) {
        lock(&self.queues).insert(queue.name.clone(), queue);
    }

    /// While it is held, no queue is opened, and no job is cancelled that has none.
    pub(super) async fn opening(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.opening.lock().await
    }

    /// How many jobs have not ended.
    pub(crate) fn unfinished(&self) -> usize {
        lock(&self.active).len()
    }

    pub(super) fn add(&self, job: &Arc<ActiveJob>) {
        lock(&self.active).insert(job.id, Arc::clone(job));
    }

    /// The job has ended, and its end is on disk.
    pub(super) fn remove(&self, id: JobId) {
        lock(&self.active).remove(&id);
    }

    /// The job of this id, if this process has it and it has not ended.
    pub(crate) fn find_active(&self, id: JobId) -> Option<Arc<ActiveJob>> {
        lock(&self.active).get(&id).cloned()
    }

    /// The job of this id, if there is one.
    pub(crate) async fn find(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let job = self.look(id).await?;
        if let Some(Job::Past(record)) = &job
            && !record.state.has_ended()
            && self.queue(&record.queue).is_some()
        {
            // It is on disk, and not yet active. The task that accepts it holds the lock until
            // then.
            let _activating = self.activating(id).await;
            return self.look(id).await;
        }
        Ok(job)
    }

    /// Like [`Self::find`], for a caller that holds the lock of the job.
    pub(super) async fn look(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        if let Some(job) = self.find_active(id) {
            return Ok(Some(Job::Active(job)));
        }
        let record = self.store.read(move |store| store.record(id)).await?;
        // It may have been run again meanwhile.
        if let Some(job) = self.find_active(id) {
            return Ok(Some(Job::Active(job)));
        }
        Ok(record.map(|record| Job::Past(Arc::new(record))))
    }

    /// The lock of a job that is only in the store, for a task that makes it active.
    pub(crate) async fn activating(&self, id: JobId) -> KeyGuard<JobId> {
        self.activating.lock(id).await
    }

    /// What a job that succeeded wrote, if it is still kept.
    pub(crate) async fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.store.read(move |store| store.output(id)).await
    }

    /// Some of the jobs, as they are now.
    pub(crate) async fn list(&self, filter: Filter) -> Result<Page, StoreError> {
        // One more than is shown tells whether there are more.
        let asked = Filter { limit: filter.limit + 1, ..filter.clone() };
        let mut records = self.store.read_many(move |store| store.list(&asked)).await?;
        let more = records.len() > filter.limit;
        records.truncate(filter.limit);
        let mut next = records.last().filter(|_| more).map(|record| record.id);

        let active = lock(&self.active);
        let mut page: BTreeMap<_, _> = records
            .into_iter()
            .map(|record| match active.get(&record.id) {
                Some(job) => (job.id, Job::Active(Arc::clone(job))),
                None => (record.id, Job::Past(Arc::new(record))),
            })
            .collect();
        // That a job runs is on disk a little later, and that it is in line after a pause never is.
        if filter.state.is_some_and(|state| !state.has_ended()) {
            let on_page = |job: &&Arc<ActiveJob>| {
                next.is_none_or(|end| job.id > end)
                    && filter.before.is_none_or(|end| job.id < end)
                    && filter.queue.as_ref().is_none_or(|queue| *queue == job.queue.name)
                    && filter.state == Some(job.state())
            };
            let unseen = active.values().filter(on_page);
            page.extend(unseen.map(|job| (job.id, Job::Active(Arc::clone(job)))));
        }
        drop(active);
        let is_wanted = |job: &Job| filter.state.is_none_or(|state| job.state() == state);
        let mut jobs: Vec<_> = page.into_values().rev().filter(is_wanted).collect();
        if jobs.len() > filter.limit {
            jobs.truncate(filter.limit);
            next = jobs.last().map(Job::id);
        }
        Ok(Page { jobs, next })
    }

    /// Failed jobs were given up: counts those that are left.
    ///
    /// # Errors
    /// The store cannot say how many are left.
    pub(crate) async fn recount(&self) -> Result<(), StoreError> {
        for queue in self.all_queues() {
            let name = queue.name.clone();
            let kept = self.store.read_many(move |store| store.kept_failed(&name)).await?;
            queue.counts.kept_failed.set(kept);
        }
        Ok(())
    }
}
