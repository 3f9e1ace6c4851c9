//! From the end of a run to what becomes of its job: the end, or another attempt.
//!
//! ```text
//! run is over -> decided -> handed to the writer -> on disk -> shown
//!                                       \-> the worker takes its next job
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::{debug, error};

use super::feed::{Ending, Happened};
use super::live::Live;
use super::process::{End, Ran};
use super::record::{Moment, Outcome, Record, State};
use super::service::{Jobs, millis};
use super::work::Busy;
use crate::config::{QueueConfig, RetryPolicy, Verdict};
use crate::store::{Change, StoreError};

/// The largest output, in bytes, that a worker leaves to the writer. With the room that the writer has, this bounds what
/// the outputs of jobs take that nobody runs any more.
const LEFT_TO_WRITER: usize = 64 * 1024;

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
    /// Decides what follows a run, and has it put on disk and shown. The worker does not wait for that unless the output
    /// is large.
    pub(super) async fn after(
        self: Arc<Self>,
        live: Arc<Live>,
        config: &QueueConfig,
        ran: Ran,
        busy: Option<Duration>,
    ) {
        let mut record = live.view().record;
        let next = judge(&mut record, &ran.end, &config.retry, live.is_stopped());
        debug!(job = %live.id, queue = record.queue, ?next, "the run is over");
        record.stderr_tail = ran.stderr_tail;
        let mut output = None;
        match next {
            Next::Interrupted => return self.interrupted(&live),
            Next::Again => {
                let delay = config.retry.delay(record.attempt, fastrand::f64());
                record.state = State::Retrying;
                record.retry_at = Some(Moment::now().after(delay));
                record.finished_at = Some(Moment::now());
                record.revision += 1;
            }
            Next::Succeeded => {
                record.state = State::Succeeded;
                record.output_bytes = ran.stdout.len() as u64;
                record.output_type = Some(config.output_type());
                output = Some(Bytes::from(ran.stdout));
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
        let is_large = output.as_ref().is_some_and(|output| output.len() > LEFT_TO_WRITER);
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
        if is_large {
            rest.await;
        } else {
            tokio::spawn(rest);
        }
    }

    async fn told(
        &self,
        live: &Arc<Live>,
        record: Record,
        output: Option<Bytes>,
        busy: Option<Duration>,
        written: impl Future<Output = Result<(), StoreError>>,
    ) {
        if let Err(error) = self.conclude(live, &record, output, written).await {
            error!(job = %live.id, %error, "the end of a job is not recorded; it runs again after a restart");
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
        if let Err(error) = written.await {
            error!(job = %live.id, %error, "the next attempt of a job is not recorded");
        }
        // In this order: whoever cancels it in its pause finds what to record of it.
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
                // Nobody is there any more when the moment comes.
                () = jobs.shutdown.draining(), if !jobs.durable => return jobs.interrupted(&live),
                () = live.stopped() => {}
                () = tokio::time::sleep(until.since(Moment::now())) => {}
            }
            drop(paused);
            if live.wait_again() {
                live.show(|view| {
                    // Who cancelled it in between has shown that already.
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
        End::NotRun(error) => {
            record.fault = Some(error.to_string());
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
    use std::collections::BTreeMap;
    use std::fs;

    use levada::watch;
    use levada_work::pool::Pool;
    use levada_work::shutdown::Shutdown;

    use super::*;
    use crate::config::{Config, Retention};
    use crate::jobs::accept::{Accepted, Submission};
    use crate::store::tests::slow::{Slow, next};

    const LONG: Duration = Duration::from_secs(60);

    fn config(command: [&str; 3]) -> Config {
        let queue = QueueConfig { workers: 1, ..QueueConfig::for_tests(command) };
        let retention = Retention { jobs: LONG, failed: LONG, max_bytes: u64::MAX };
        let queues = BTreeMap::from([("default".to_owned(), Arc::new(queue))]);
        Config { queues, retention, quota: None, max_running: None }
    }

    async fn until(live: &Live, state: State) {
        let mut view = live.watch();
        let reached = view.wait_for(|view| view.record.state == state);
        let reached = tokio::time::timeout(LONG, reached).await;
        drop(reached.unwrap_or_else(|_| panic!("not {state:?}, but {:?}", live.state())));
    }

    /// Accepts a job, with whatever the store is asked to write until then.
    async fn accept(jobs: &Arc<Jobs>) -> Arc<Live> {
        let queue = jobs.queue("default").unwrap();
        let admission = jobs.admit(&queue, "somebody").unwrap();
        let submission =
            Submission { input: Bytes::new(), input_type: None, trace: None, key: None };
        match Arc::clone(jobs).accept(admission, submission).await.unwrap() {
            Accepted::New(live) => live,
            Accepted::Again(job) => panic!("{job:?} was there before"),
        }
    }

    #[tokio::test]
    async fn a_worker_goes_on_while_the_end_of_its_last_job_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        let script = format!("until [ -e '{}' ]; do sleep 0.01; done", go.display());
        let config = config(["sh", "-c", &script]);
        let (settings, shutdown) = (watch::Sender::new(Arc::new(config)), Shutdown::new());
        let (store, mut begun, go_on) = Slow::new();
        let (jobs, closer) = Jobs::new(store, true, settings.subscribe(), shutdown.signal());
        let mut crew = None;
        jobs.configure(&settings.borrow(), |_, workers| {
            let employer = Arc::clone(&jobs);
            let pool = Pool::new(workers).capacity(8);
            let (line, workers) = pool.start(move |job| Arc::clone(&employer).work(job));
            crew = Some(workers);
            line
        })
        .unwrap();

        let mut accepted = Vec::new();
        for _ in 0..2 {
            let accepting = accept(&jobs);
            tokio::pin!(accepting);
            loop {
                tokio::select! {
                    live = &mut accepting => break accepted.push(live),
                    _ = next(&mut begun) => go_on.send(Ok(())).unwrap(),
                }
            }
        }
        until(&accepted[0], State::Running).await;
        // From here on nothing is written until the second one runs.
        fs::write(&go, "").unwrap();
        until(&accepted[1], State::Running).await;
        assert_eq!(accepted[0].state(), State::Running, "shown before it is on disk");

        let ended = async {
            for live in &accepted {
                until(live, State::Succeeded).await;
            }
            crew.unwrap().close();
            drop(shutdown.drain(LONG).await);
            closer.close().await.unwrap();
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                () = &mut ended => break,
                _ = next(&mut begun) => go_on.send(Ok(())).unwrap(),
            }
        }
    }
}
