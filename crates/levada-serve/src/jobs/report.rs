//! What is said of jobs: events, metrics, spans, and the log. The log never has what a job was
//! given, or what its command wrote.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, warn};

use super::events::{EventLog, ExitInfo, JobEvent};
use super::progress::Progress;
use super::shared::SharedLine;
use crate::job::{JobId, JobState, Moment, Outcome, Record};
use crate::metrics::Metrics;
use crate::telemetry::Tracing;

/// Tells everything outside what happens to jobs.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) events: EventLog,
    pub(crate) metrics: Metrics,
    pub(crate) tracing: Tracing,
    shared: Option<Arc<dyn SharedLine>>,
}

impl Reporter {
    pub(super) fn new(
        metrics: Metrics,
        tracing: Tracing,
        shared: Option<Arc<dyn SharedLine>>,
        numbering: Option<String>,
    ) -> Self {
        let events = numbering.map_or_else(EventLog::new, EventLog::of);
        Self { events, metrics, tracing, shared }
    }

    /// Tells all readers, of all processes.
    fn emit(&self, event: &JobEvent<'_>) {
        match &self.shared {
            Some(shared) => shared.emit(event),
            None => self.events.emit(event),
        }
    }

    /// A request did not become a job. No queue stands for one that does not exist.
    pub(crate) fn rejected(&self, queue: Option<&str>, reason: &'static str) {
        self.metrics.rejected(queue, reason);
        self.emit(&JobEvent::Rejected { queue, reason });
    }

    /// A job is on disk and gets in line.
    pub(super) fn accepted(&self, record: &Record) {
        self.emit(&JobEvent::Accepted { job: record.id, queue: &record.queue });
    }

    /// An attempt begins, after the job has waited this long.
    pub(super) fn started(&self, record: &Record, waited: Duration) {
        let Record { id: job, attempt, ref queue, .. } = *record;
        let waited_ms = millis(waited);
        self.emit(&JobEvent::Started { job, queue, attempt, waited_ms });
    }

    /// The command says how far it is.
    pub(super) fn progressed(&self, job: JobId, queue: &str, progress: &Progress) {
        self.emit(&JobEvent::Progress { job, queue, progress });
    }

    /// An attempt is over, whatever follows it.
    pub(super) fn attempted(&self, record: &Record, ran: Option<Duration>) {
        debug!(
            job = %record.id,
            queue = record.queue,
            attempt = record.attempt,
            outcome = record.outcome.map(Outcome::name),
            exit_code = record.exit_code,
            signal = record.signal,
            ran_ms = ran.map(millis),
            error = record.fault,
            "an attempt is over"
        );
    }

    /// The next attempt is on disk.
    pub(super) fn retrying(&self, record: &Record, at: Moment) {
        self.emit(&JobEvent::Retrying {
            job: record.id,
            queue: &record.queue,
            outcome: record.outcome.unwrap_or(Outcome::Failed),
            exit: exit_of(record),
            attempt: record.attempt,
            retry_in_ms: millis(at.since(Moment::now())),
        });
        self.metrics.retried(&record.queue);
    }

    /// The end of a job is on disk: the log has a line for each that failed for good.
    pub(super) fn finished(&self, record: &Record, ran: Option<Duration>) {
        if record.state == JobState::Failed {
            warn!(
                job = %record.id,
                queue = record.queue,
                attempts = record.attempt,
                outcome = record.outcome.map(Outcome::name),
                exit_code = record.exit_code,
                signal = record.signal,
                ran_ms = ran.map(millis),
                error = record.fault,
                "a job failed"
            );
        }
        self.metrics.finished(record);
        self.emit(&finished(record, ran));
    }

    /// The end of a job that another process ran, and of which it may not have told.
    #[cfg(feature = "nats")]
    pub(crate) fn finished_elsewhere(&self, record: &Record) {
        let ran = record.started_at.zip(record.finished_at).map(|(from, to)| to.since(from));
        self.emit(&finished(record, ran));
    }
}

fn finished(record: &Record, ran: Option<Duration>) -> JobEvent<'_> {
    JobEvent::Finished {
        job: record.id,
        queue: &record.queue,
        revision: record.revision,
        state: record.state,
        outcome: record.outcome.unwrap_or(Outcome::Failed),
        exit: exit_of(record),
        attempt: record.attempt,
        run_ms: ran.map(millis),
    }
}

fn exit_of(record: &Record) -> ExitInfo {
    ExitInfo { exit_code: record.exit_code, signal: record.signal }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
