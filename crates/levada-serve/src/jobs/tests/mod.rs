//! Jobs on a store whose commits the test leads.

mod full;
mod races;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use levada::{mpsc, watch};
use levada_work::shutdown::Shutdown;

use super::active::ActiveJob;
use super::lifecycle::accept::{Accepted, Submission};
use super::pools::{Recovered, WorkerPools};
use super::service::{Jobs, Persistence};
use crate::config::{Config, QueueConfig, Retention, RetryPolicy};
use crate::job::{JobId, JobState};
use crate::store::StoreError;
use crate::store::body::Body;
use crate::store::tests::slow::{Begun, Slow, next};
use crate::store::writer::Closer;
use crate::telemetry::Tracing;

const LONG: Duration = Duration::from_secs(60);

/// A service without HTTP, and the ends by which a test leads its store.
pub(super) struct Bench {
    pub(super) jobs: Arc<Jobs>,
    pub(super) store: Arc<Slow>,
    begun: Begun,
    go_on: mpsc::UnboundedSender<Result<(), StoreError>>,
    shutdown: Shutdown,
    closer: Closer,
    pools: WorkerPools,
    _settings: watch::Sender<Arc<Config>>,
}

/// One queue with one worker.
fn config(script: &str) -> Config {
    let retry = RetryPolicy { backoff: LONG, jitter: 0.0, ..RetryPolicy::built_in() };
    let queue = QueueConfig { workers: 1, retry, ..QueueConfig::for_tests(["sh", "-c", script]) };
    let retention = Retention { jobs: LONG, failed: LONG, max_bytes: u64::MAX };
    let queues = BTreeMap::from([("default".to_owned(), Arc::new(queue))]);
    Config { queues, retention, quota: None, max_running: None }
}

impl Bench {
    /// Its one queue runs this script.
    pub(super) fn new(script: &str) -> Self {
        let mut bench = Self::without_queues(script);
        bench.open_queues();
        bench
    }

    /// The same, before its queue is open.
    fn without_queues(script: &str) -> Self {
        let settings = watch::Sender::new(Arc::new(config(script)));
        let shutdown = Shutdown::new();
        let (store, begun, go_on) = Slow::new();
        let (jobs, closer) = Jobs::new(
            Persistence { store: store.clone(), is_durable: true, in_flight: None, shared: None },
            settings.subscribe(),
            shutdown.signal(),
            Tracing::default(),
        );
        let pools = WorkerPools::new(&jobs);
        Self { jobs, store, begun, go_on, shutdown, closer, pools, _settings: settings }
    }

    /// As a reload does, and also while another task has the lock for that.
    fn open_queues(&mut self) {
        let config = Arc::clone(&self.jobs.config.borrow());
        let queues = config.queues.keys().cloned().collect();
        let recovered = Recovered::read(&**self.jobs.store.store(), queues).unwrap();
        self.pools.apply(&config, recovered);
    }

    /// The jobs of the next commit, which has begun and waits.
    pub(super) async fn next(&mut self) -> Vec<JobId> {
        next(&mut self.begun).await.0
    }

    /// Lets the commit that waits go on, or fail.
    pub(super) fn go_on(&self, result: Result<(), StoreError>) {
        self.go_on.send(result).unwrap();
    }

    /// What comes of this while commits are made as soon as they begin.
    pub(super) async fn writing<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(tokio::time::timeout(LONG, future));
        loop {
            tokio::select! {
                done = &mut future => return done.expect("took too long"),
                _ = next(&mut self.begun) => self.go_on(Ok(())),
            }
        }
    }

    /// A job that was accepted.
    pub(super) async fn accept(&mut self) -> Arc<ActiveJob> {
        let accepting = accept(Arc::clone(&self.jobs));
        self.writing(accepting).await
    }

    /// A job that another process accepted, and which waits.
    async fn left_by_another_process(&mut self) -> JobId {
        let (id, writer) = (JobId::next(), self.jobs.store.writer().clone());
        let job = crate::store::tests::accept(id, b"");
        self.writing(async move { writer.commit(vec![job]).await.unwrap() }).await;
        id
    }

    /// Ends in order.
    pub(super) async fn end(mut self) {
        let (jobs, shutdown) = (Arc::clone(&self.jobs), self.shutdown.clone());
        self.writing(async move { drop(shutdown.drain(LONG).await) }).await;
        drop(jobs);
        let Self { closer, mut begun, go_on, .. } = self;
        let mut closing = std::pin::pin!(closer.close());
        loop {
            tokio::select! {
                closed = &mut closing => return closed.unwrap(),
                _ = next(&mut begun) => go_on.send(Ok(())).unwrap(),
            }
        }
    }
}

/// Has a job accepted, as far as the store goes on.
async fn accept(jobs: Arc<Jobs>) -> Arc<ActiveJob> {
    let queue = jobs.registry.queue("default").unwrap();
    let admitted = jobs.admission.admit(&queue, "somebody".to_owned()).unwrap();
    let submission = Submission { input: Body::empty(), input_type: None, trace: None, key: None };
    match Arc::clone(&jobs.lifecycle).accept(admitted, submission).await.unwrap() {
        Accepted::New(job) => job,
        Accepted::Again(job) => panic!("{job:?} was there before"),
    }
}

/// Waits until the job is seen to be in this state.
pub(super) async fn until(job: &ActiveJob, state: JobState) {
    let mut view = job.watch();
    let reached = view.wait_for(|view| view.record.state == state);
    let reached = tokio::time::timeout(LONG, reached).await;
    drop(reached.unwrap_or_else(|_| panic!("not {state:?}, but {:?}", job.state())));
}
