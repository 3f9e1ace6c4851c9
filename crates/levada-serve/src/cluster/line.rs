//! The jobs that this process holds a lease of, and what becomes of their tickets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use levada::{oneshot, watch};
use levada_nats::queue::Delivery;
use tracing::{debug, warn};

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
use crate::sync::lock;

/// How long a job is a worker's without a renewal. So long it waits for another worker when its own
/// was killed.
pub(super) const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct ClusterLine {
    role: Role,
    held: Mutex<HashMap<JobId, Held>>,
    /// How many deliveries are not settled.
    unsettled: watch::Sender<usize>,
    jobs: OnceLock<Weak<Jobs>>,
    news: News,
    output: Output,
    replica: Arc<Replica>,
}

#[derive(Debug)]
struct Held {
    /// The sequence number of the record that this process wrote or read last.
    sequence: u64,
    verdict: oneshot::Sender<Verdict>,
}

/// What becomes of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Done,
    Retry(Duration),
    GiveBack,
}

impl ClusterLine {
    pub(super) fn new(role: Role, news: News, output: Output, replica: Arc<Replica>) -> Self {
        let (held, jobs) = (Mutex::default(), OnceLock::new());
        Self { role, held, unsettled: watch::Sender::new(0), jobs, news, output, replica }
    }

    /// Tells it which jobs it is the line of.
    pub(super) fn begin(&self, jobs: &Arc<Jobs>) {
        // It is set once.
        let _ = self.jobs.set(Arc::downgrade(jobs));
    }

    /// The job is this process's, as long as the lease of its ticket lasts.
    pub(super) fn hold(
        self: &Arc<Self>,
        job: Arc<ActiveJob>,
        sequence: u64,
        delivery: Delivery<Ticket>,
    ) {
        let (verdict, said) = oneshot::channel();
        lock(&self.held).insert(job.id, Held { sequence, verdict });
        self.unsettled.send_modify(|count| *count += 1);
        let line = Arc::clone(self);
        tokio::spawn(async move {
            line.settle(&job, said, delivery).await;
            line.unsettled.send_modify(|count| *count -= 1);
        });
    }

    async fn settle(
        &self,
        job: &Arc<ActiveJob>,
        said: oneshot::Receiver<Verdict>,
        delivery: Delivery<Ticket>,
    ) {
        let verdict = tokio::select! {
            biased;
            verdict = said => verdict.unwrap_or(Verdict::GiveBack),
            () = delivery.lost() => {
                warn!(job = %job.id, "the lease of a job is lost: its command is stopped, and another worker runs it");
                lock(&self.held).remove(&job.id);
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

    /// The sequence number of the record that this process wrote last, if it holds the job.
    pub(super) fn held_at(&self, id: JobId) -> Option<u64> {
        lock(&self.held).get(&id).map(|held| held.sequence)
    }

    /// This process wrote the record of a job.
    pub(super) fn wrote(&self, id: JobId, sequence: u64) {
        if let Some(held) = lock(&self.held).get_mut(&id) {
            held.sequence = sequence;
        }
    }

    fn say(&self, id: JobId, verdict: Verdict) {
        if let Some(held) = lock(&self.held).remove(&id) {
            // An error means that the lease is lost.
            let _ = held.verdict.send(verdict);
        }
    }

    /// Waits until every delivery is settled.
    pub(super) async fn settled(&self) {
        // `self` keeps the sender.
        drop(self.unsettled.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl SharedLine for ClusterLine {
    fn done(&self, job: JobId) {
        self.say(job, Verdict::Done);
    }

    fn retry(&self, job: JobId, pause: Duration) {
        self.say(job, Verdict::Retry(pause));
    }

    fn give_back(&self, job: JobId) {
        self.say(job, Verdict::GiveBack);
    }

    fn stop(&self, job: JobId) {
        self.news.ask_to_stop(job);
    }

    fn listen(&self, job: &Arc<ActiveJob>) {
        if self.held_at(job.id).is_none() {
            self.output.listen(job);
        }
    }

    fn emit(&self, event: &JobEvent<'_>) {
        self.news.emit(event);
    }
}
