//! The jobs that this process holds a lease of, and what becomes of their tickets.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use levada::{oneshot, watch};
use levada_nats::queue::Delivery;
use tracing::{debug, warn};

use super::held::{HeldJobs, Verdict};
use super::news::News;
use super::output::Output;
use super::replica::Replica;
use super::ticket::Ticket;
use crate::config::Role;
use crate::job::JobId;
use crate::jobs::active::ActiveJob;
use crate::jobs::events::JobEvent;
use crate::jobs::service::Jobs;
use crate::jobs::shared::SharedLine;

/// How long a job is a worker's without a renewal. So long it waits for another worker when its own
/// was killed.
pub(super) const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct ClusterLine {
    role: Role,
    held: Arc<HeldJobs>,
    /// How many deliveries are not settled.
    unsettled: watch::Sender<usize>,
    jobs: OnceLock<Weak<Jobs>>,
    news: News,
    output: Output,
    replica: Arc<Replica>,
}

impl ClusterLine {
    pub(super) fn new(
        role: Role,
        held: &Arc<HeldJobs>,
        news: News,
        output: Output,
        replica: Arc<Replica>,
    ) -> Self {
        let held = Arc::clone(held);
        let jobs = OnceLock::new();
        Self {
            role,
            held,
            unsettled: watch::builder(0).named("unsettled jobs").build().0,
            jobs,
            news,
            output,
            replica,
        }
    }

    /// Tells it which jobs it is the line of.
    pub(super) fn begin(&self, jobs: &Arc<Jobs>) {
        // It is set once.
        let _ = self.jobs.set(Arc::downgrade(jobs));
    }

    /// A number for another lease.
    pub(super) fn number(&self) -> u64 {
        self.held.number()
    }

    /// Whether the job is this process's, under whichever lease.
    pub(super) fn has_any(&self, job: JobId) -> bool {
        self.held.has_any(job)
    }

    /// The job is this process's, as long as the lease of its ticket lasts.
    pub(super) fn hold(
        self: &Arc<Self>,
        job: Arc<ActiveJob>,
        holding: u64,
        sequence: u64,
        delivery: Delivery<Ticket>,
    ) {
        let said = self.held.hold(job.id, holding, sequence);
        self.unsettled.send_modify(|count| *count += 1);
        let line = Arc::clone(self);
        tokio::spawn(async move {
            line.settle(&job, holding, said, delivery).await;
            // Before, it is not taken again: what becomes of it here would meet the next run.
            line.held.leave(job.id, holding);
            line.unsettled.send_modify(|count| *count -= 1);
        });
    }

    async fn settle(
        &self,
        job: &Arc<ActiveJob>,
        holding: u64,
        said: oneshot::Receiver<Verdict>,
        delivery: Delivery<Ticket>,
    ) {
        let verdict = tokio::select! {
            biased;
            verdict = said => verdict.unwrap_or(Verdict::GiveBack),
            () = delivery.lost() => {
                warn!(job = %job.id, "the lease of a job is lost: its command is stopped, and another worker runs it");
                self.held.lose(job.id, holding);
                // Whatever comes of it, it is not recorded: nothing is written without the lease.
                job.withdraw();
                self.not_ours(job);
                return;
            }
        };
        let settled = match verdict {
            Verdict::Done => delivery.ack().await,
            Verdict::Retry(pause) => delivery.retry(pause).await,
            Verdict::GiveBack => delivery.retry(Duration::ZERO).await,
        };
        if let Err(error) = settled {
            debug!(job = %job.id, %error, "the ticket of a job is not settled: it is delivered again");
        }
        match self.role {
            Role::Worker if verdict == Verdict::Done => self.forget(job.id),
            _ if verdict == Verdict::Done => {}
            _ => self.not_ours(job),
        }
    }

    /// The job goes on elsewhere. A front end shows it as it is; a worker knows nothing more of it.
    fn not_ours(&self, job: &Arc<ActiveJob>) {
        let Some(jobs) = self.jobs.get().and_then(Weak::upgrade) else { return };
        match self.replica.get(job.id) {
            Ok(Some((_, record))) if self.role == Role::FrontEnd => {
                drop(jobs.lifecycle.adopt(&Arc::new(record), &job.queue));
            }
            _ => {
                jobs.lifecycle.leave_to_others(job);
                self.forget(job.id);
            }
        }
    }

    fn forget(&self, id: JobId) {
        if let Err(error) = self.replica.forget(id) {
            debug!(job = %id, %error, "a record stays in memory");
        }
    }

    /// Waits until every delivery is settled.
    pub(super) async fn settled(&self) {
        // `self` keeps the sender.
        drop(self.unsettled.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl SharedLine for ClusterLine {
    fn has(&self, job: JobId, holding: Option<u64>) -> bool {
        holding.is_some_and(|holding| self.held.sequence(job, holding).is_some())
    }

    fn done(&self, job: JobId) {
        self.held.say(job, Verdict::Done);
    }

    fn retry(&self, job: JobId, pause: Duration) -> bool {
        self.held.say(job, Verdict::Retry(pause))
    }

    fn give_back(&self, job: JobId) {
        self.held.say(job, Verdict::GiveBack);
    }

    fn stop(&self, job: JobId) {
        self.news.ask_to_stop(job);
    }

    fn listen(&self, job: &Arc<ActiveJob>) {
        if !self.held.has(job.id) {
            self.output.listen(job);
        }
    }

    fn emit(&self, event: &JobEvent<'_>) {
        self.news.emit(event);
    }
}
