//! Cancelling a job, whatever it does just then.

use std::sync::Arc;

use super::live::{Live, View, Withdrawn};
use super::record::{JobId, Record};
use super::service::{Cancelled, Job, Jobs};
use crate::store::{Change, StoreError};

impl Jobs {
    /// Cancels a job that waits or runs; `None` if there is no such job.
    pub(crate) async fn cancel(&self, id: JobId) -> Result<Option<Cancelled>, StoreError> {
        let Some(job) = self.find(id).await? else {
            return Ok(None);
        };
        let Job::Live(live) = &job else {
            let View { record, .. } = job.view();
            return if record.state.has_ended() || self.queue(&record.queue).is_some() {
                Ok(Some(Cancelled::TooLate))
            } else {
                self.cancel_homeless(record).await.map(Some)
            };
        };
        Ok(Some(match live.withdraw() {
            Withdrawn::Ended => {
                self.withdrawn(live).await?;
                Cancelled::Ended(live.view())
            }
            Withdrawn::Told => Cancelled::Stopping(live.view()),
            Withdrawn::TooLate => match self.store_failure() {
                // Its end could not be stored: it is not over.
                Some(error) => return Err(error),
                None => Cancelled::TooLate,
            },
        }))
    }

    /// Cancels a job whose queue is not configured.
    async fn cancel_homeless(&self, mut record: Record) -> Result<Cancelled, StoreError> {
        record.cancelled();
        self.ended(&mut record);
        self.writer.commit(vec![Change::Update { record: record.clone() }]).await?;
        self.tell_finished(&record, None);
        Ok(Cancelled::Ended(Job::Past(Box::new(record)).view()))
    }

    /// Records that a job was cancelled before it ran.
    async fn withdrawn(&self, live: &Arc<Live>) -> Result<(), StoreError> {
        let View { mut record, .. } = live.view();
        record.cancelled();
        self.ended(&mut record);
        let written = self.writer.commit(vec![Change::Update { record: record.clone() }]);
        self.conclude(live, &record, None, written).await?;
        live.queue.counts.cancelled.add_one();
        self.tell_finished(&record, None);
        Ok(())
    }
}
