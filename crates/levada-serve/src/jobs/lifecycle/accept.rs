//! From a request to a job that is on disk.
//!
//! ```text
//! admit (place, quota) -> [the body is read] -> accept (key, commit) -> in line
//! ```

use std::sync::Arc;

use super::Lifecycle;
use crate::job::{IdempotencyKey, JobId, JobState, Moment, NewJob, Record};
use crate::jobs::active::ActiveJob;
use crate::jobs::admission::{Admitted, Refusal};
use crate::jobs::registry::Job;
use crate::store::body::Body;
use crate::store::{Change, StoreError, StoreErrorKind};

/// What a request asks to be done.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) input: Body,
    pub(crate) input_type: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) key: Option<IdempotencyKey>,
}

/// What a request became.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// A job, which is on disk.
    New(Arc<ActiveJob>),
    /// It is the same as one before.
    Again(Job),
}

/// Why a job is not run again.
#[derive(Debug)]
pub(crate) enum NotAgain {
    /// It has not ended, or it succeeded.
    Not(JobState),
    /// Its input is no longer kept.
    NoInput,
    Refused(Refusal),
}

impl From<StoreError> for NotAgain {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl Lifecycle {
    /// Puts the job on disk and in line, or finds the one that the same request became before.
    ///
    /// The caller runs it as a task, so that it ends even if the client disconnects: that client
    /// cannot know whether the job was accepted.
    pub(crate) async fn accept(
        self: Arc<Self>,
        admitted: Admitted,
        submission: Submission,
    ) -> Result<Accepted, Refusal> {
        let (mut held, mut id) = (None, JobId::next());
        if let Some(key) = submission.key {
            held = Some(self.admission.lock_key(&key).await);
            let name = key.name;
            if let Some(record) = self.store.read(move |store| store.by_key(&name)).await? {
                return self.again(record, key).await;
            }
            // On one machine the lock is the claim.
            if self.shared.is_some() {
                id = self.store.read(move |store| store.claim(&key, id)).await?;
            }
        }
        // A lookup that finds it on disk waits for this lock, that is, until it is active.
        let activating = self.registry.activating(id).await;
        if let (Some(key), true) = (submission.key, self.shared.is_some())
            && let Some(found) = self.registry.look(id).await?
        {
            drop(activating);
            return self.again(found.view().to_record(), key).await;
        }
        let Admitted { queue, place, share, client } = admitted;
        let new = NewJob {
            queue: queue.name.clone(),
            client,
            max_attempts: queue.config().retry.max_attempts,
            input_bytes: submission.input.len(),
            input_type: submission.input_type,
            trace: submission.trace,
            key: submission.key,
        };
        let record = Arc::new(Record::new(id, Moment::now(), new));
        let change = Change::Accept { record: Arc::clone(&record), input: submission.input };
        if let Err(error) = self.store.writer().commit(vec![change]).await {
            return match (error.kind, submission.key) {
                (StoreErrorKind::NoPlace, _) => Err(Refusal::Full(queue)),
                // Another process had a request with it first.
                (StoreErrorKind::Taken, Some(key)) => self.again_elsewhere(key, error).await,
                _ => Err(error.into()),
            };
        }
        let job = ActiveJob::waiting(Arc::clone(&record), queue, place, share);
        self.registry.add(&job);
        // The next request with this key finds the job.
        drop(held);
        self.reporter.accepted(&record);
        self.enter(&job);
        Ok(Accepted::New(job))
    }

    /// Puts a job in line, unless it is in the one that several processes share already.
    fn enter(&self, job: &Arc<ActiveJob>) {
        if self.shared.is_none() {
            job.queue.enter(Arc::clone(job));
        }
    }

    async fn again_elsewhere(
        &self,
        key: IdempotencyKey,
        error: StoreError,
    ) -> Result<Accepted, Refusal> {
        match self.store.read(move |store| store.by_key(&key.name)).await? {
            Some(record) => self.again(record, key).await,
            None => Err(error.into()),
        }
    }

    async fn again(&self, record: Record, key: IdempotencyKey) -> Result<Accepted, Refusal> {
        if record.key.is_none_or(|before| before.content != key.content) {
            return Err(Refusal::KeyReused(record.id));
        }
        let job = self.registry.find(record.id).await?;
        let job = job.unwrap_or_else(|| Job::Past(Arc::new(record)));
        #[cfg(feature = "nats")]
        let job = self.shown(job).await?;
        Ok(Accepted::Again(job))
    }

    /// Runs a job that failed or was cancelled again; `None` if there is no such job.
    pub(crate) async fn run_again(
        self: Arc<Self>,
        id: JobId,
        client: String,
    ) -> Result<Option<Arc<ActiveJob>>, NotAgain> {
        let _activating = self.registry.activating(id).await;
        let Some(found) = self.registry.look(id).await? else {
            return Ok(None);
        };
        let mut record = found.view().to_record();
        if matches!(found, Job::Active(_)) || !record.state.can_run_again() {
            return Err(NotAgain::Not(record.state));
        }
        // One that is about to be forgotten is as good as gone.
        if record.emptied || record.expires_at.is_some_and(|at| at <= Moment::now()) {
            return Err(NotAgain::NoInput);
        }
        let queue = self.registry.queue(&record.queue).ok_or(NotAgain::Refused(Refusal::Closed))?;
        let Admitted { queue, place, share, client } =
            self.admission.admit(&queue, client).map_err(NotAgain::Refused)?;
        let failed = record.state == JobState::Failed;
        record.run_again(client, queue.config().retry.max_attempts);
        let record = Arc::new(record);
        self.store.writer().commit(vec![Change::Again { record: Arc::clone(&record) }]).await?;
        // Retention may have been faster. Another process may have begun it.
        match self.store.read(move |store| store.record(id)).await? {
            None => return Ok(None),
            Some(kept) if kept.revision < record.revision || kept.emptied => {
                return Err(NotAgain::NoInput);
            }
            Some(_) => {}
        }
        if failed {
            queue.counts.kept_failed.take_one();
        }
        let job = ActiveJob::waiting(Arc::clone(&record), queue, place, share);
        self.registry.add(&job);
        self.reporter.accepted(&record);
        self.enter(&job);
        Ok(Some(job))
    }
}
