//! From the end of a run to what becomes of its job: the end, or another attempt.
//!
//! ```text
//! run is over -> decided (verdict) -> handed to the writer -> on disk -> published
//!                                                 \-> the worker takes its next job
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{info, warn};

use super::Lifecycle;
use super::end::not_stored;
use super::verdict::{Next, judge};
use crate::config::{QueueConfig, RetryPolicy};
use crate::job::{JobState, Moment, Record};
use crate::jobs::active::{ActiveJob, Withdrawn};
use crate::jobs::queue::GaugeGuard;
use crate::jobs::run_result::{End, RunResult};
use crate::store::{Change, StoreError, StoreErrorKind};
use crate::telemetry::Span;

/// A worker waits for the commit of an end that is larger than this, in bytes. With the writer's
/// room, this bounds the memory that jobs hold after their run.
const LEFT_TO_WRITER: usize = 64 * 1024;

/// The signals by which systems stop programs: SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM. Any other
/// is a command's own.
const STOPS: [i32; 5] = [1, 2, 3, 9, 15];

/// How long after a command the service may get the signal of the same stop. The system sends one
/// right after the other, so this is for a machine so busy that the service gets to its own late;
/// and no more, since the worker waits.
const STOP_FOLLOWS: Duration = Duration::from_millis(250);

impl Lifecycle {
    /// Decides what follows a run, and has it put on disk and shown. The worker does not wait for
    /// that unless what it wrote is large, or the job is a suspect.
    pub(super) async fn finish_run(
        self: Arc<Self>,
        job: Arc<ActiveJob>,
        holding: Option<u64>,
        config: &QueueConfig,
        mut ran: RunResult,
        busy: Option<Duration>,
        span: Span,
    ) {
        if self.was_stopped_along(&ran.end, &config.retry).await {
            let end = if job.is_stopped() { End::Stopped } else { End::Aborted };
            let was = std::mem::replace(&mut ran.end, end);
            info!(job = %job.id, queue = job.queue.name, end = ?was, "the command was stopped by the same signal as the service");
        }
        let mut record = job.view().to_record();
        // Not under a later lease, which the view may show already.
        record.holding = holding;
        let is_suspect = record.interruptions > 0;
        let (report, next) = judge(&record, &ran.end, &config.retry, job.is_stopped());
        record.set_report(report);
        span.ran(&record);
        self.reporter.attempted(&record, busy);
        record.stderr_tail = ran.stderr_tail;
        let (now, mut output) = (Moment::now(), None);
        match next {
            Next::Interrupted => return self.hand_back(&job).await,
            Next::Again => {
                let attempts = record.counted_attempts(config.retry.max_attempts);
                record.retry_later(now, config.retry.delay(attempts, fastrand::f64()));
            }
            Next::Succeeded => {
                let (bytes, content_type) = (ran.stdout.len(), config.output_type());
                record.succeed(bytes, content_type, now, self.keep(JobState::Succeeded));
                output = Some(ran.stdout);
            }
            Next::Failed => record.fail(now, self.keep(JobState::Failed)),
            Next::Cancelled => record.cancel(now, self.keep(JobState::Cancelled)),
        }
        let record = Arc::new(record);
        let change = match &output {
            Some(output) => Change::Finish { record: Arc::clone(&record), output: output.clone() },
            None => Change::Update { record: Arc::clone(&record) },
        };
        // What waits for room on the disk keeps its worker, so that there is not more and more of
        // it. And the next job that may kill the service must not take this one along.
        let waits =
            change.bytes() > LEFT_TO_WRITER || self.store.condition().is_full() || is_suspect;
        let submitted = self.store.writer().submit(vec![change]).await;
        // The service ends when this is done, too.
        let guard = self.shutdown.track("end of a run");
        let rest = async move {
            let written = async { submitted?.committed().await };
            match record.retry_at {
                Some(at) => self.retry_later(job, record, at, written).await,
                None => self.publish_end(&job, record, output, busy, written).await,
            }
            drop(guard);
        };
        if waits {
            rest.await;
        } else {
            tokio::spawn(rest);
        }
    }

    /// Whether what ended the command was a stop of the system, which signals commands along with
    /// the service: so does systemd unless told otherwise, and each in its turn.
    async fn was_stopped_along(&self, end: &End, policy: &RetryPolicy) -> bool {
        match end {
            End::Signalled(signal) if STOPS.contains(signal) => {}
            // A shell whose child was signalled, and programs that clean up first.
            End::Exited(code) if STOPS.contains(&(code - 128)) && !policy.knows(*code) => {}
            End::Silent => {}
            // Others end with what code they like then. It is not worth waiting for the service's
            // signal after each of them; and what is only in memory does not run again.
            End::Exited(code) => {
                return !policy.knows(*code) && self.store.is_durable() && self.is_draining();
            }
            _ => return false,
        }
        timeout(STOP_FOLLOWS, self.shutdown.draining()).await.is_ok()
    }

    /// Another run follows, after a pause.
    async fn retry_later(
        self: Arc<Self>,
        job: Arc<ActiveJob>,
        record: Arc<Record>,
        at: Moment,
        written: impl Future<Output = Result<(), StoreError>>,
    ) {
        if let Err(error) = written.await {
            warn!(job = %job.id, "cannot store the next attempt of a job; it runs again after a restart");
            // What another process took is shown by that.
            if error.kind != StoreErrorKind::Taken {
                not_stored(&job);
            }
            return;
        }
        // In this order: a cancel during the pause finds the record that it has to change.
        job.publish(|view| view.set_record(Arc::clone(&record)));
        job.retry_later();
        self.reporter.retrying(&record, at);
        let is_ours = match &self.shared {
            // The clock may have been set back in between.
            Some(shared) => {
                let longest = job.queue.config().retry.max_backoff;
                shared.retry(job.id, at.since(Moment::now()).min(longest))
            }
            None => {
                self.pause(Arc::clone(&job), at);
                true
            }
        };
        // Cancelled in between, when it was no longer running and not yet paused.
        // That its lease was lost stopped it as well, and does not end it.
        if is_ours && job.is_stopped() && job.withdraw() == Withdrawn::Ended {
            // The result shows in the job's view, as for a client that cancels.
            drop(self.end_cancelled(&job).await);
        }
    }

    /// Puts a job in line at this moment, unless it is cancelled before.
    pub(super) fn pause(self: &Arc<Self>, job: Arc<ActiveJob>, until: Moment) {
        let lifecycle = Arc::clone(self);
        tokio::spawn(async move {
            let paused = GaugeGuard::new(&job.queue.counts.retrying);
            tokio::select! {
                biased;
                // The process will have ended when the pause is over.
                () = lifecycle.shutdown.draining(), if !lifecycle.store.is_durable() => return lifecycle.abandon(&job),
                () = job.stopped() => {}
                () = tokio::time::sleep(until.since(Moment::now())) => {}
            }
            drop(paused);
            if job.wait_again() {
                job.publish(|view| {
                    // A cancel in between has shown its own state already.
                    if view.record.state == JobState::Retrying {
                        let mut record = view.to_record();
                        record.requeue();
                        view.set_record(Arc::new(record));
                    }
                });
                job.queue.enter(Arc::clone(&job));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::jobs::tests::{Bench, until};

    #[tokio::test]
    async fn a_worker_goes_on_while_the_end_of_its_last_job_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        let script = format!("until [ -e '{}' ]; do sleep 0.01; done", go.display());
        let mut bench = Bench::new(&script);
        let accepted = [bench.accept().await, bench.accept().await];
        until(&accepted[0], JobState::Running).await;
        // From here on nothing is written until the second one runs.
        fs::write(&go, "").unwrap();
        until(&accepted[1], JobState::Running).await;
        assert_eq!(accepted[0].state(), JobState::Running, "shown before it is on disk");
        for job in &accepted {
            bench.writing(until(job, JobState::Succeeded)).await;
        }
        bench.end().await;
    }
}
