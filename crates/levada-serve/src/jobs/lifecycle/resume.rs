//! Jobs of the last process go on.

use std::sync::Arc;

use tracing::info;

use super::Lifecycle;
use crate::job::{JobState, Moment, Record};
use crate::jobs::active::{ActiveJob, JobQueue};

impl Lifecycle {
    /// Lets the jobs go on that a queue has from the last process; last those that may be what
    /// killed it, so that the others get on.
    pub(in crate::jobs) fn resume(
        self: &Arc<Self>,
        queue: &Arc<JobQueue>,
        mut records: Vec<Record>,
    ) {
        if !records.is_empty() {
            info!(queue = queue.name, jobs = records.len(), "resuming jobs from the previous run");
        }
        let max_interruptions = queue.config().retry.max_interruptions;
        records.sort_by_key(|record| record.interruptions);
        for mut record in records {
            if record.state == JobState::Running {
                record.interrupt();
            }
            let is_last_chance =
                record.interruptions > 0 && record.interruptions + 1 >= max_interruptions;
            // A clock that was set back since, or ran ahead then, makes no pause longer than one
            // can be.
            let latest = Moment::now().after(queue.config().retry.max_backoff);
            record.retry_at = record.retry_at.map(|at| at.min(latest));
            let retry_at = record.retry_at;
            let share = self.admission.must_take_share(&record.client);
            let (record, of_queue) = (Arc::new(record), Arc::clone(queue));
            let job = match retry_at {
                Some(_) => ActiveJob::paused(record, of_queue, share),
                None => ActiveJob::waiting(record, of_queue, queue.must_reserve(), share),
            };
            self.registry.add(&job);
            match retry_at {
                Some(at) => self.pause(job, at),
                None if is_last_chance => self.suspects.enter(job),
                None => queue.enter(job),
            }
        }
    }
}
