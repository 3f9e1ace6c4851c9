//! From a job in line to its end.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use levada_work::shutdown::Phase;
use tracing::{debug, error, warn};

use super::feed::{Ending, Happened};
use super::live::{Fault, Live, Progress, Stream};
use super::pipes::Watcher;
use super::process::{End, Ran, Run};
use super::record::{Moment, Outcome, Record, State};
use super::service::{Jobs, millis};
use crate::config::{Mode, QueueConfig, RetryPolicy, Verdict};
use crate::store::Change;

/// How soon after another a command's progress is told, at the soonest.
const PROGRESS_REST: Duration = Duration::from_millis(100);

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

/// Counts one more, while it lasts.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(running: &'a AtomicUsize) -> Self {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        running.fetch_add(1, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Jobs {
    /// What a worker does with a job that it took out of the line.
    pub(crate) async fn work(self: Arc<Self>, live: Arc<Live>) {
        if !live.is_waiting() {
            return;
        }
        if self.leaves_it() {
            return self.leave(&live);
        }
        let config = live.queue.config();
        let _slot = self.slots.take(config.priority).await;
        if self.leaves_it() {
            return self.leave(&live);
        }
        let Some(waited) = live.claim() else {
            return;
        };
        let _busy = Busy::new(&live.queue.counts.running);
        self.metrics.waited(&live.queue.name, waited);
        let run = tokio::spawn(Arc::clone(&self).run(Arc::clone(&live), config, waited));
        if let Err(panic) = run.await {
            error!(job = %live.id, %panic, "the run of a job failed");
            let ran = Ran {
                end: End::NotRun(std::io::Error::other("the worker failed")),
                stdout: Vec::new(),
                stderr_tail: String::new(),
            };
            self.after(&live, &live.queue.config(), ran, None).await;
        }
    }

    /// Jobs that wait when the service drains are left on disk, for the next process; and so are those whose end could
    /// not be recorded: they would run again.
    fn leaves_it(&self) -> bool {
        self.shutdown.phase() == Phase::Aborting
            || (self.durable && self.is_draining())
            || self.store_failure().is_some()
    }

    /// Does not run it. Who waits for a job that ends with the process is told so.
    fn leave(&self, live: &Live) {
        if !self.durable {
            self.interrupted(live);
        }
    }

    /// Nothing more becomes of the job in this process.
    fn interrupted(&self, live: &Live) {
        if !self.durable {
            warn!(job = %live.id, queue = live.queue.name, "lost: the store is `memory`");
        }
        live.end();
        self.live().remove(&live.id);
        live.show(|view| view.fault = Some(Fault::Interrupted));
    }

    async fn run(self: Arc<Self>, live: Arc<Live>, config: Arc<QueueConfig>, waited: Duration) {
        let id = live.id;
        let mut record = live.view().record;
        record.state = State::Running;
        record.attempt += 1;
        record.revision += 1;
        record.started_at = Some(Moment::now());
        record.finished_at = None;
        record.forget_run();
        self.writer.note(Change::Update { record: record.clone() });
        live.show(|view| view.record = record.clone());
        let (queue, attempt) = (record.queue.as_str(), record.attempt);
        let waited_ms = millis(waited);
        self.feed.tell(&Happened::Started { job: id, queue, attempt, waited_ms });

        let begun = Instant::now();
        let ran = match self.read(move |store| store.input(id)).await {
            Ok(Some(input)) => {
                let watcher = &Onlooker::new(&self, &live);
                let (input_type, trace) = (record.input_type.as_deref(), record.trace.as_deref());
                let shutdown = &self.shutdown;
                let settings = &*config;
                let run = Run {
                    id,
                    queue,
                    attempt,
                    input_type,
                    trace,
                    config: settings,
                    shutdown,
                    watcher,
                };
                match config.mode {
                    Mode::Process => run.run(input).await,
                    Mode::Lines => run.run_line(&config, &live.queue.idle, &input).await,
                }
            }
            Ok(None) => Ran::not_run("its input is not in the store"),
            Err(error) => Ran::not_run(&format!("its input cannot be read: {error}")),
        };
        let busy = begun.elapsed();
        live.queue.pace.record(busy);
        self.after(&live, &config, ran, Some(busy)).await;
    }

    /// Decides what follows a run, puts it on disk, and shows it.
    async fn after(
        self: &Arc<Self>,
        live: &Arc<Live>,
        config: &QueueConfig,
        ran: Ran,
        busy: Option<Duration>,
    ) {
        let mut record = live.view().record;
        let mut next = judge(&mut record, &ran.end, &config.retry);
        debug!(job = %live.id, queue = record.queue, ?next, "the run is over");
        if next == Next::Again && live.is_stopped() {
            record.outcome = Some(Outcome::Cancelled);
            next = Next::Cancelled;
        } else if next == Next::Again && record.attempt >= record.max_attempts {
            next = Next::Failed;
        }
        record.stderr_tail = ran.stderr_tail;
        match next {
            Next::Interrupted => self.interrupted(live),
            Next::Again => self.again_later(live, record, &config.retry).await,
            Next::Succeeded => {
                record.state = State::Succeeded;
                record.output_bytes = ran.stdout.len() as u64;
                record.output_type = Some(config.output_type());
                self.ended(&mut record);
                let output = Bytes::from(ran.stdout);
                let change = Change::Finish { record: record.clone(), output: output.clone() };
                self.told(live, record, change, Some(output), busy).await;
            }
            Next::Failed | Next::Cancelled => {
                let failed = next == Next::Failed;
                record.state = if failed { State::Failed } else { State::Cancelled };
                self.ended(&mut record);
                let change = Change::Update { record: record.clone() };
                self.told(live, record, change, None, busy).await;
            }
        }
    }

    async fn told(
        &self,
        live: &Arc<Live>,
        record: Record,
        change: Change,
        output: Option<Bytes>,
        busy: Option<Duration>,
    ) {
        if let Err(error) = self.conclude(live, change, output).await {
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
        self: &Arc<Self>,
        live: &Arc<Live>,
        mut record: Record,
        policy: &RetryPolicy,
    ) {
        let delay = policy.delay(record.attempt, fastrand::f64());
        let at = Moment::now().after(delay);
        record.state = State::Retrying;
        record.retry_at = Some(at);
        record.finished_at = Some(Moment::now());
        record.revision += 1;
        if let Err(error) =
            self.writer.commit(vec![Change::Update { record: record.clone() }]).await
        {
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
            retry_in_ms: millis(delay),
        });
        self.metrics.retried(&record.queue);
        self.pause(Arc::clone(live), at);
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
                () = tokio::time::sleep(until.since(Moment::now())) => {}
                () = live.stopped() => {}
                // Nobody is there any more when the moment comes.
                () = jobs.shutdown.draining(), if !jobs.durable => return jobs.interrupted(&live),
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
fn judge(record: &mut Record, end: &End, policy: &RetryPolicy) -> Next {
    let (outcome, next) = match end {
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
    record.outcome = Some(outcome);
    next
}

impl Ran {
    fn not_run(why: &str) -> Self {
        let end = End::NotRun(std::io::Error::other(why.to_owned()));
        Self { end, stdout: Vec::new(), stderr_tail: String::new() }
    }
}

/// Passes on what a command writes and says.
struct Onlooker<'a> {
    jobs: &'a Jobs,
    live: &'a Arc<Live>,
    /// When its progress was told last.
    told: Mutex<Option<Instant>>,
}

impl<'a> Onlooker<'a> {
    fn new(jobs: &'a Jobs, live: &'a Arc<Live>) -> Self {
        Self { jobs, live, told: Mutex::new(None) }
    }
}

impl Watcher for Onlooker<'_> {
    fn wrote(&self, stream: Stream, bytes: &[u8]) {
        self.live.wrote(stream, bytes);
    }

    fn progressed(&self, progress: Progress) {
        self.live.show(|view| {
            view.record.revision += 1;
            view.progress = Some(progress.clone());
        });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|last| last.elapsed() < PROGRESS_REST) {
            return;
        }
        *told = Some(Instant::now());
        let (job, queue) = (self.live.id, self.live.queue.name.as_str());
        self.jobs.feed.tell(&Happened::Progress { job, queue, progress: &progress });
    }

    async fn stopped(&self) {
        self.live.stopped().await;
    }
}
