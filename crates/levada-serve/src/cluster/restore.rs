//! Queue streams that were deleted by hand: a front end makes them again, and gives their jobs new
//! tickets. The records of the jobs, of which a front end has all, say which these are.

use std::sync::Arc;
use std::time::Duration;

use levada_nats::{Connection, Durability};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::line::LEASE;
use super::queues;
use super::replica::Replica;
use super::store::ClusterStore;
use super::taker::Takers;
use crate::config::QueueConfig;
use crate::job::{JobState, Record};
use crate::jobs::service::Jobs;
use crate::store::{Store, StoreError};

/// How often a front end looks whether the streams are there, also if nothing asks it for one.
const LOOK: Duration = Duration::from_secs(10);
/// How long after the lease of a job, which it cannot renew, a worker has stopped its command.
const SLACK: Duration = Duration::from_secs(2);

pub(super) struct Restorer {
    pub(super) connection: Connection,
    pub(super) durability: Durability,
    pub(super) store: Arc<ClusterStore>,
    pub(super) replica: Arc<Replica>,
    pub(super) takers: Arc<Takers>,
    pub(super) jobs: Arc<Jobs>,
}

impl Restorer {
    /// Makes them again for ever.
    pub(super) async fn run(self) {
        let this = Arc::new(self);
        let mut missed = this.store.missed();
        loop {
            // The sender lives as long as the store.
            drop(timeout(LOOK, missed.changed()).await);
            for queue in this.jobs.registry.all_queues() {
                if !queue.is_closed() && this.is_gone(&queue.name).await {
                    this.clone().restore(&queue.name, &queue.config()).await;
                }
            }
        }
    }

    async fn is_gone(&self, queue: &str) -> bool {
        self.store.queue(queue).is_none() || queues::is_gone(&self.connection, queue).await
    }

    async fn restore(self: Arc<Self>, name: &str, config: &QueueConfig) {
        let made = queues::make(&self.connection, name, config, self.durability).await;
        let unfinished = self.replica.tables.unfinished();
        let (made, mut jobs) = match (made, unfinished) {
            (Ok(made), Ok(jobs)) => (made, jobs),
            (Err(error), _) => return warn!(queue = name, %error, "a queue is not made again yet"),
            (_, Err(error)) => return warn!(queue = name, %error, "a queue is not made again yet"),
        };
        jobs.retain(|record| record.queue == name);
        error!(
            queue = name,
            jobs = jobs.len(),
            "the stream of the queue was deleted: it is made again, and its jobs get new places"
        );
        self.store.add_queue(made);
        if let Err(fault) = self.takers.cover().await {
            error!(queue = name, %fault, "cannot take jobs");
        }
        tokio::spawn(async move {
            if let Err(error) = self.give_places(&jobs).await {
                error!(%error, "jobs of a deleted queue have no new places");
            }
        });
    }

    async fn give_places(&self, jobs: &[Record]) -> Result<(), StoreError> {
        for record in jobs.iter().filter(|record| record.state != JobState::Running) {
            self.store.send_ticket(record, false).await?;
        }
        // By then those that ran have ended, or their workers have lost them.
        sleep(LEASE + SLACK).await;
        for record in jobs {
            match self.replica.get(record.id)? {
                Some((_, record)) if record.state == JobState::Running => {
                    self.store.send_ticket(&record, true).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
