//! The end of a job: written, and then published; or none in this process.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::Lifecycle;
use crate::job::{JobState, Moment, Record};
use crate::jobs::active::{Abandoned, ActiveJob};
use crate::store::body::Body;
use crate::store::{Change, StoreError, StoreErrorKind};

impl Lifecycle {
    /// How long a job is kept that ended in this state.
    pub(super) fn keep(&self, end: JobState) -> Duration {
        self.config.borrow().retention.keep(end)
    }

    /// A run was cut off: the job runs again, in another process.
    pub(super) async fn hand_back(&self, job: &ActiveJob) {
        let Some(shared) = &self.shared else { return self.abandon(job) };
        let mut record = job.view().to_record();
        if record.state == JobState::Running {
            record.interrupt();
            let change = Change::Update { record: Arc::new(record) };
            // If it cannot be written, that is as if this process had died.
            drop(self.store.writer().commit(vec![change]).await);
        }
        shared.give_back(job.id);
    }

    /// Nothing more becomes of the job in this process: it is one of those that are left.
    pub(super) fn abandon(&self, job: &ActiveJob) {
        if !self.store.is_durable() {
            warn!(job = %job.id, queue = job.queue.name, "job lost: the store is `memory`");
        }
        job.end();
        job.publish(|view| view.abandoned = Some(Abandoned::Interrupted));
    }

    /// Has the end of a job written that was cancelled and does not run. Returns whether that is on
    /// disk: it may have to wait for room there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn end_cancelled(
        self: &Arc<Self>,
        job: &Arc<ActiveJob>,
    ) -> Result<bool, StoreError> {
        let recording = tokio::spawn({
            let (lifecycle, job) = (Arc::clone(self), Arc::clone(job));
            async move { lifecycle.record_cancellation(&job).await }
        });
        tokio::select! {
            biased;
            recorded = recording => {
                recorded.unwrap_or_else(|panic| Err(StoreError::io(panic.to_string())))?;
                Ok(true)
            }
            () = self.store.until_stuck(true) => Ok(false),
        }
    }

    async fn record_cancellation(&self, job: &Arc<ActiveJob>) -> Result<(), StoreError> {
        let mut record = job.view().to_record();
        record.withdraw(Moment::now(), self.keep(JobState::Cancelled));
        let record = Arc::new(record);
        let written =
            self.store.writer().commit(vec![Change::Update { record: Arc::clone(&record) }]);
        self.conclude(job, &record, None, written).await?;
        self.count_end(job, JobState::Cancelled);
        self.reporter.finished(&record, None);
        Ok(())
    }

    /// Publishes the end of a job when it is on disk.
    async fn conclude(
        &self,
        job: &Arc<ActiveJob>,
        record: &Arc<Record>,
        output: Option<Body>,
        written: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        // What another process took is shown by that.
        let is_lost = |error: &StoreError| error.kind != StoreErrorKind::Taken;
        written.await.inspect_err(|error| {
            if is_lost(error) {
                not_stored(job)
            }
        })?;
        job.end();
        // In this order: a lookup that misses it here finds its end in the store.
        self.registry.remove(job.id);
        job.publish(|view| {
            view.set_record(Arc::clone(record));
            view.output = output;
        });
        self.shared.iter().for_each(|shared| shared.done(job.id));
        Ok(())
    }

    /// Publishes the end of a job that ran, and counts it, when it is on disk.
    pub(super) async fn publish_end(
        &self,
        job: &Arc<ActiveJob>,
        record: Arc<Record>,
        output: Option<Body>,
        busy: Option<Duration>,
        written: impl Future<Output = Result<(), StoreError>>,
    ) {
        if self.conclude(job, &record, output, written).await.is_err() {
            // Why, the log says where the store failed.
            warn!(job = %job.id, "cannot store the end of a job; it runs again after a restart");
            return;
        }
        self.count_end(job, record.state);
        self.reporter.finished(&record, busy);
    }

    pub(super) fn count_end(&self, job: &ActiveJob, state: JobState) {
        let counts = &job.queue.counts;
        if !job.counts_end() {
            return;
        }
        match state {
            JobState::Succeeded => counts.succeeded.add_one(),
            JobState::Cancelled => counts.cancelled.add_one(),
            _ => {
                counts.failed.add_one();
                counts.kept_failed.add_one();
            }
        }
    }
}

/// Nothing more becomes of the job in this process, which ends. It stays with those that have not
/// ended, as it is in the store: there is room, since nothing is accepted any more.
pub(super) fn not_stored(job: &ActiveJob) {
    job.end();
    job.publish(|view| view.abandoned = Some(Abandoned::NotStored));
}
