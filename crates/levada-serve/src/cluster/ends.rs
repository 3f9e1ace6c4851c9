//! The ends of jobs that other processes stored. Each of them publishes an event, unless it dies
//! before, or loses the answer to what it stored together with its lease. Then a front end
//! publishes the event in its place.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::job::{JobId, Moment, Record};
use crate::jobs::service::Jobs;
use crate::sync::lock;

/// How long the event of an end is waited for, at least.
const LATE: Duration = Duration::from_secs(5);
/// A front end that starts compares the ends of the last minute with the events. The servers drop
/// an event that they got within the last two minutes, so that each end has one event although
/// several front ends publish it.
pub(super) const LAST: Duration = Duration::from_secs(60);
/// How many events are remembered: more than there are in the time of `LATE`.
const EVENTS: usize = 65_536;

/// An end that another process stored.
#[derive(Debug)]
struct End {
    record: Arc<Record>,
    /// By the clock of the servers.
    stored: Moment,
    /// When this process read it.
    read: Instant,
}

/// The jobs whose `finished` was read last.
#[derive(Debug, Default)]
struct Finished {
    jobs: HashSet<JobId>,
    order: VecDeque<JobId>,
}

/// Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    stored: mpsc::UnboundedSender<End>,
    /// Taken by the task that compares them with the events.
    to_compare: Arc<Mutex<Option<mpsc::UnboundedReceiver<End>>>>,
    finished: Arc<Mutex<Finished>>,
}

impl Default for Ends {
    fn default() -> Self {
        let (stored, to_compare) = mpsc::unbounded_builder().named("cluster ends").build();
        let to_compare = Arc::new(Mutex::new(Some(to_compare)));
        Self { stored, to_compare, finished: Arc::default() }
    }
}

impl Ends {
    /// Another process stored the end of a job, at this time of the servers.
    pub(super) fn stored(&self, record: &Arc<Record>, stored: Moment) {
        // A record is stored again when its bodies are deleted, or its expiry changes: long after
        // the end, or by a clock that is wrong.
        let finished = record.finished_at.unwrap_or(stored);
        let is_new = stored.since(finished).max(finished.since(stored)) < LAST;
        if record.emptied || !is_new {
            return;
        }
        let end = End { record: Arc::clone(record), stored, read: Instant::now() };
        // It fails only at the end of the process.
        drop(self.stored.send(end));
    }

    /// An event tells of the end of a job.
    pub(super) fn finished(&self, job: JobId) {
        let mut finished = lock(&self.finished);
        if finished.jobs.insert(job) {
            finished.order.push_back(job);
        }
        if finished.order.len() > EVENTS
            && let Some(first) = finished.order.pop_front()
        {
            finished.jobs.remove(&first);
        }
    }

    /// Publishes the events that are missing, for ever. It begins when those of the last minute
    /// are read: until then it keeps the ends of the last minute.
    pub(super) async fn publish_missing(
        self,
        jobs: Arc<Jobs>,
        mut events_are_read: oneshot::Receiver<()>,
    ) {
        let Some(mut stored) = lock(&self.to_compare).take() else { return };
        let mut first = VecDeque::<End>::new();
        while let Some(end) = tokio::select! {
            end = stored.recv() => end,
            _ = &mut events_are_read => None,
        } {
            while first.front().is_some_and(|old| end.stored.since(old.stored) > LAST) {
                first.pop_front();
            }
            first.push_back(end);
        }
        let begun = Instant::now();
        // Not all front ends at the same time.
        let late = LATE.mul_f64(fastrand::f64().mul_add(0.5, 1.0));
        while let Some(end) = match first.pop_front() {
            None => stored.recv().await,
            end => end,
        } {
            sleep_until(end.read.max(begun) + late).await;
            if !lock(&self.finished).jobs.contains(&end.record.id) {
                debug!(job = %end.record.id, "no event told of the end of a job");
                jobs.reporter.finished_elsewhere(&end.record);
            }
        }
    }
}
