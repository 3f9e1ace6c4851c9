//! Cancelling a job, whatever it does just then.

use std::sync::Arc;

use super::Lifecycle;
use crate::job::{JobId, JobState, Moment, Record};
use crate::jobs::active::{ActiveJob, JobView, Withdrawn};
use crate::jobs::registry::Job;
use crate::store::condition::Condition;
use crate::store::{Change, StoreError, StoreErrorKind};

/// What became of the wish to cancel a job.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// It waited, and will not run.
    Ended(JobView),
    /// It runs, and is being stopped.
    Stopping(JobView),
    /// It had ended before.
    TooLate,
}

impl Lifecycle {
    /// Cancels a job that waits or runs; `None` if there is no such job.
    pub(crate) async fn cancel(
        self: &Arc<Self>,
        id: JobId,
    ) -> Result<Option<Cancelled>, StoreError> {
        match self.registry.find(id).await? {
            None => Ok(None),
            Some(Job::Active(job)) => self.withdraw(&job).await.map(Some),
            Some(Job::Past(record)) if record.state.has_ended() => Ok(Some(Cancelled::TooLate)),
            Some(Job::Past(_)) => self.cancel_homeless(id).await,
        }
    }

    async fn withdraw(self: &Arc<Self>, job: &Arc<ActiveJob>) -> Result<Cancelled, StoreError> {
        match (job.withdraw(), self.store.failure()) {
            (Withdrawn::Ended, _) => match self.end_cancelled(job).await {
                Ok(true) => Ok(Cancelled::Ended(job.view())),
                Ok(false) => Ok(Cancelled::Stopping(job.view())),
                // Another process has begun it meanwhile.
                Err(error) if error.kind == StoreErrorKind::Taken => {
                    self.shared.iter().for_each(|shared| shared.stop(job.id));
                    Ok(Cancelled::Stopping(job.view()))
                }
                Err(error) => Err(error),
            },
            (Withdrawn::Stopping, _) => {
                self.shared.iter().for_each(|shared| shared.stop(job.id));
                Ok(Cancelled::Stopping(job.view()))
            }
            // Its end could not be stored: it is not over.
            (Withdrawn::TooLate, Some(error)) => Err(error),
            // Its end waits for room on the disk.
            (Withdrawn::TooLate, None)
                if self.store.condition().is_full() && !job.view().is_final() =>
            {
                Ok(Cancelled::Stopping(job.view()))
            }
            (Withdrawn::TooLate, None) => Ok(Cancelled::TooLate),
        }
    }

    /// Cancels a job whose queue is not configured.
    async fn cancel_homeless(self: &Arc<Self>, id: JobId) -> Result<Option<Cancelled>, StoreError> {
        // A second cancel waits for this lock, and then finds that the job has ended.
        let _activating = self.registry.activating(id).await;
        let _opening = self.registry.opening().await;
        let mut record = match self.registry.look(id).await? {
            None => return Ok(None),
            Some(Job::Active(job)) => return self.withdraw(&job).await.map(Some),
            Some(Job::Past(record)) => Record::clone(&record),
        };
        if record.state.has_ended() || self.registry.queue(&record.queue).is_some() {
            return Ok(Some(Cancelled::TooLate));
        }
        if let Condition::Full { error, waiting: true } = self.store.condition() {
            return Err(error);
        }
        record.withdraw(Moment::now(), self.keep(JobState::Cancelled));
        let record = Arc::new(record);
        self.store.writer().commit(vec![Change::Update { record: Arc::clone(&record) }]).await?;
        // A reload that opens its queue meanwhile may have found it waiting. The call of `queue`
        // waits for the reload.
        let queue = self.registry.queue(&record.queue);
        let job = queue.and_then(|_| self.registry.find_active(id));
        if let Some(job) = job {
            return self.withdraw(&job).await.map(Some);
        }
        self.reporter.finished(&record, None);
        Ok(Some(Cancelled::Ended(JobView::of(record))))
    }
}
