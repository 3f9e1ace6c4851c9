//! Takes tickets off the queues of the cluster, and puts their jobs in the lines of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use levada_nats::queue::{Delivery, Receiver, RecvError};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::line::ClusterLine;
use super::store::ClusterStore;
use super::ticket::Ticket;
use super::wire::Wire;
use crate::fault::Fault;
use crate::job::{JobState, Moment, Record};
use crate::jobs::active::JobQueue;
use crate::jobs::service::Jobs;
use crate::store::StoreError;
use crate::sync::lock;

/// How long after an error a taker tries again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// The takers of all queues.
#[derive(Debug)]
pub(super) struct Takers {
    jobs: Arc<Jobs>,
    store: Arc<ClusterStore>,
    wire: Arc<Wire>,
    line: Arc<ClusterLine>,
    receivers: Arc<Receivers>,
    tasks: Mutex<JoinSet<()>>,
    /// While queues are covered, each once.
    covering: tokio::sync::Mutex<()>,
}

/// Those that receive, by the names of their queues.
type Receivers = Mutex<HashMap<String, Arc<Receiver<Ticket>>>>;

struct Taker {
    jobs: Arc<Jobs>,
    store: Arc<ClusterStore>,
    receivers: Arc<Receivers>,
    queue: Arc<JobQueue>,
    wire: Arc<Wire>,
    line: Arc<ClusterLine>,
}

impl Takers {
    pub(super) fn new(
        jobs: &Arc<Jobs>,
        store: &Arc<ClusterStore>,
        wire: &Arc<Wire>,
        line: &Arc<ClusterLine>,
    ) -> Self {
        Self {
            jobs: Arc::clone(jobs),
            store: Arc::clone(store),
            wire: Arc::clone(wire),
            line: Arc::clone(line),
            receivers: Arc::default(),
            tasks: Mutex::default(),
            covering: tokio::sync::Mutex::default(),
        }
    }

    /// Takes jobs of each queue that has workers, with a seat for each of them.
    pub(super) async fn cover(&self) -> Result<(), Fault> {
        let _covering = self.covering.lock().await;
        for queue in self.jobs.registry.all_queues() {
            let workers = queue.config().workers;
            let is_covered = lock(&self.receivers).contains_key(&queue.name);
            let Some(tickets) = self.store.queue(&queue.name) else { continue };
            if is_covered && queue.is_closed() {
                let receiver = lock(&self.receivers).remove(&queue.name);
                if let Some(receiver) = receiver {
                    receiver.close().await;
                }
            }
            if workers == 0 || is_covered || queue.is_closed() {
                continue;
            }
            let receiver = tickets.receiver(workers).await;
            let receiver = receiver
                .map_err(|error| Fault::system(format!("queue {:?}: {error}", queue.name)))?;
            let receiver = Arc::new(receiver);
            lock(&self.receivers).insert(queue.name.clone(), Arc::clone(&receiver));
            let taker = Taker {
                jobs: Arc::clone(&self.jobs),
                store: Arc::clone(&self.store),
                receivers: Arc::clone(&self.receivers),
                queue,
                wire: Arc::clone(&self.wire),
                line: Arc::clone(&self.line),
            };
            lock(&self.tasks).spawn(Arc::new(taker).take_all(receiver));
        }
        Ok(())
    }

    /// Takes nothing more; what was fetched and not taken goes back.
    pub(super) async fn close(&self) {
        let receivers: Vec<_> = lock(&self.receivers).drain().collect();
        for (_, receiver) in receivers {
            receiver.close().await;
        }
    }
}

impl Taker {
    async fn take_all(self: Arc<Self>, receiver: Arc<Receiver<Ticket>>) {
        loop {
            let received = tokio::select! {
                biased;
                () = self.jobs.shutdown.draining() => return,
                received = receiver.recv() => received,
            };
            match received {
                Ok(delivery) => {
                    let taker = Arc::clone(&self);
                    tokio::spawn(async move { taker.take(delivery).await });
                }
                Err(RecvError::Closed) => return,
                Err(error @ RecvError::NoStream) => {
                    error!(queue = self.queue.name, %error, "takes no jobs until a front end has made it again");
                    lock(&self.receivers).remove(&self.queue.name);
                    return self.store.lose_queue(&self.queue.name);
                }
                Err(error) => {
                    error!(queue = self.queue.name, %error, "cannot take jobs");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Puts the job of a ticket in the line of this process, if there is anything to do.
    async fn take(&self, delivery: Delivery<Ticket>) {
        let id = delivery.record.id;
        // The process that accepts it may be this one, and not have shown it yet.
        let activating = self.jobs.registry.activating(id).await;
        let (sequence, mut record) = match self.newest(&delivery).await {
            Ok(newest) => newest,
            Err(error) => {
                warn!(job = %id, %error, "cannot read the record of a job: it goes back");
                return settled(delivery.retry(PAUSE).await);
            }
        };
        if record.state.has_ended() {
            return settled(delivery.ack().await);
        }
        // This process has it by another ticket, or is about to see that its lease is lost. Taken
        // twice, each would cut the other one off.
        if self.line.has_any(id) {
            return settled(delivery.retry(PAUSE).await);
        }
        // Another ticket of this job was faster: its worker has the job, or loses it with its
        // lease, and then that ticket is delivered again.
        let is_other = record.ticket != Some(delivery.seq()) && !delivery.replaces;
        if record.state == JobState::Running && is_other {
            return settled(delivery.ack().await);
        }
        // A worker that died before it gave the ticket back left the pause to the next. One that
        // is longer than any can be comes of a clock that was wrong, and is over.
        let longest = self.queue.config().retry.max_backoff;
        if let Some(pause) = record.retry_at.map(|at| at.since(Moment::now()))
            && !pause.is_zero()
            && pause <= longest
        {
            return settled(delivery.retry(pause).await);
        }
        match record.state {
            JobState::Running => self.interrupted(&mut record),
            JobState::Retrying => record.requeue(),
            _ => {}
        }
        let ended = record.state.has_ended();
        let holding = self.line.number();
        (record.holding, record.ticket) = (Some(holding), Some(delivery.seq()));
        let record = Arc::new(record);
        let job = self.jobs.lifecycle.adopt(&record, &self.queue);
        self.line.hold(Arc::clone(&job), holding, sequence, delivery);
        drop(activating);
        if ended {
            self.jobs.lifecycle.end_given_up(&job, record).await;
        } else {
            self.queue.enter(job);
        }
    }

    /// The newest of the records: that of the ticket, or the stored one.
    async fn newest(&self, ticket: &Ticket) -> Result<(u64, Record), StoreError> {
        match self.wire.record(ticket.record.id).await? {
            Some((sequence, stored)) if stored.revision >= ticket.record.revision => {
                Ok((sequence, stored))
            }
            Some((sequence, _)) => Ok((sequence, ticket.record.clone())),
            // It is being accepted, or its client will get no answer.
            None => Ok((0, ticket.record.clone())),
        }
    }

    /// The worker that ran it has died, or lost it.
    fn interrupted(&self, record: &mut Record) {
        record.interrupt();
        record.interruptions += 1;
        let most = self.queue.config().retry.max_interruptions;
        let (job, queue, interruptions) = (record.id, &record.queue, record.interruptions);
        if interruptions < most {
            info!(%job, queue, interruptions, "a worker died while the job ran, or lost it; the job runs again");
        } else {
            error!(%job, queue, interruptions, "workers died too often while the job ran; the job has failed");
            let keep = self.jobs.config.borrow().retention.keep(JobState::Failed);
            record.give_up(Moment::now(), keep);
        }
    }
}

fn settled(result: Result<(), levada_nats::queue::SettleError>) {
    if let Err(error) = result {
        info!(%error, "a ticket is not settled: it is delivered again");
    }
}
