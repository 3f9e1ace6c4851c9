//! Jobs that other processes have, as this one shows them.

use std::sync::Arc;

use super::Lifecycle;
use crate::job::Record;
use crate::jobs::active::{ActiveJob, JobQueue};
use crate::jobs::registry::Job;
use crate::store::{Change, StoreError};

impl Lifecycle {
    /// The job as this process shows it from now on, in the state that the record has.
    pub(crate) fn adopt(&self, record: &Arc<Record>, queue: &Arc<JobQueue>) -> Arc<ActiveJob> {
        let job = self.registry.find_active(record.id).unwrap_or_else(|| {
            let share = self.admission.must_take_share(&record.client);
            let (record, queue) = (Arc::clone(record), Arc::clone(queue));
            let place = queue.must_reserve();
            let job = ActiveJob::waiting(record, queue, place, share);
            self.registry.add(&job);
            job
        });
        job.become_as(record.state);
        job.publish(|view| view.follow(Arc::clone(record)));
        job
    }

    /// The job; one that another process has, and that is known by its record only, is shown from
    /// now on, so that its end can be waited for.
    pub(super) async fn shown(&self, job: Job) -> Result<Job, StoreError> {
        let Job::Past(record) = &job else { return Ok(job) };
        let queue = self.registry.queue(&record.queue);
        let Some(queue) = queue.filter(|_| self.shared.is_some() && !record.state.has_ended())
        else {
            return Ok(job);
        };
        // What follows the others knows an end before it waits for this lock to show it.
        let _activating = self.registry.activating(record.id).await;
        match self.registry.look(record.id).await? {
            Some(Job::Past(record)) if !record.state.has_ended() => {
                Ok(Job::Active(self.adopt(&record, &queue)))
            }
            found => Ok(found.unwrap_or(job)),
        }
    }

    /// Shows the end of a job that another process ran.
    pub(crate) fn ended_elsewhere(&self, job: &Arc<ActiveJob>, record: &Arc<Record>) {
        job.become_as(record.state);
        self.registry.remove(job.id);
        job.publish(|view| view.follow(Arc::clone(record)));
        self.count_end(job, record.state);
        if let (Some(begun), Some(ended)) = (record.started_at, record.finished_at) {
            job.queue.pace.record(ended.since(begun));
        }
    }

    /// Records the end of a job that is not run any more.
    pub(crate) async fn end_given_up(&self, job: &Arc<ActiveJob>, record: Arc<Record>) {
        let change = Change::Update { record: Arc::clone(&record) };
        let written = self.store.writer().commit(vec![change]);
        self.publish_end(job, record, None, None, written).await;
    }

    /// This process has nothing more to do with the job, and does not show it.
    pub(crate) fn leave_to_others(&self, job: &Arc<ActiveJob>) {
        self.registry.remove(job.id);
        self.abandon(job);
    }
}
