//! From the end of a run to what becomes of its job: the end, or another attempt.
//!
//! ```text
//! run is over -> decided -> handed to the writer -> on disk -> shown
//!                                       \-> the worker takes its next job
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{info, warn};

use super::feed::{Ending, Happened};
use super::live::{Fault, Live};
use super::process::{End, Ran};
use super::record::{Moment, Outcome, Record, State};
use super::report;
use super::service::{Jobs, millis};
use super::work::Busy;
use crate::config::{QueueConfig, RetryPolicy, Verdict};
use crate::store::body::Body;
use crate::store::{Change, StoreError};
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

/// What follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Succeeded,
    /// Another run, if there are attempts left.
    Again,
    Failed,
    Cancelled,
    /// It runs again in another process.
    Interrupted,
}

impl Jobs {
    /// Decides what follows a run, and has it put on disk and shown. The worker does not wait for
    /// that unless what it wrote is large, or the job is a suspect.
    pub(super) async fn after(
        self: Arc<Self>,
        live: Arc<Live>,
        config: &QueueConfig,
        mut ran: Ran,
        busy: Option<Duration>,
        span: Span,
    ) {
        if self.was_stopped_along(&ran.end, &config.retry).await {
            let end = if live.is_stopped() { End::Stopped } else { End::Aborted };
            let was = std::mem::replace(&mut ran.end, end);
            info!(job = %live.id, queue = live.queue.name, end = ?was, "the command was stopped by the same signal as the service");
        }
        let mut record = live.view().record;
        let is_suspect = record.interruptions > 0;
        let next = judge(&mut record, &ran.end, &config.retry, live.is_stopped());
        span.ran(&record);
        report::attempt(&record, busy);
        record.stderr_tail = ran.stderr_tail;
        let mut output = None;
        match next {
            Next::Interrupted => return self.interrupted(&live),
            Next::Again => {
                let delay = config.retry.delay(counted(&record, &config.retry), fastrand::f64());
                record.state = State::Retrying;
                record.retry_at = Some(Moment::now().after(delay));
                record.finished_at = Some(Moment::now());
                record.revision += 1;
                // This run is not what kills the service.
                record.interruptions = 0;
            }
            Next::Succeeded => {
                record.state = State::Succeeded;
                record.output_bytes = ran.stdout.len();
                record.output_type = Some(config.output_type());
                output = Some(ran.stdout);
            }
            Next::Failed => record.state = State::Failed,
            Next::Cancelled => record.state = State::Cancelled,
        }
        if record.state.has_ended() {
            self.ended(&mut record);
        }
        let change = match &output {
            Some(output) => Change::Finish { record: record.clone(), output: output.clone() },
            None => Change::Update { record: record.clone() },
        };
        // What waits for room on the disk keeps its worker, so that there is not more and more of
        // it. And the next job that may kill the service must not take this one along.
        let waits = change.bytes() > LEFT_TO_WRITER || self.condition().is_full() || is_suspect;
        let submitted = self.writer.submit(vec![change]).await;
        // The service ends when this is done, too.
        let guard = self.shutdown.track("end of a run");
        let rest = async move {
            let written = async { submitted?.committed().await };
            match record.retry_at {
                Some(at) => self.again_later(live, record, at, written).await,
                None => self.told(&live, record, output, busy, written).await,
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
            End::Exited(code) => return !policy.knows(*code) && self.durable && self.is_draining(),
            _ => return false,
        }
        timeout(STOP_FOLLOWS, self.shutdown.draining()).await.is_ok()
    }

    /// Fills in what is the same for every end.
    pub(super) fn ended(&self, record: &mut Record) {
        let now = Moment::now();
        let keep = self.config.borrow().retention.keep(record.state == State::Succeeded);
        record.revision += 1;
        record.finished_at = Some(now);
        record.expires_at = Some(now.after(keep));
    }

    /// Shows the end of a job when it is on disk.
    pub(super) async fn conclude(
        &self,
        live: &Arc<Live>,
        record: &Record,
        output: Option<Body>,
        written: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        written.await.inspect_err(|_| not_stored(live))?;
        live.end();
        // In this order: a lookup that misses it here finds its end in the store.
        self.live().remove(&live.id);
        live.show(|view| {
            view.record = record.clone();
            view.output = output;
            view.progress = None;
        });
        Ok(())
    }

    pub(super) fn tell_finished(&self, record: &Record, run: Option<Duration>) {
        report::end(record, run);
        self.metrics.finished(record);
        self.feed.tell(&Happened::Finished {
            job: record.id,
            queue: &record.queue,
            state: record.state,
            outcome: record.outcome.unwrap_or(Outcome::Failed),
            ending: Ending { exit_code: record.exit_code, signal: record.signal },
            attempt: record.attempt,
            run_ms: run.map(millis),
        });
    }

    async fn told(
        &self,
        live: &Arc<Live>,
        record: Record,
        output: Option<Body>,
        busy: Option<Duration>,
        written: impl Future<Output = Result<(), StoreError>>,
    ) {
        if self.conclude(live, &record, output, written).await.is_err() {
            // Why, the log says where the store failed.
            warn!(job = %live.id, "cannot store the end of a job; it runs again after a restart");
            return;
        }
        let counts = &live.queue.counts;
        match record.state {
            State::Succeeded => counts.succeeded.add_one(),
            State::Cancelled => counts.cancelled.add_one(),
            _ => {
                counts.failed.add_one();
                counts.kept_failed.add_one();
            }
        }
        self.tell_finished(&record, busy);
    }

    /// Another run follows, after a pause.
    async fn again_later(
        self: Arc<Self>,
        live: Arc<Live>,
        record: Record,
        at: Moment,
        written: impl Future<Output = Result<(), StoreError>>,
    ) {
        if written.await.is_err() {
            warn!(job = %live.id, "cannot store the next attempt of a job; it runs again after a restart");
            return not_stored(&live);
        }
        // In this order: a cancel during the pause finds the record that it has to change.
        live.show(|view| {
            view.record = record.clone();
            view.progress = None;
        });
        live.retry_later();
        self.feed.tell(&Happened::Retrying {
            job: live.id,
            queue: &record.queue,
            outcome: record.outcome.unwrap_or(Outcome::Failed),
            ending: Ending { exit_code: record.exit_code, signal: record.signal },
            attempt: record.attempt,
            retry_in_ms: millis(at.since(Moment::now())),
        });
        self.metrics.retried(&record.queue);
        self.pause(Arc::clone(&live), at);
        // Told to stop in between, when it was no longer running and not yet paused.
        if live.is_stopped() {
            // The result shows in the job's view, as for anyone who cancels.
            drop(self.cancel(live.id).await);
        }
    }

    /// Puts a job in line at this moment, unless it is cancelled before.
    pub(super) fn pause(self: &Arc<Self>, live: Arc<Live>, until: Moment) {
        let jobs = Arc::clone(self);
        tokio::spawn(async move {
            let paused = Busy::new(&live.queue.counts.retrying);
            tokio::select! {
                biased;
                // The process will have ended when the pause is over.
                () = jobs.shutdown.draining(), if !jobs.durable => return jobs.interrupted(&live),
                () = live.stopped() => {}
                () = tokio::time::sleep(until.since(Moment::now())) => {}
            }
            drop(paused);
            if live.wait_again() {
                live.show(|view| {
                    // A cancel in between has shown its own state already.
                    if view.record.state == State::Retrying {
                        view.record.state = State::Queued;
                        view.record.retry_at = None;
                        view.record.revision += 1;
                    }
                });
                live.queue.enter(Arc::clone(&live));
            }
        });
    }
}

/// How many attempts count: those since it was accepted or run again by hand, without those that
/// were cut off.
fn counted(record: &Record, policy: &RetryPolicy) -> u32 {
    let left = record.max_attempts.saturating_sub(record.attempt);
    // Another policy may hold now than when they were allowed.
    policy.max_attempts.saturating_sub(left).clamp(1, record.attempt.max(1))
}

/// Nothing more becomes of the job in this process, which ends. It stays with those that have not
/// ended, as it is in the store: there is room, since nothing is accepted any more.
fn not_stored(live: &Live) {
    live.end();
    live.show(|view| view.fault = Some(Fault::NotStored));
}

/// What follows a run, and what is known of it.
fn judge(record: &mut Record, end: &End, policy: &RetryPolicy, is_stopped: bool) -> Next {
    let (mut outcome, mut next) = match end {
        End::Exited(code) => {
            record.exit_code = Some(*code);
            match policy.verdict(*code) {
                Verdict::Done => (Outcome::Succeeded, Next::Succeeded),
                Verdict::Retry => {
                    record.status = Some(503);
                    (Outcome::Failed, Next::Again)
                }
                Verdict::Fail(status) => {
                    record.status = Some(status.as_u16());
                    (Outcome::Failed, Next::Failed)
                }
            }
        }
        End::Signalled(signal) => {
            record.signal = Some(*signal);
            (Outcome::Failed, Next::Failed)
        }
        End::TimedOut if policy.on_timeout => (Outcome::TimedOut, Next::Again),
        End::TimedOut => (Outcome::TimedOut, Next::Failed),
        End::OutputTooLarge => (Outcome::OutputTooLarge, Next::Failed),
        End::NotStarted(error) => {
            record.fault = Some(error.to_string());
            (Outcome::NotRun, Next::Again)
        }
        End::NotRun(error) => {
            record.fault = Some(error.to_string());
            (Outcome::NotRun, Next::Failed)
        }
        End::OutOfStep(why) => {
            record.fault = Some(why.to_string());
            (Outcome::OutOfStep, Next::Failed)
        }
        // Another attempt may be able to.
        End::NotKept(error) => {
            record.fault = Some(format!("its output cannot be kept: {error}"));
            (Outcome::NotRun, Next::Again)
        }
        End::Silent => {
            record.fault = Some("the command ended without an answer".to_owned());
            (Outcome::NotRun, Next::Failed)
        }
        End::Stopped => (Outcome::Cancelled, Next::Cancelled),
        End::Aborted => (Outcome::Interrupted, Next::Interrupted),
    };
    if next == Next::Again && is_stopped {
        (outcome, next) = (Outcome::Cancelled, Next::Cancelled);
    } else if next == Next::Again && record.attempt >= record.max_attempts {
        next = Next::Failed;
    }
    record.outcome = Some(outcome);
    next
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
        until(&accepted[0], State::Running).await;
        // From here on nothing is written until the second one runs.
        fs::write(&go, "").unwrap();
        until(&accepted[1], State::Running).await;
        assert_eq!(accepted[0].state(), State::Running, "shown before it is on disk");
        for live in &accepted {
            bench.writing(until(live, State::Succeeded)).await;
        }
        bench.end().await;
    }
}
