//! What the handlers ask for, and everything that it takes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use levada::{mpmc, watch};
use levada_work::shutdown::{Phase, Signal};
use tracing::{info, warn};

use super::accept::Refusal;
use super::feed::Feed;
use super::in_flight::InFlight;
use super::keys::{Hold, Keys};
use super::live::{Live, View};
use super::queue::Queue;
use super::quota::Quotas;
use super::slots::Slots;
use super::suspects::Suspects;
use crate::config::Config;
use crate::job::{JobId, Moment, Record, State};
use crate::metrics::Metrics;
use crate::store::body::Body;
use crate::store::condition::Condition;
use crate::store::writer::{Closer, Writer};
use crate::store::{self, Store, StoreError, on_a_thread};
use crate::telemetry::Tracing;

/// The jobs, and what they need.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(super) store: Arc<dyn Store>,
    pub(super) writer: Writer,
    condition: watch::Receiver<Condition>,
    /// The jobs that have not ended.
    pub(super) live: Mutex<HashMap<JobId, Arc<Live>>>,
    pub(super) queues: Mutex<BTreeMap<String, Arc<Queue>>>,
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) feed: Feed,
    pub(super) keys: Keys,
    pub(super) quotas: Quotas,
    pub(super) slots: Slots,
    pub(crate) shutdown: Signal,
    pub(crate) metrics: Metrics,
    pub(crate) tracing: Tracing,
    /// Jobs outlive the process.
    pub(super) durable: bool,
    /// Tells the next process which jobs ran when this one died; `None` if there is nothing that it
    /// could find.
    pub(super) in_flight: Option<Arc<InFlight>>,
    pub(super) suspects: Suspects,
}

/// What the store has for queues that are to be opened.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The jobs of all queues that have not ended.
    unfinished: Vec<Record>,
    /// The queues, and how many jobs of each failed and could be run again.
    failed: BTreeMap<String, u64>,
}

/// A job, as a client finds it.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// It has not ended.
    Live(Arc<Live>),
    /// It has; or nothing becomes of it in this process, as its queue is not configured.
    Past(Arc<Record>),
}

impl Job {
    pub(crate) fn id(&self) -> JobId {
        match self {
            Self::Live(live) => live.id,
            Self::Past(record) => record.id,
        }
    }

    pub(crate) fn state(&self) -> State {
        match self {
            Self::Live(live) => live.state(),
            Self::Past(record) => record.state,
        }
    }

    pub(crate) fn view(&self) -> View {
        match self {
            Self::Live(live) => live.view(),
            Self::Past(record) => View::of(Arc::clone(record)),
        }
    }
}

/// What became of the wish to cancel a job.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// It waited, and will not run.
    Ended(View),
    /// It runs, and is being stopped.
    Stopping(View),
    /// It had ended before.
    TooLate,
}

/// Why a job is not run again.
#[derive(Debug)]
pub(crate) enum NotAgain {
    /// It has not ended, or it succeeded.
    Not(State),
    /// Its input is no longer kept.
    NoInput,
    Refused(Refusal),
}

impl From<StoreError> for NotAgain {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl Jobs {
    /// Without queues, until it is [configured](Self::configure).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        durable: bool,
        in_flight: Option<Arc<InFlight>>,
        config: watch::Receiver<Arc<Config>>,
        shutdown: Signal,
        tracing: Tracing,
    ) -> (Arc<Self>, Closer) {
        let metrics = Metrics::new();
        let observer = metrics.clone();
        let (writer, closer) =
            Writer::start(Arc::clone(&store), move |commit| observer.committed(&commit));
        let condition = writer.condition();
        let slots = Slots::new(config.borrow().max_running);
        let jobs = Self {
            store,
            writer,
            condition,
            live: Mutex::default(),
            queues: Mutex::default(),
            config,
            feed: Feed::new(),
            keys: Keys::default(),
            quotas: Quotas::default(),
            slots,
            shutdown,
            metrics,
            tracing,
            durable,
            in_flight,
            suspects: Suspects::default(),
        };
        (Arc::new(jobs), closer)
    }

    /// What the store has for the queues of this configuration that are to be opened. Blocks.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn left(&self, config: &Config) -> Result<Left, StoreError> {
        let opened: Vec<_> = {
            let queues = self.queues();
            config.queues.keys().filter(|name| !queues.contains_key(*name)).cloned().collect()
        };
        let mut left = Left::default();
        for queue in opened {
            let failed = self.store.kept_failed(&queue)?;
            left.failed.insert(queue, failed);
        }
        if !left.failed.is_empty() {
            left.unfinished = self.store.unfinished()?;
        }
        Ok(left)
    }

    /// Opens, changes and closes queues. A new one goes on with what is [`left`](Self::left) for it
    /// by the same configuration, and `line` makes the way to so many workers of it.
    pub(crate) fn configure(
        self: &Arc<Self>,
        config: &Config,
        left: Left,
        mut line: impl FnMut(&str, usize) -> mpmc::Sender<Arc<Live>>,
    ) {
        self.slots.resize(config.max_running);
        for (name, queue) in self.queues().iter() {
            match config.queues.get(name) {
                Some(settings) => queue.configure(Arc::clone(settings)),
                None if queue.is_closed() => {}
                None => {
                    info!(queue = name, "queue closed: it is no longer in the configuration");
                    queue.close();
                }
            }
        }
        let Left { mut unfinished, failed } = left;
        for (name, failed) in failed {
            let settings = Arc::clone(&config.queues[&name]);
            let workers = line(&name, settings.workers);
            let queue = Queue::new(name.clone(), settings, workers);
            queue.counts.kept_failed.set(failed);
            let of_queue = unfinished.extract_if(.., |record| record.queue == name).collect();
            self.bring_back(&queue, of_queue);
            // Only now can requests find it.
            self.queues().insert(name, queue);
        }
        let homeless = |record: &Record| self.queue(&record.queue).is_none();
        let homeless: Vec<_> = unfinished.into_iter().filter(homeless).collect();
        if !homeless.is_empty() {
            let queues: BTreeSet<_> = homeless.iter().map(|job| job.queue.as_str()).collect();
            let jobs = homeless.len();
            warn!(
                jobs,
                ?queues,
                "jobs stay in the store and do not run: their queues are not configured"
            );
        }
    }

    /// Held, no queue is opened, and no job is cancelled that has none.
    pub(crate) async fn opening(&self) -> Hold {
        // No digest, and no id.
        self.keys.hold([0xFF; 32]).await
    }

    /// Lets jobs of before run on; last those that may be what killed the service, so that the
    /// others get on.
    fn bring_back(self: &Arc<Self>, queue: &Arc<Queue>, mut records: Vec<Record>) {
        if !records.is_empty() {
            info!(queue = queue.name, jobs = records.len(), "resuming jobs from the previous run");
        }
        let max_interruptions = queue.config().retry.max_interruptions;
        records.sort_by_key(|record| record.interruptions);
        for mut record in records {
            if record.state == State::Running {
                record.interrupt();
            }
            let is_last_chance =
                record.interruptions > 0 && record.interruptions + 1 >= max_interruptions;
            // A clock that was set back since, or ran ahead then, makes no pause longer than one
            // can be.
            let latest = Moment::now().after(queue.config().retry.max_backoff);
            record.retry_at = record.retry_at.map(|at| at.min(latest));
            let (id, retry_at) = (record.id, record.retry_at);
            let share = self.quotas.must_take(&record.client);
            let record = Arc::new(record);
            let live = match retry_at {
                Some(_) => Live::paused(record, Arc::clone(queue), share),
                None => Live::waiting(record, queue.must_enter(), share),
            };
            self.live().insert(id, Arc::clone(&live));
            match retry_at {
                Some(at) => self.pause(live, at),
                None if is_last_chance => self.suspects.enter(live),
                None => queue.enter(live),
            }
        }
    }

    /// Failed jobs were given up.
    ///
    /// # Errors
    /// The store cannot say how many are left.
    pub(crate) async fn recount(&self) -> Result<(), StoreError> {
        for queue in self.all_queues() {
            let name = queue.name.clone();
            // It looks at all of them, which takes long in memory, too.
            let kept = on_a_thread(&self.store, move |store| store.kept_failed(&name)).await?;
            queue.counts.kept_failed.set(kept);
        }
        Ok(())
    }

    /// The service is shutting down: no more jobs come in.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.phase() >= Phase::Draining
    }

    /// Jobs outlive the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Whether a job in this state still ends when the service shuts down.
    pub(crate) fn runs_while_draining(&self, state: State) -> bool {
        // In memory nothing stays: what waits is run, and what pauses is interrupted.
        state == State::Running || !self.durable
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The queue of this name.
    pub(crate) fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues().get(name).cloned()
    }

    /// All queues, by name.
    pub(crate) fn all_queues(&self) -> Vec<Arc<Queue>> {
        self.queues().values().cloned().collect()
    }

    /// Whether the store takes changes.
    pub(crate) fn condition(&self) -> Condition {
        self.condition.borrow().clone()
    }

    /// Why the store takes nothing more, if that is so.
    pub(crate) fn store_failure(&self) -> Option<StoreError> {
        self.condition.borrow().failure().cloned()
    }

    /// Waits until changes wait for room on the disk, or no longer do.
    pub(super) async fn until_stuck(&self, stuck: bool) {
        // `self` keeps the sender.
        drop(self.condition.clone().wait_for(|condition| condition.is_stuck() == stuck).await);
    }

    /// Asks the store for something of one job.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        store::call(&self.store, read).await
    }

    /// The job of this id, if there is one.
    pub(crate) async fn find(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let job = self.look(id).await?;
        if let Some(Job::Past(record)) = &job
            && !record.state.has_ended()
            && self.queue(&record.queue).is_some()
        {
            // It is on disk, and not yet live. The task that accepts it has its turn until it is.
            let _turn = self.turn(id).await;
            return self.look(id).await;
        }
        Ok(job)
    }

    /// Like [`Self::find`], for a caller that has the job's turn.
    pub(super) async fn look(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        if let Some(live) = self.live().get(&id) {
            return Ok(Some(Job::Live(Arc::clone(live))));
        }
        let record = self.read(move |store| store.record(id)).await?;
        // It may have been run again meanwhile.
        if let Some(live) = self.live().get(&id) {
            return Ok(Some(Job::Live(Arc::clone(live))));
        }
        Ok(record.map(|record| Job::Past(Arc::new(record))))
    }

    /// Those who make a job of what is only in the store take turns, as requests with the same key
    /// do.
    pub(super) async fn turn(&self, id: JobId) -> Hold {
        let mut name = [0; 32];
        name[..16].copy_from_slice(&id.to_bytes());
        self.keys.hold(name).await
    }

    /// What a job that succeeded wrote, if it is still kept.
    pub(crate) async fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.read(move |store| store.output(id)).await
    }

    /// How many jobs have not ended.
    pub(crate) fn unfinished(&self) -> usize {
        self.live().len()
    }

    pub(super) fn live(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
