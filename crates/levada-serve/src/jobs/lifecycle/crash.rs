//! After the process died without being told to stop: the jobs that ran then. One of them may be
//! what killed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{error, info, warn};

use super::Lifecycle;
use crate::job::{JobId, JobState, Moment, Record};
use crate::jobs::in_flight::Begun;
use crate::store::{Change, Store, StoreError, StoreErrorKind};

impl Lifecycle {
    /// Counts the interruption of each job that ran when the last process died, and gives up those
    /// that have had as many as they may.
    ///
    /// # Errors
    /// Those of the store; then they are counted at the next start.
    pub(crate) async fn count_interruptions(&self, begun: Vec<Begun>) -> Result<(), StoreError> {
        if self.store.condition().is_full() {
            // The count would wait for room, and the start with it. A disk that is full is why,
            // rather than a job.
            info!(
                "the disk is full: interruptions of jobs that ran when the service died are not counted"
            );
            return Ok(());
        }
        let mut attempts = BTreeMap::new();
        for Begun { job, attempt } in begun {
            let last: &mut u32 = attempts.entry(job).or_default();
            *last = attempt.max(*last);
        }
        let mut records = self.store.read_many(move |store| interrupted(store, attempts)).await?;
        records.iter_mut().for_each(|record| self.give_up_or_not(record));
        let mut records: Vec<_> = records.into_iter().map(Arc::new).collect();
        if !records.is_empty() {
            let changes =
                records.iter().map(|record| Change::Update { record: Arc::clone(record) });
            self.store.writer().commit(changes.collect()).await?;
        }
        records.retain(|record| record.state.has_ended());
        records.iter().for_each(|record| self.reporter.metrics.finished(record));
        let in_flight = self.in_flight.clone();
        let clear = move |_: &dyn Store| {
            in_flight.iter().for_each(|file| file.clear());
            Ok(())
        };
        self.store.read_many(clear).await
    }

    fn give_up_or_not(&self, record: &mut Record) {
        let config = self.config.borrow().queues.get(&record.queue).cloned();
        // Without its queue, a job neither runs nor ends.
        let most = config.map_or(u32::MAX, |queue| queue.retry.max_interruptions);
        let (job, queue, interruptions) = (record.id, &record.queue, record.interruptions);
        if interruptions < most {
            warn!(%job, queue, interruptions, "the service died while the job ran; the job runs again after the waiting jobs");
            return;
        }
        error!(%job, queue, interruptions, "the service died too often while the job ran; the job has failed");
        record.give_up(Moment::now(), self.keep(JobState::Failed));
    }

    /// The service stops: what ends the process from now on is not a job.
    pub(crate) fn begin_to_stop(&self) {
        if let Some(file) = self.in_flight.clone() {
            // Nothing waits for it: the disk may hang.
            drop(tokio::task::spawn_blocking(move || file.stop()));
        }
    }
}

/// Those of these attempts that had not ended.
fn interrupted(
    store: &dyn Store,
    attempts: BTreeMap<JobId, u32>,
) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    for (job, attempt) in attempts {
        let record = match store.record(job) {
            Err(error) if error.kind == StoreErrorKind::Corrupt => {
                warn!(%job, %error, "cannot read the job, so it is not known whether it ran when the service died");
                None
            }
            record => record?,
        };
        records.extend(record.filter(|record| record.was_running(attempt)).map(|mut record| {
            record.attempt = attempt;
            record.interruptions = record.interruptions.saturating_add(1);
            record.interrupt();
            record
        }));
    }
    Ok(records)
}
