//! What Prometheus is shown at `GET /metrics`.

use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::job::{Outcome, Record};
use crate::store::writer::Commit;

/// Numbers that are counted where things happen.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    jobs: Family<OfOutcome, Counter>,
    attempts_retried: Family<OfQueue, Counter>,
    rejected: Family<OfReason, Counter>,
    waited: Family<OfQueue, Histogram, fn() -> Histogram>,
    ran: Family<OfQueue, Histogram, fn() -> Histogram>,
    commit_time: Histogram,
    commit_changes: Histogram,
    batch_size: Histogram,
}

/// Numbers that are read at the moment of the request.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) queues: Vec<QueueGauges>,
    pub(crate) reloads: ReloadGauges,
    pub(crate) draining: bool,
    pub(crate) store_full: bool,
    pub(crate) store_failed: bool,
    /// The processes of the cluster, of each kind; nothing on one machine.
    pub(crate) members: Vec<(&'static str, usize)>,
}

/// Those of one queue.
#[derive(Debug)]
pub(crate) struct QueueGauges {
    pub(crate) name: String,
    pub(crate) depth: usize,
    pub(crate) capacity: usize,
    pub(crate) workers: usize,
    pub(crate) running: usize,
    pub(crate) retrying: usize,
}

/// Those of the configuration and its files.
#[derive(Debug)]
pub(crate) struct ReloadGauges {
    pub(crate) ok: u64,
    pub(crate) refused: u64,
    pub(crate) last_was_refused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    queue: String,
    outcome: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    queue: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

/// An outcome, as everywhere else it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name(Outcome);

impl EncodeLabelValue for Name {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0.name(), encoder)
    }
}

/// From a millisecond to about nine minutes.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 3.0, 13))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            jobs: Family::default(),
            attempts_retried: Family::default(),
            rejected: Family::default(),
            waited: Family::new_with_constructor(seconds),
            ran: Family::new_with_constructor(seconds),
            // From a tenth of a millisecond to about seven seconds.
            commit_time: Histogram::new(exponential_buckets(0.0001, 3.0, 11)),
            commit_changes: Histogram::new(exponential_buckets(1.0, 4.0, 7)),
            batch_size: Histogram::new(exponential_buckets(1.0, 4.0, 7)),
        }
    }

    /// A job waited this long for a worker.
    pub(crate) fn waited(&self, queue: &str, time: Duration) {
        let queue = OfQueue { queue: queue.to_owned() };
        self.waited.get_or_create(&queue).observe(time.as_secs_f64());
    }

    /// A run of a job, which may not be the last one, took this long.
    pub(crate) fn ran(&self, queue: &str, time: Duration) {
        let queue = OfQueue { queue: queue.to_owned() };
        self.ran.get_or_create(&queue).observe(time.as_secs_f64());
    }

    /// A job has ended.
    pub(crate) fn finished(&self, record: &Record) {
        let queue = record.queue.clone();
        let outcome = Name(record.outcome.unwrap_or(Outcome::Failed));
        self.jobs.get_or_create(&OfOutcome { queue, outcome }).inc();
    }

    /// A job will be tried again.
    pub(crate) fn retried(&self, queue: &str) {
        self.attempts_retried.get_or_create(&OfQueue { queue: queue.to_owned() }).inc();
    }

    /// Changes were put on disk together.
    pub(crate) fn committed(&self, commit: &Commit) {
        self.commit_time.observe(commit.took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "there are few changes in a batch")]
        self.commit_changes.observe(commit.changes as f64);
        #[expect(clippy::cast_precision_loss, reason = "there are few of them at once")]
        self.batch_size.observe(commit.waiting as f64);
    }

    /// A request did not become a job. No queue stands for one that does not exist.
    pub(crate) fn rejected(&self, queue: Option<&str>, reason: &'static str) {
        let queue = queue.unwrap_or_default().to_owned();
        self.rejected.get_or_create(&OfReason { queue, reason }).inc();
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut registry = Registry::with_prefix("levada");
        let r = &mut registry;
        r.register("jobs", "Jobs that ended, by outcome", self.jobs.clone());
        r.register(
            "retries",
            "Attempts after which the job is run again",
            self.attempts_retried.clone(),
        );
        r.register(
            "rejected",
            "Requests that did not become a job, by reason",
            self.rejected.clone(),
        );
        let waited = self.waited.clone();
        r.register_with_unit(
            "job_queue",
            "Time that jobs waited for a worker",
            Unit::Seconds,
            waited,
        );
        let ran = self.ran.clone();
        r.register_with_unit("job_run", "Duration of runs", Unit::Seconds, ran);
        Self::register_queues(r, &gauges.queues);
        self.register_service(r, gauges);
        Self::register_reloads(r, &gauges.reloads);
        Self::register_members(r, &gauges.members);
        // Those of the channels bring their prefix along.
        let mut channels = Registry::default();
        channels.register_collector(Box::new(levada_observe::metrics()));
        let mut text = String::new();
        encode_registry(&mut text, &registry)
            .and_then(|()| encode_registry(&mut text, &channels))
            .and_then(|()| encode_eof(&mut text))
            .expect("a string takes everything");
        text
    }

    fn register_queues(registry: &mut Registry, queues: &[QueueGauges]) {
        let family = Family::<OfQueue, Gauge>::default;
        let (depth, capacity, busy) = (family(), family(), family());
        let (workers, retrying) = (family(), family());
        for queue in queues {
            let of = OfQueue { queue: queue.name.clone() };
            let set = |family: &Family<OfQueue, Gauge>, value: usize| {
                family.get_or_create(&of).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            set(&depth, queue.depth);
            set(&capacity, queue.capacity);
            set(&workers, queue.workers);
            set(&busy, queue.running);
            set(&retrying, queue.retrying);
        }
        registry.register("queue_depth", "Occupied places in the queue", depth);
        registry.register("queue_capacity", "Places in the queue", capacity);
        registry.register("workers", "Jobs of the queue that may run at the same time", workers);
        registry.register("workers_busy", "Jobs of the queue that are running", busy);
        registry.register("retrying", "Jobs waiting for their next attempt", retrying);
    }

    fn register_members(registry: &mut Registry, members: &[(&'static str, usize)]) {
        if members.is_empty() {
            return;
        }
        let family = Family::<OfKind, Gauge>::default();
        for (kind, count) in members {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            family.get_or_create(&OfKind { kind }).set(count);
        }
        registry.register("members", "Live processes of the cluster, by kind", family);
    }

    fn register_reloads(registry: &mut Registry, reloads: &ReloadGauges) {
        let total = Family::<OfResult, Counter>::default();
        for (result, number) in [("ok", reloads.ok), ("refused", reloads.refused)] {
            total.get_or_create(&OfResult { result }).inc_by(number);
        }
        registry.register("reloads", "Reloads of changed files, by result", total);
        let refused: Gauge = Gauge::default();
        refused.set(i64::from(reloads.last_was_refused));
        let help = "1 if the last reload rejected a file";
        registry.register("files_refused", help, refused);
    }

    fn register_service(&self, registry: &mut Registry, gauges: &Gauges) {
        let flag = |value: bool| {
            let gauge: Gauge = Gauge::default();
            gauge.set(i64::from(value));
            gauge
        };
        let time = self.commit_time.clone();
        registry.register_with_unit(
            "store_commit",
            "Duration of commits to the store",
            Unit::Seconds,
            time,
        );
        let size = self.batch_size.clone();
        registry.register(
            "store_batch_size",
            "Requests and runs that waited for each commit",
            size,
        );
        let changes = self.commit_changes.clone();
        registry.register("store_commit_changes", "Changes per commit", changes);
        registry.register(
            "store_full",
            "1 if the disk is too full for new jobs",
            flag(gauges.store_full),
        );
        registry.register(
            "store_failed",
            "1 if the store has failed and accepts no changes",
            flag(gauges.store_failed),
        );
        registry.register("draining", "1 if the service is shutting down", flag(gauges.draining));
    }
}
