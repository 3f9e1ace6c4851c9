//! Shows what other processes do with the jobs: follows the stream of records.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use levada::watch;
use tracing::warn;

use super::ends::Ends;
use super::following::{Error, Following};
use super::held::HeldJobs;
use super::replica::Replica;
use super::wire::{self, Wire};
use crate::job::{JobId, JobState, Moment, Record};
use crate::jobs::service::Jobs;
use crate::store::StoreError;
use crate::sync::lock;

/// How long after an error the stream is followed again, at first and at most.
const PAUSES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(250)..=Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Mirror {
    jobs: Arc<Jobs>,
    wire: Arc<Wire>,
    replica: Arc<Replica>,
    held: Arc<HeldJobs>,
    ends: Ends,
    /// The jobs that others have, in the states in which they are counted.
    counted: Mutex<HashMap<JobId, JobState>>,
    /// Whether all records that were there at the start are known.
    caught_up: watch::Sender<bool>,
}

impl Mirror {
    pub(super) fn new(
        jobs: &Arc<Jobs>,
        wire: &Arc<Wire>,
        replica: &Arc<Replica>,
        held: &Arc<HeldJobs>,
        ends: &Ends,
    ) -> Arc<Self> {
        Arc::new(Self {
            jobs: Arc::clone(jobs),
            wire: Arc::clone(wire),
            replica: Arc::clone(replica),
            held: Arc::clone(held),
            ends: ends.clone(),
            counted: Mutex::default(),
            caught_up: watch::builder(false).named("mirror caught up").build().0,
        })
    }

    /// Waits until all records are known that were there at the start.
    pub(super) async fn caught_up(&self) {
        // `self` keeps the sender.
        drop(self.caught_up.subscribe().wait_for(|caught_up| *caught_up).await);
    }

    /// Follows the stream for ever: after an error from where it was. Each message is the newest
    /// of its subject, so that nothing is missed by that.
    pub(super) async fn follow(self: Arc<Self>) {
        let (mut next, mut pause) = (1, *PAUSES.start());
        loop {
            let before = next;
            let Err(error) = self.follow_from(&mut next).await;
            if next > before {
                pause = *PAUSES.start();
            }
            warn!(%error, "cannot follow the jobs of the cluster; what is shown may be old");
            tokio::time::sleep(pause.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
            pause = (pause * 2).min(*PAUSES.end());
        }
    }

    async fn follow_from(&self, next: &mut u64) -> Result<Infallible, Error> {
        let (records, all) = (self.wire.records(), self.wire.all_records());
        let start = DeliverPolicy::ByStartSequence { start_sequence: *next };
        let mut following = Following::from(records, all, start).await?;
        loop {
            if following.pending == 0 {
                self.caught_up.send_replace(true);
            }
            let (sequence, message) = following.next().await?;
            *next = sequence + 1;
            let stored = wire::moment(message.info()?.published);
            match wire::decode(&message.payload, stored) {
                Ok(record) => self.take(sequence, &record, stored).await?,
                Err(error) => warn!(%error, subject = %message.subject, "a record is not shown"),
            }
        }
    }

    async fn take(&self, sequence: u64, record: &Record, stored: Moment) -> Result<(), StoreError> {
        self.replica.put(sequence, record, false)?;
        let id = record.id;
        // Which may be newer, if this process wrote it.
        let Some((_, record)) = self.replica.get(id)? else { return Ok(()) };
        if self.held.has(id) {
            self.count(&record, None);
            return Ok(());
        }
        if self.replica.is_own(id) {
            self.count(&record, (!record.state.has_ended()).then_some(record.state));
            return Ok(());
        }
        let Some(queue) = self.jobs.registry.queue(&record.queue) else { return Ok(()) };
        let record = Arc::new(record);
        // The process that accepts it may be this one, and not have shown it yet.
        let _activating = self.jobs.registry.activating(id).await;
        if !record.state.has_ended() {
            drop(self.jobs.lifecycle.adopt(&record, &queue));
        } else {
            if let Some(job) = self.jobs.registry.find_active(id) {
                self.jobs.lifecycle.ended_elsewhere(&job, &record);
            }
            self.ends.stored(&record, stored);
        }
        self.count(&record, (!record.state.has_ended()).then_some(record.state));
        Ok(())
    }

    fn count(&self, record: &Record, state: Option<JobState>) {
        let Some(queue) = self.jobs.registry.queue(&record.queue) else { return };
        let mut counted = lock(&self.counted);
        let before = match state {
            Some(state) => counted.insert(record.id, state),
            None => counted.remove(&record.id),
        };
        queue.counts.shift(before, state);
        // How many workers the cluster has is not known; so many there are at least.
        queue.pace.set_workers_at_least(queue.counts.running());
    }
}
