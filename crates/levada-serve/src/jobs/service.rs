//! The parts of the domain, put together.

use std::sync::Arc;

use levada::watch;
use levada_work::shutdown::{Phase, Signal};

use super::admission::Admission;
use super::in_flight::InFlight;
use super::lifecycle::Lifecycle;
use super::registry::Registry;
use super::report::Reporter;
use super::scheduler::Scheduler;
use super::shared::{Cluster, SharedLine};
use super::suspects::Suspects;
use crate::config::Config;
use crate::job::JobState;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::handle::StoreHandle;
use crate::store::writer::{Closer, Writer};
use crate::telemetry::Tracing;

/// The jobs: what `http` and `run` ask of each part.
#[derive(Debug)]
pub(crate) struct Jobs {
    /// What is kept.
    pub(crate) store: StoreHandle,
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) shutdown: Signal,
    /// Finds queues and jobs.
    pub(crate) registry: Arc<Registry>,
    /// Admits requests.
    pub(crate) admission: Arc<Admission>,
    /// Accepts, runs and ends jobs.
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// Has events, metrics and spans.
    pub(crate) reporter: Arc<Reporter>,
    /// If several processes share them.
    pub(crate) cluster: Option<Arc<dyn Cluster>>,
}

/// Where jobs are kept.
#[derive(Debug)]
pub(crate) struct Persistence {
    pub(crate) store: Arc<dyn Store>,
    /// Jobs outlive the process.
    pub(crate) is_durable: bool,
    /// Tells the next process which of them ran.
    pub(crate) in_flight: Option<Arc<InFlight>>,
    /// If several processes share them.
    pub(crate) shared: Option<SharedJobs>,
}

/// Jobs that several processes share.
#[derive(Debug)]
pub(crate) struct SharedJobs {
    pub(crate) line: Arc<dyn SharedLine>,
    /// Names the numbering of their events.
    pub(crate) numbering: String,
    pub(crate) cluster: Arc<dyn Cluster>,
}

impl Jobs {
    /// Without queues, until [`WorkerPools`](super::pools::WorkerPools) opens some.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new(
        persistence: Persistence,
        config: watch::Receiver<Arc<Config>>,
        shutdown: Signal,
        tracing: Tracing,
    ) -> (Arc<Self>, Closer) {
        let Persistence { store, is_durable, in_flight, shared } = persistence;
        let (shared, numbering, cluster) = match shared {
            Some(SharedJobs { line, numbering, cluster }) => {
                (Some(line), Some(numbering), Some(cluster))
            }
            None => (None, None, None),
        };
        let metrics = Metrics::new();
        let observer = metrics.clone();
        let (writer, closer) =
            Writer::start(Arc::clone(&store), move |commit| observer.committed(&commit));
        let store = StoreHandle::new(store, writer, is_durable);
        let registry = Arc::new(Registry::new(store.clone()));
        let admission = Admission::new(store.clone(), config.clone(), shutdown.clone());
        let admission = Arc::new(admission);
        let reporter = Arc::new(Reporter::new(metrics, tracing, shared.clone(), numbering));
        let lifecycle = Arc::new(Lifecycle {
            store: store.clone(),
            config: config.clone(),
            shutdown: shutdown.clone(),
            registry: Arc::clone(&registry),
            admission: Arc::clone(&admission),
            reporter: Arc::clone(&reporter),
            scheduler: Scheduler::new(config.borrow().max_running),
            suspects: Suspects::default(),
            shared,
            in_flight,
        });
        let jobs =
            Self { store, config, shutdown, registry, admission, lifecycle, reporter, cluster };
        (Arc::new(jobs), closer)
    }

    /// The service is shutting down: no more jobs come in.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.phase() >= Phase::Draining
    }

    /// Whether a job in this state still ends when the service shuts down.
    pub(crate) fn runs_while_draining(&self, state: JobState) -> bool {
        // In memory nothing stays: what waits is run, and what pauses is interrupted.
        state == JobState::Running || !self.store.is_durable()
    }
}
