//! This process as a member of the cluster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use levada::{oneshot, watch};
use levada_nats::members::Membership;
use levada_nats::{ConnectOptions, Connection, Durability, NameError, OpenError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info};

use super::held::HeldJobs;
use super::leftovers;
use super::line::ClusterLine;
use super::members::ClusterMembers;
use super::mirror::Mirror;
use super::news::News;
use super::output::Output;
use super::queues;
use super::replica::Replica;
use super::restore::Restorer;
use super::settings::Settings;
use super::store::ClusterStore;
use super::taker::Takers;
use super::wire::Wire;
use crate::config::{self, Config, Role, Service};
use crate::fault::Fault;
use crate::jobs::service::Jobs;
use crate::jobs::shared::{self, SharedLine};
use crate::store::{Store, StoreError};

/// For how long something is opened again while the servers do not answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the connection may be lost before that is an outage.
const OUTAGE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(500);

/// This process as a member of the cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    role: Role,
    connection: Connection,
    durability: Durability,
    wire: Arc<Wire>,
    replica: Arc<Replica>,
    store: Arc<ClusterStore>,
    held: Arc<HeldJobs>,
    line: Arc<ClusterLine>,
    news: News,
    output: Output,
    settings: Settings,
    members: Arc<ClusterMembers>,
}

impl Cluster {
    /// Connects, and makes what is not there; `None` if the service is one of a single machine.
    ///
    /// # Errors
    /// No server answers, or it cannot do what is needed, or it has something else of this name.
    pub(crate) async fn join(service: &Service, role: Role) -> Result<Option<Self>, Fault> {
        let Some(url) = &service.nats else { return Ok(None) };
        let name =
            service.cluster.parse().map_err(|error: NameError| Fault::usage(error.to_string()))?;
        let mut options = ConnectOptions::new().namespace(name).name("levada");
        if let Some(file) = &service.nats_credentials {
            options = options.credentials_file(file);
        }
        let connection = options.connect(url).await;
        let connection = connection.map_err(|error| Fault::system(error.to_string()))?;
        let opened = |error: OpenError| Fault::system(error.to_string());
        let durability = match (role, service.durability) {
            (Role::Worker, _) => {
                let cluster = &service.cluster;
                until_made(&connection, cluster).await.map_err(opened)?
            }
            (Role::FrontEnd, config::Durability::Lazy) => Durability::Lazy,
            (Role::FrontEnd, config::Durability::Fsync) => Durability::Fsync,
            (Role::FrontEnd, config::Durability::Replicated) => Durability::Replicated,
        };
        let wire = patiently(|| Wire::open(&connection, durability)).await.map_err(opened)?;
        let (wire, replica) = (Arc::new(wire), Arc::new(Replica::default()));
        let news = patiently(|| News::open(&connection, durability)).await.map_err(opened)?;
        let settings =
            patiently(|| Settings::open(&connection, durability)).await.map_err(opened)?;
        let members = || ClusterMembers::open(&connection, role, service.durability, durability);
        let members = patiently(members).await.map_err(opened)?;
        info!(
            cluster = service.cluster,
            nats = connection.server_version(),
            ?durability,
            "joined the cluster"
        );
        let output = Output::new(&connection);
        let held = Arc::new(HeldJobs::default());
        let line = Arc::new(ClusterLine::new(
            role,
            &held,
            news.clone(),
            output.clone(),
            Arc::clone(&replica),
        ));
        let (of_store, records, leases) =
            (Arc::clone(&wire), Arc::clone(&replica), Arc::clone(&held));
        let store = ClusterStore::new(of_store, records, leases, durability);
        let store = Arc::new(store);
        Ok(Some(Self {
            role,
            connection,
            durability,
            wire,
            replica,
            store,
            held,
            line,
            news,
            output,
            settings,
            members: Arc::new(members),
        }))
    }

    /// The configuration as it holds in the cluster: that of a front end as it is, and given to the
    /// workers; that of a worker with the settings of the front ends.
    pub(crate) fn config(&self, own: watch::Receiver<Arc<Config>>) -> watch::Receiver<Arc<Config>> {
        match self.role {
            Role::FrontEnd => {
                tokio::spawn(self.settings.clone().give(own.clone()));
                own
            }
            Role::Worker => self.settings.take(own),
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    pub(crate) fn line(&self) -> Arc<dyn SharedLine> {
        Arc::clone(&self.line) as Arc<dyn SharedLine>
    }

    pub(crate) fn members(&self) -> Arc<dyn shared::Cluster> {
        Arc::clone(&self.members) as Arc<dyn shared::Cluster>
    }

    /// Opens the queues of this configuration in the cluster.
    ///
    /// # Errors
    /// One exists with other settings, or the server does not answer.
    pub(crate) async fn open_queues(&self, config: &Config) -> Result<(), Fault> {
        // A worker takes them as they are, when they are there.
        if self.role == Role::Worker {
            return Ok(());
        }
        for (name, queue) in &config.queues {
            let make = || queues::make(&self.connection, name, queue, self.durability);
            let made = patiently(make).await;
            let made = made.map_err(|error| Fault::system(format!("queue {name:?}: {error}")))?;
            self.store.add_queue(made);
        }
        Ok(())
    }

    /// Begins to show what others do, and to take jobs. Ends what it started when it is dropped.
    ///
    /// # Errors
    /// The server does not answer.
    pub(crate) async fn start(&self, jobs: &Arc<Jobs>) -> Result<Tasks, Fault> {
        let mut tasks = JoinSet::new();
        self.line.begin(jobs);
        if self.role == Role::FrontEnd {
            let ends = self.news.ends.clone();
            let mirror = Mirror::new(jobs, &self.wire, &self.replica, &self.held, &ends);
            let (events_are_read, start) = oneshot::channel();
            tasks.spawn(ends.publish_missing(Arc::clone(jobs), start));
            tasks.spawn(Arc::clone(&mirror).follow());
            tasks.spawn(leftovers::delete(Arc::clone(&self.wire), Arc::clone(&self.replica)));
            mirror.caught_up().await;
            let (caught_up, events) = oneshot::channel();
            let (news, held, wire) =
                (self.news.clone(), Arc::clone(&self.held), Arc::clone(&self.wire));
            tasks.spawn(news.read(Arc::clone(jobs), held, wire, caught_up));
            // The tasks end only with this process.
            drop(events.await);
            // The task that waits for it ends only with this process.
            let _ = events_are_read.send(());
        }
        tasks.spawn(tell_of_outages(self.connection.clone(), Arc::clone(jobs)));
        tasks.spawn(self.news.clone().publish());
        tasks.spawn(self.news.clone().stop(Arc::clone(jobs)));
        tasks.spawn(self.output.clone().pass_on(Arc::clone(jobs), Arc::clone(&self.held)));
        let changed = watch::Sender::default();
        let takers = Arc::new(Takers::new(jobs, &self.store, &self.wire, &self.line));
        takers.cover().await?;
        if self.role == Role::Worker {
            let (jobs, takers) = (Arc::clone(jobs), Arc::clone(&takers));
            tasks.spawn(self.search().find_all(jobs, takers, changed.subscribe()));
        } else {
            tasks.spawn(self.restorer(jobs, &takers).run());
        }
        let membership = self.members.join();
        let members = Arc::clone(&self.members);
        let (jobs, held) = (Arc::clone(jobs), Arc::clone(&self.held));
        tasks.spawn(members.describe(Arc::clone(&membership), jobs, held));
        Ok(Tasks { tasks, takers, changed, membership })
    }

    fn restorer(&self, jobs: &Arc<Jobs>, takers: &Arc<Takers>) -> Restorer {
        Restorer {
            connection: self.connection.clone(),
            durability: self.durability,
            store: Arc::clone(&self.store),
            replica: Arc::clone(&self.replica),
            takers: Arc::clone(takers),
            jobs: Arc::clone(jobs),
        }
    }

    fn search(&self) -> Search {
        let (connection, store) = (self.connection.clone(), Arc::clone(&self.store));
        Search { connection, durability: self.durability, store }
    }

    /// The numbering of the events, which all processes share.
    pub(crate) fn numbering(&self) -> String {
        self.news.numbering()
    }
}

/// Takes no jobs while there is no connection, also if none comes that would find out; for ever.
async fn tell_of_outages(connection: Connection, jobs: Arc<Jobs>) {
    let mut state = connection.state();
    // The sender lives as long as the connection.
    while state.wait_for(|state| !state.is_connected()).await.is_ok() {
        let back = state.wait_for(|state| state.is_connected());
        if timeout(OUTAGE, back).await.is_ok() {
            continue;
        }
        if state.borrow().is_closed() {
            return;
        }
        let error = StoreError::away("there is no connection to the NATS servers");
        jobs.store.writer().no_room(&error);
        drop(state.wait_for(|state| state.is_connected()).await);
    }
}

/// Waits until a front end has made the streams: with which durability only the front ends know.
async fn until_made(connection: &Connection, cluster: &str) -> Result<Durability, OpenError> {
    let mut is_waiting = false;
    loop {
        if let Some(durability) = patiently(|| Wire::durability(connection)).await? {
            return Ok(durability);
        }
        if !is_waiting {
            info!(cluster, "waiting for a front end: none has made this cluster yet");
            is_waiting = true;
        }
        sleep(AGAIN).await;
    }
}

/// Opens something, and again if the servers do not answer: a stream that was just made has no
/// leader yet.
async fn patiently<T, F>(open: impl Fn() -> F) -> Result<T, OpenError>
where
    F: Future<Output = Result<T, OpenError>>,
{
    let begun = Instant::now();
    loop {
        match open().await {
            Err(OpenError::NoAnswer { .. }) if begun.elapsed() < PATIENCE => sleep(AGAIN).await,
            done => return done,
        }
    }
}

/// A worker's search for its queues.
struct Search {
    connection: Connection,
    durability: Durability,
    store: Arc<ClusterStore>,
}

impl Search {
    /// Takes jobs of each queue as soon as a front end has made it, for ever: a reload may add one,
    /// and one that was deleted is made again.
    async fn find_all(
        self,
        jobs: Arc<Jobs>,
        takers: Arc<Takers>,
        mut changed: watch::Receiver<()>,
    ) {
        let mut missed = self.store.missed();
        loop {
            changed.mark_unchanged();
            missed.mark_unchanged();
            let missing = jobs.registry.all_queues().into_iter();
            let missing = missing.filter(|queue| self.store.queue(&queue.name).is_none());
            join_all(missing.map(async |queue| {
                match queues::find(&self.connection, &queue.name, self.durability).await {
                    Ok(found) => self.store.add_queue(found),
                    Err(error) => {
                        error!(queue = queue.name, %error, "no jobs of this queue are taken");
                    }
                }
                if let Err(fault) = takers.cover().await {
                    error!(%fault, "cannot take jobs");
                }
            }))
            .await;
            tokio::select! {
                changed = changed.changed() => if changed.is_err() { return },
                // The store keeps its sender.
                _ = missed.changed() => {}
            }
        }
    }
}

/// What a member of the cluster does besides.
#[derive(Debug)]
pub(crate) struct Tasks {
    tasks: JoinSet<()>,
    takers: Arc<Takers>,
    /// Of the queues that this process has.
    changed: watch::Sender<()>,
    membership: Arc<Membership>,
}

impl Tasks {
    /// Takes jobs of queues that are new in the configuration, too.
    pub(crate) async fn cover(&self) {
        self.changed.send_replace(());
        if let Err(fault) = self.takers.cover().await {
            error!(%fault, "cannot take jobs of a new queue");
        }
    }

    /// Takes no more jobs: those that were fetched and not begun go back.
    pub(crate) async fn close(&self) {
        self.takers.close().await;
    }

    /// When all that this process held is settled.
    pub(crate) async fn end(mut self, cluster: &Cluster) {
        cluster.line.settled().await;
        cluster.news.flush().await;
        // With the task that describes this process, which has the other half of the membership.
        self.tasks.shutdown().await;
        if let Some(membership) = Arc::into_inner(self.membership) {
            membership.leave().await;
        }
        cluster.connection.close().await;
    }
}
