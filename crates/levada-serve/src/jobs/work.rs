//! From a job in line to the end of its run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use levada_work::shutdown::Phase;
use tracing::{error, warn};

use super::feed::Happened;
use super::in_flight::Slot;
use super::live::{Fault, Live, Progress, Stream};
use super::pipes::Watcher;
use super::process::{End, Ran, Run};
use super::service::{Jobs, millis};
use super::shortage::Short;
use super::turns::AtWork;
use crate::config::{Mode, QueueConfig};
use crate::job::{Moment, Record};
use crate::store::body::Body;
use crate::store::{Change, StoreError, StoreErrorKind};
use crate::transient::is_transient;

/// The least time between two published updates of a command's progress.
const PROGRESS_REST: Duration = Duration::from_millis(100);

/// Counts one more, while it lasts.
pub(super) struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    pub(super) fn new(running: &'a AtomicUsize) -> Self {
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
        let _turn = Turn { jobs: &self, live: &live };
        let mut at_work = AtWork::begin(&live.queue, &self.slots);
        if !live.is_waiting() {
            return;
        }
        if self.leaves_it() {
            return self.leave(&live);
        }
        at_work.take_slot().await;
        // The end of one more job would wait for room on the disk, too.
        if self.condition().is_stuck() {
            tokio::select! {
                () = self.until_stuck(false) => {}
                () = self.shutdown.draining() => {}
            }
        }
        if self.leaves_it() {
            return self.leave(&live);
        }
        // As it is now: it may have changed while the job waited.
        let config = live.queue.config();
        let Some(waited) = live.claim() else {
            return;
        };
        let _busy = Busy::new(&live.queue.counts.running);
        self.metrics.waited(&live.queue.name, waited);
        let span = self.tracing.begin_run(&live.view().record, waited);
        let trace = span.traceparent();
        let run = Arc::clone(&self).run(Arc::clone(&live), Arc::clone(&config), waited, trace);
        let (ran, busy) = tokio::spawn(run).await.unwrap_or_else(|panic| {
            error!(job = %live.id, %panic, "the worker panicked during the run of a job");
            (Ran::not_started("the worker failed"), None)
        });
        Arc::clone(&self).after(Arc::clone(&live), &config, ran, busy, span).await;
    }

    /// Jobs that wait when the service drains are left on disk, for the next process; and so are
    /// those whose end could not be recorded: they would run again.
    fn leaves_it(&self) -> bool {
        self.shutdown.phase() == Phase::Aborting
            || (self.durable && self.is_draining())
            || self.store_failure().is_some()
    }

    /// Does not run it. If the store is `memory`, the job is lost: waiting clients get a problem.
    fn leave(&self, live: &Live) {
        if !self.durable {
            self.interrupted(live);
        }
    }

    /// Nothing more becomes of the job in this process: it is one of those that are left.
    pub(super) fn interrupted(&self, live: &Live) {
        if !self.durable {
            warn!(job = %live.id, queue = live.queue.name, "job lost: the store is `memory`");
        }
        live.end();
        live.show(|view| view.fault = Some(Fault::Interrupted));
    }

    /// What came of it, and how long it took. The command's trace is `trace`, or else the
    /// request's.
    async fn run(
        self: Arc<Self>,
        live: Arc<Live>,
        config: Arc<QueueConfig>,
        waited: Duration,
        trace: Option<String>,
    ) -> (Ran, Option<Duration>) {
        let id = live.id;
        let mut record = live.view().to_record();
        record.start(Moment::now());
        let record = Arc::new(record);
        self.writer.note(Change::Update { record: Arc::clone(&record) });
        live.show(|view| view.set_record(Arc::clone(&record)));
        let (queue, attempt) = (record.queue.as_str(), record.attempt);
        let waited_ms = millis(waited);
        self.feed.tell(&Happened::Started { job: id, queue, attempt, waited_ms });

        let watcher = &Onlooker::new(&self, &live);
        let slot = self.in_flight.as_ref().map(|file| Arc::new(file.slot()));
        let (ran, busy) = loop {
            let begun = Instant::now();
            let started = self.start(&record, &config, watcher, trace.as_deref(), slot.clone());
            match started.await {
                Err(Lacking(error)) => {
                    // It waits, perhaps for long: it is not to blame if the service dies meanwhile.
                    if let Some(slot) = &slot {
                        slot.clear();
                    }
                    if let Some(end) = watcher.wait_for_the_system(&error).await {
                        break (Ran::nothing(end), begun.elapsed());
                    }
                }
                Ok(ran) => break (ran, begun.elapsed()),
            }
        };
        live.queue.pace.record(busy);
        self.metrics.ran(queue, busy);
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
        watcher: &Onlooker<'_>,
        trace: Option<&str>,
        slot: Option<Arc<Slot>>,
    ) -> Result<Ran, Lacking> {
        let (id, attempt) = (record.id, record.attempt);
        let read = self.read(move |store| {
            // The same thread writes that the job runs: it may block.
            if let Some(slot) = slot {
                slot.begin(id, attempt);
            }
            store.input(id)
        });
        let input = match read.await {
            Ok(Some(input)) => input,
            Ok(None) => return Ok(Ran::not_run("its input is not in the store")),
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
            watcher,
            store: &self.store,
        };
        let running = async {
            match config.mode {
                Mode::Process => run.run(input).await,
                Mode::Lines | Mode::Frames => match input.into_memory().await {
                    Ok(input) => run.run_resident(config, &watcher.live.queue, &input).await,
                    Err(error) => unread(&error),
                },
            }
        };
        let ran = tokio::select! {
            biased;
            ran = running => ran,
            () = watcher.tell_the_newest() => unreachable!("the job is there"),
        };
        match &ran.end {
            End::NotStarted(error) if is_transient(error) => Err(Lacking(error.to_string())),
            _ => Ok(ran),
        }
    }
}

/// The run of a job whose input cannot be read; it may be another time.
fn unread(error: &StoreError) -> Ran {
    Ran::not_started(&format!("its input cannot be read: {error}"))
}

/// What the system said when it lacked something.
struct Lacking(String);

/// A worker has a job. Dropping it lets the next suspect have its turn, if the job was one.
struct Turn<'a> {
    jobs: &'a Jobs,
    live: &'a Live,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.jobs.suspects.done(self.live.id);
    }
}

impl Ran {
    fn nothing(end: End) -> Self {
        Self { end, stdout: Body::empty(), stderr_tail: String::new() }
    }

    /// It cannot be run.
    fn not_run(why: &str) -> Self {
        Self::nothing(End::NotRun(std::io::Error::other(why.to_owned())))
    }

    /// It may be run another time.
    fn not_started(why: &str) -> Self {
        Self::nothing(End::NotStarted(std::io::Error::other(why.to_owned())))
    }
}

/// Passes on what a command writes and says.
struct Onlooker<'a> {
    jobs: &'a Jobs,
    live: &'a Arc<Live>,
    told: Mutex<Told>,
    /// While the command cannot be started for what the system lacks.
    short: Mutex<Option<Short<'a>>>,
}

/// The last published update of a command's progress, and a later one that is held back.
#[derive(Default)]
struct Told {
    last: Option<Instant>,
    /// What it said since, and too soon after.
    newest: Option<Progress>,
}

impl<'a> Onlooker<'a> {
    fn new(jobs: &'a Jobs, live: &'a Arc<Live>) -> Self {
        Self { jobs, live, told: Mutex::default(), short: Mutex::default() }
    }

    /// Waits until it is worth trying again to start the command; or until the run is over without
    /// that.
    async fn wait_for_the_system(&self, error: &str) -> Option<End> {
        let Self { jobs, live, .. } = self;
        let begin = || live.queue.shortage.begin(&live.queue.name, error);
        let pause = self.short().get_or_insert_with(begin).pause();
        tokio::select! {
            biased;
            () = live.stopped() => Some(End::Stopped),
            // It is left on disk. What is only in memory is run before the process ends.
            () = jobs.shutdown.draining(), if jobs.durable => Some(End::Aborted),
            () = jobs.shutdown.aborting() => Some(End::Aborted),
            () = tokio::time::sleep(pause) => None,
        }
    }

    fn short(&self) -> MutexGuard<'_, Option<Short<'a>>> {
        self.short.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what was said too soon after another, when it is time.
    async fn tell_the_newest(&self) {
        let mut view = self.live.watch();
        // `self` keeps the sender.
        while view.changed().await.is_ok() {
            // An update that arrives during the sleep is published at its end.
            tokio::time::sleep(PROGRESS_REST).await;
            let mut told = self.told();
            if let Some(newest) = told.newest.take() {
                self.tell(&mut told, &newest);
            }
        }
    }

    fn tell(&self, told: &mut Told, progress: &Progress) {
        *told = Told { last: Some(Instant::now()), newest: None };
        let (job, queue) = (self.live.id, self.live.queue.name.as_str());
        self.jobs.feed.tell(&Happened::Progress { job, queue, progress });
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Onlooker<'_> {
    fn started(&self) {
        self.short().take();
    }

    fn wrote(&self, stream: Stream, bytes: &[u8]) {
        self.live.wrote(stream, bytes);
    }

    fn progressed(&self, progress: Progress) {
        self.live.show(|view| view.set_progress(progress.clone()));
        let mut told = self.told();
        if told.last.is_some_and(|last| last.elapsed() < PROGRESS_REST) {
            told.newest = Some(progress);
        } else {
            self.tell(&mut told, &progress);
        }
    }

    async fn stopped(&self) {
        self.live.stopped().await;
    }
}
