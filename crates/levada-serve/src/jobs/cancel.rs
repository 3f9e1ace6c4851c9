//! Cancelling a job, whatever it does just then.

use std::sync::Arc;

use super::live::{Live, View, Withdrawn};
use super::service::{Cancelled, Job, Jobs};
use crate::job::{JobId, Moment, Record, State};
use crate::store::condition::Condition;
use crate::store::{Change, StoreError};

impl Jobs {
    /// Cancels a job that waits or runs; `None` if there is no such job.
    pub(crate) async fn cancel(
        self: &Arc<Self>,
        id: JobId,
    ) -> Result<Option<Cancelled>, StoreError> {
        match self.find(id).await? {
            None => Ok(None),
            Some(Job::Live(live)) => self.withdraw(&live).await.map(Some),
            Some(Job::Past(record)) if record.state.has_ended() => Ok(Some(Cancelled::TooLate)),
            Some(Job::Past(_)) => self.cancel_homeless(id).await,
        }
    }

    async fn withdraw(self: &Arc<Self>, live: &Arc<Live>) -> Result<Cancelled, StoreError> {
        match (live.withdraw(), self.store_failure()) {
            (Withdrawn::Ended, _) => self.record_withdrawal(live).await,
            (Withdrawn::Told, _) => Ok(Cancelled::Stopping(live.view())),
            // Its end could not be stored: it is not over.
            (Withdrawn::TooLate, Some(error)) => Err(error),
            // Its end waits for room on the disk.
            (Withdrawn::TooLate, None) if self.condition().is_full() && !live.view().is_final() => {
                Ok(Cancelled::Stopping(live.view()))
            }
            (Withdrawn::TooLate, None) => Ok(Cancelled::TooLate),
        }
    }

    /// Returns when that is on the disk, or has to wait for room there.
    async fn record_withdrawal(
        self: &Arc<Self>,
        live: &Arc<Live>,
    ) -> Result<Cancelled, StoreError> {
        let recording = tokio::spawn({
            let (jobs, live) = (Arc::clone(self), Arc::clone(live));
            async move { jobs.withdrawn(&live).await }
        });
        tokio::select! {
            biased;
            recorded = recording => {
                recorded.unwrap_or_else(|panic| Err(StoreError::io(panic.to_string())))?;
                Ok(Cancelled::Ended(live.view()))
            }
            () = self.until_stuck(true) => Ok(Cancelled::Stopping(live.view())),
        }
    }

    /// Cancels a job whose queue is not configured.
    async fn cancel_homeless(self: &Arc<Self>, id: JobId) -> Result<Option<Cancelled>, StoreError> {
        // A second cancel waits for this turn, and then finds that the job has ended.
        let _turn = self.turn(id).await;
        let _opening = self.opening().await;
        let mut record = match self.look(id).await? {
            None => return Ok(None),
            Some(Job::Live(live)) => return self.withdraw(&live).await.map(Some),
            Some(Job::Past(record)) => Record::clone(&record),
        };
        if record.state.has_ended() || self.queue(&record.queue).is_some() {
            return Ok(Some(Cancelled::TooLate));
        }
        if let Condition::Full { error, waiting: true } = self.condition() {
            return Err(error);
        }
        record.withdraw(Moment::now(), self.keep(State::Cancelled));
        let record = Arc::new(record);
        self.writer.commit(vec![Change::Update { record: Arc::clone(&record) }]).await?;
        // A reload that opens its queue meanwhile may have found it waiting. The call of `queue`
        // waits for the reload.
        let queue = self.queue(&record.queue);
        let live = queue.and_then(|_| self.live().get(&id).cloned());
        if let Some(live) = live {
            return self.withdraw(&live).await.map(Some);
        }
        self.tell_finished(&record, None);
        Ok(Some(Cancelled::Ended(View::of(record))))
    }

    /// Records that a job was cancelled before it ran.
    async fn withdrawn(&self, live: &Arc<Live>) -> Result<(), StoreError> {
        let mut record = live.view().to_record();
        record.withdraw(Moment::now(), self.keep(State::Cancelled));
        let record = Arc::new(record);
        let written = self.writer.commit(vec![Change::Update { record: Arc::clone(&record) }]);
        self.conclude(live, &record, None, written).await?;
        live.queue.counts.cancelled.add_one();
        self.tell_finished(&record, None);
        Ok(())
    }
}
