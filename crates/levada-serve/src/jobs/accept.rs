//! From a request to a job that is on disk.
//!
//! ```text
//! admit (place, quota) -> [the body is read] -> accept (key, commit) -> in line
//! ```

use std::sync::Arc;

use super::feed::Happened;
use super::live::Live;
use super::queue::{NoPlace, Place, Queue};
use super::quota::Share;
use super::service::{Job, Jobs, NotAgain};
use crate::job::{IdempotencyKey, JobId, Moment, NewJob, Record, State};
use crate::store::body::Body;
use crate::store::{Change, StoreError};

/// Why a request does not become a job.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Every place in the queue is taken.
    Full(Arc<Queue>),
    /// The client has as many unfinished jobs as it may.
    OverQuota(Arc<Queue>),
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

/// A request that may become a job.
#[derive(Debug)]
pub(crate) struct Admission {
    place: Place,
    share: Share,
    client: String,
}

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
    New(Arc<Live>),
    /// It is the same as one before.
    Again(Job),
}

impl Jobs {
    /// Takes what a new job of this client needs, at once or not at all.
    pub(crate) fn admit(&self, queue: &Arc<Queue>, client: &str) -> Result<Admission, Refusal> {
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        if let Some(error) = self.condition().refusal() {
            return Err(Refusal::Store(error.clone()));
        }
        let place = queue.reserve().map_err(|none| match none {
            NoPlace::Full => Refusal::Full(Arc::clone(queue)),
            NoPlace::Closed => Refusal::Closed,
        })?;
        // Counted without a quota, too: one may come while the job waits.
        let most = self.config.borrow().quota.unwrap_or(usize::MAX);
        let share = self.quotas.take(client, most);
        let share = share.ok_or_else(|| Refusal::OverQuota(Arc::clone(queue)))?;
        Ok(Admission { place, share, client: client.to_owned() })
    }

    /// Puts the job on disk and in line, or finds the one that the same request became before.
    ///
    /// The caller runs it as a task, so that it ends even if the client disconnects: that client
    /// cannot know whether the job was accepted.
    pub(crate) async fn accept(
        self: Arc<Self>,
        admission: Admission,
        submission: Submission,
    ) -> Result<Accepted, Refusal> {
        let mut held = None;
        if let Some(key) = submission.key {
            held = Some(self.keys.hold(key.name).await);
            let name = key.name;
            if let Some(record) = self.read(move |store| store.by_key(&name)).await? {
                return self.again(record, key).await;
            }
        }
        let Admission { place, share, client } = admission;
        let queue = Arc::clone(place.queue());
        let job = NewJob {
            queue: queue.name.clone(),
            client,
            max_attempts: queue.config().retry.max_attempts,
            input_bytes: submission.input.len(),
            input_type: submission.input_type,
            trace: submission.trace,
            key: submission.key,
        };
        let record = Arc::new(Record::new(JobId::next(), Moment::now(), job));
        let change = Change::Accept { record: Arc::clone(&record), input: submission.input };
        // A lookup that finds it on disk waits for this turn, that is, until it is live.
        let _turn = self.turn(record.id).await;
        self.writer.commit(vec![change]).await?;
        let live = Live::waiting(record, place, share);
        self.live().insert(live.id, Arc::clone(&live));
        // The next request with this key finds the job.
        drop(held);
        self.feed.tell(&Happened::Accepted { job: live.id, queue: &queue.name });
        queue.enter(Arc::clone(&live));
        Ok(Accepted::New(live))
    }

    async fn again(&self, record: Record, key: IdempotencyKey) -> Result<Accepted, Refusal> {
        if record.key.is_none_or(|before| before.content != key.content) {
            return Err(Refusal::KeyReused(record.id));
        }
        let job = self.find(record.id).await?;
        Ok(Accepted::Again(job.unwrap_or_else(|| Job::Past(Arc::new(record)))))
    }

    /// Runs a job that failed or was cancelled again; `None` if there is no such job.
    pub(crate) async fn run_again(
        self: Arc<Self>,
        id: JobId,
        client: String,
    ) -> Result<Option<Arc<Live>>, NotAgain> {
        let _turn = self.turn(id).await;
        let Some(job) = self.look(id).await? else {
            return Ok(None);
        };
        let mut record = job.view().to_record();
        if matches!(job, Job::Live(_)) || !record.state.can_run_again() {
            return Err(NotAgain::Not(record.state));
        }
        // One that is about to be forgotten is as good as gone.
        if record.emptied || record.expires_at.is_some_and(|at| at <= Moment::now()) {
            return Err(NotAgain::NoInput);
        }
        let queue = self.queue(&record.queue).ok_or(NotAgain::Refused(Refusal::Closed))?;
        let Admission { place, share, client } =
            self.admit(&queue, &client).map_err(NotAgain::Refused)?;
        let failed = record.state == State::Failed;
        record.run_again(client, queue.config().retry.max_attempts);
        let record = Arc::new(record);
        self.writer.commit(vec![Change::Again { record: Arc::clone(&record) }]).await?;
        // Retention may have been faster.
        match self.read(move |store| store.record(id)).await? {
            None => return Ok(None),
            Some(kept) if kept.state != State::Queued => return Err(NotAgain::NoInput),
            Some(_) => {}
        }
        if failed {
            queue.counts.kept_failed.take_one();
        }
        let live = Live::waiting(record, place, share);
        self.live().insert(id, Arc::clone(&live));
        self.feed.tell(&Happened::Accepted { job: id, queue: &queue.name });
        queue.enter(Arc::clone(&live));
        Ok(Some(live))
    }
}
