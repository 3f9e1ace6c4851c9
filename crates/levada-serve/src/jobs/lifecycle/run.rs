//! From a job in line to the end of its run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use levada_work::shutdown::Phase;
use tracing::{error, info};

use super::Lifecycle;
use super::observer::JobObserver;
use crate::config::{Mode, QueueConfig};
use crate::job::{JobId, Moment, Record};
use crate::jobs::active::ActiveJob;
use crate::jobs::in_flight::Slot;
use crate::jobs::process::Run;
use crate::jobs::queue::GaugeGuard;
use crate::jobs::run_result::{End, RunResult};
use crate::jobs::running::RunningJob;
use crate::jobs::suspects::Suspects;
use crate::store::{Change, StoreError, StoreErrorKind};
use crate::transient::is_transient;

impl Lifecycle {
    /// What a worker does with a job that it took out of the line.
    pub(crate) async fn work(self: Arc<Self>, job: Arc<ActiveJob>) {
        let _suspect = SuspectGuard { suspects: &self.suspects, job: job.id };
        let mut running = RunningJob::begin(&job.queue, &self.scheduler);
        if !job.is_waiting() {
            return;
        }
        if self.leaves_it() {
            return self.leave(&job);
        }
        running.take_slot().await;
        // The end of one more job would wait for room on the disk, too.
        if self.store.condition().is_stuck() {
            tokio::select! {
                () = self.store.until_stuck(false) => {}
                () = self.shutdown.draining() => {}
            }
        }
        if self.leaves_it() {
            return self.leave(&job);
        }
        // As it is now: it may have changed while the job waited.
        let config = job.queue.config();
        let Some(waited) = job.claim() else {
            return;
        };
        let _busy = GaugeGuard::new(&job.queue.counts.running);
        self.reporter.metrics.waited(&job.queue.name, waited);
        let holding = job.view().record.holding;
        let span = self.reporter.tracing.begin_run(&job.view().record, waited);
        let trace = span.traceparent();
        let run = Arc::clone(&self).run(Arc::clone(&job), Arc::clone(&config), waited, trace);
        let (ran, busy) = tokio::spawn(run).await.unwrap_or_else(|panic| {
            error!(job = %job.id, %panic, "the worker panicked during the run of a job");
            (RunResult::not_started("the worker failed"), None)
        });
        if self.shared.as_ref().is_some_and(|shared| !shared.has(job.id, holding)) {
            info!(job = %job.id, "the result of a run is dropped: the lease of its job is lost");
            return;
        }
        Arc::clone(&self).finish_run(Arc::clone(&job), holding, &config, ran, busy, span).await;
    }

    /// Jobs that wait when the service drains are left on disk, for the next process; and so are
    /// those whose end could not be recorded: they would run again.
    fn leaves_it(&self) -> bool {
        self.shutdown.phase() == Phase::Aborting
            || (self.store.is_durable() && self.is_draining())
            || self.store.failure().is_some()
    }

    /// Does not run it. If the store is `memory`, the job is lost: waiting clients get a problem.
    fn leave(&self, job: &ActiveJob) {
        match &self.shared {
            Some(shared) => shared.give_back(job.id),
            None if self.store.is_durable() => {}
            None => self.abandon(job),
        }
    }

    /// What came of it, and how long it took. The command's trace is `trace`, or else the
    /// request's.
    async fn run(
        self: Arc<Self>,
        job: Arc<ActiveJob>,
        config: Arc<QueueConfig>,
        waited: Duration,
        trace: Option<String>,
    ) -> (RunResult, Option<Duration>) {
        let mut record = job.view().to_record();
        record.start(Moment::now());
        let record = Arc::new(record);
        let change = Change::Update { record: Arc::clone(&record) };
        if self.shared.is_none() {
            self.store.writer().write_behind(change);
        } else if let Err(error) = self.store.writer().commit(vec![change]).await {
            // From here on any other process that has it is fenced off; or this one is.
            info!(job = %job.id, %error, "another process may have the job: it is not run here");
            return (RunResult::without_output(End::Aborted), None);
        }
        job.publish(|view| view.set_record(Arc::clone(&record)));
        self.reporter.started(&record, waited);

        let observer = &JobObserver::new(&self, &job);
        let slot = self.in_flight.as_ref().map(|file| Arc::new(file.slot()));
        let (ran, busy) = loop {
            let begun = Instant::now();
            let started = self.start(&record, &config, observer, trace.as_deref(), slot.clone());
            match started.await {
                Err(Lacking(error)) => {
                    // It waits, perhaps for long: it is not to blame if the service dies meanwhile.
                    if let Some(slot) = &slot {
                        slot.clear();
                    }
                    if let Some(end) = observer.wait_for_the_system(&error).await {
                        break (RunResult::without_output(end), begun.elapsed());
                    }
                }
                Ok(ran) => break (ran, begun.elapsed()),
            }
        };
        job.queue.pace.record(busy);
        self.reporter.metrics.ran(&record.queue, busy);
        (ran, Some(busy))
    }

    /// Starts the job and runs it to its end.
    ///
    /// # Errors
    /// The system lacks something that it may have in a moment; nothing has started.
    async fn start(
        &self,
        record: &Record,
        config: &Arc<QueueConfig>,
        observer: &JobObserver<'_>,
        trace: Option<&str>,
        slot: Option<Arc<Slot>>,
    ) -> Result<RunResult, Lacking> {
        let (id, attempt) = (record.id, record.attempt);
        let read = self.store.read(move |store| {
            // The same thread writes that the job runs: it may block.
            if let Some(slot) = slot {
                slot.begin(id, attempt);
            }
            store.input(id)
        });
        let input = match read.await {
            Ok(Some(input)) => input,
            Ok(None) => return Ok(RunResult::not_run("its input is not in the store")),
            Err(error) if error.kind == StoreErrorKind::Passing => {
                return Err(Lacking(error.to_string()));
            }
            Err(error) => {
                return Ok(unread(&error));
            }
        };
        let run = Run {
            id,
            queue: &record.queue,
            attempt,
            input_type: record.input_type.as_deref(),
            trace: trace.or(record.trace.as_deref()),
            config,
            shutdown: &self.shutdown,
            observer,
            store: self.store.store(),
        };
        let queue = observer.queue();
        let running = async {
            match config.mode {
                Mode::Process => run.run(input).await,
                Mode::Lines | Mode::Frames => match input.into_memory().await {
                    Ok(input) => {
                        run.run_resident(config, &queue.idle, &|| queue.needs_processes(), &input)
                            .await
                    }
                    Err(error) => unread(&error),
                },
            }
        };
        let ran = tokio::select! {
            biased;
            ran = running => ran,
            () = observer.publish_held_back() => unreachable!("the job is there"),
        };
        match &ran.end {
            End::NotStarted(error) if is_transient(error) => Err(Lacking(error.to_string())),
            _ => Ok(ran),
        }
    }
}

/// The run of a job whose input cannot be read; it may be another time.
fn unread(error: &StoreError) -> RunResult {
    RunResult::not_started(&format!("its input cannot be read: {error}"))
}

/// What the system said when it lacked something.
struct Lacking(String);

/// Dropping it lets the next suspect run, if this job was one.
struct SuspectGuard<'a> {
    suspects: &'a Suspects,
    job: JobId,
}

impl Drop for SuspectGuard<'_> {
    fn drop(&mut self) {
        self.suspects.done(self.job);
    }
}
