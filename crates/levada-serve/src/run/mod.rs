//! `levada serve`: puts everything together, and takes it down again in order.
//!
//! ```text
//! store open -> jobs restored -> workers -> listening                                  (start)
//! no more requests -> runs end -> answers go out -> store closed -> traces sent        (drain)
//! ```

mod sweep;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use levada::watch;
use levada_observe::Observer;
use levada_work::shutdown::{Phase, Shutdown, Signal};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use self::sweep::sweep_now_and_then;
use crate::cluster::{Cluster, Tasks};
use crate::config::{Config, Role, Service, Storage};
use crate::descriptors;
use crate::fault::Fault;
use crate::http::{App, router};
use crate::job::Moment;
use crate::jobs::group::orphans;
use crate::jobs::in_flight::{Begun, InFlight};
use crate::jobs::pools::WorkerPools;
use crate::jobs::service::{Jobs, Persistence, SharedJobs};
use crate::server::Connections;
use crate::settings::{HangUps, Settings};
use crate::signals::StopSignals;
use crate::store::clock::Clock;
use crate::store::condition::Condition;
use crate::store::disk::DiskStore;
use crate::store::memory::MemoryStore;
use crate::store::retention;
use crate::store::writer::Closer;
use crate::store::{Store, StoreError};
use crate::telemetry::Tracing;

/// How long each step of an abort may take; killing a group has its own, shorter limit.
const ABORT: Duration = Duration::from_secs(3);
/// How many connections the system completes before they are accepted. A client beyond that is not
/// refused, but its system tries again only after a second. The system may have a lower limit, on
/// Linux `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// The exit code when the store cannot be opened, has failed, or cannot be closed in order.
const STORE_FAILED: u8 = 1;

/// How often the end looks whether jobs wait.
const LOOK: Duration = Duration::from_millis(20);

/// Runs `levada serve` to its end.
pub(crate) fn serve(settings: Settings, role: Role) -> Result<ExitCode, Fault> {
    // Outside of the runtime, so that the signal is answered while that is stuck.
    let _observing = Observer::new()
        .without_server()
        .dump_on_sigusr1_with(|dump| info!("SIGUSR1: what the channels do\n{dump}"))
        .start()
        .map_err(|error| Fault::system(format!("cannot observe the channels: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::system(format!("cannot start the runtime: {error}")))?;
    orphans::adopt();
    // On this thread, as `reap` needs.
    let code = runtime.block_on(async {
        tokio::select! {
            code = run(Arc::new(settings), role) => code,
            never = orphans::reap() => match never {},
        }
    });
    // A commit that hangs, as it does when the disk does, must not keep the process.
    runtime.shutdown_timeout(ABORT);
    code
}

async fn run(settings: Arc<Settings>, role: Role) -> Result<ExitCode, Fault> {
    let tracing = Tracing::from_env().map_err(Fault::usage)?;
    let shutdown = Shutdown::new();
    let no_signals = |error| Fault::system(format!("cannot listen for signals: {error}"));
    let reloads = settings.has_files();
    let signals = StopSignals::new(reloads).map_err(no_signals)?;
    let hang_ups = reloads.then(HangUps::new).transpose().map_err(no_signals)?;
    let Settings { service, config, .. } = &*settings;
    let listen = service.listen;
    let listener = bind(listen)
        .map_err(|error| Fault::system(format!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().unwrap_or(listen);

    let stop = tokio::spawn(heed(signals, shutdown.clone()));
    let asked_to_stop = shutdown.signal();
    let cluster = tokio::select! {
        joined = Cluster::join(service, role) => joined?,
        () = asked_to_stop.draining() => return Ok(ExitCode::SUCCESS),
    };
    let config = config.subscribe();
    let config = cluster.as_ref().map_or(config.clone(), |cluster| cluster.config(config));
    let (jobs, closer, begun) =
        open(service, cluster.as_ref(), config.clone(), shutdown.signal(), tracing)?;
    if let Err(error) = jobs.lifecycle.count_interruptions(begun).await {
        error!(%error, "cannot count the interruptions of jobs that ran when the service died");
    }
    let mut pools = WorkerPools::new(&jobs);
    let mut changes = config;
    let first = Arc::clone(&changes.borrow_and_update());
    if let Some(cluster) = &cluster {
        cluster.open_queues(&first).await?;
    }
    configure(&mut pools, first, service.max_connections)
        .await
        .map_err(|error| Fault::system(format!("cannot read the store: {error}")))?;
    let member = match cluster {
        Some(cluster) => Some((cluster.start(&jobs).await?, cluster)),
        None => None,
    };
    let app = router(Arc::new(App::new(Arc::clone(&jobs), Arc::clone(&settings))), role);
    let connections = Connections::new(
        service.header_timeout,
        service.max_connections,
        settings.tls.clone(),
        shutdown.signal(),
    );
    let code = tokio::spawn(aborted(stop, Arc::clone(&jobs), shutdown.clone()));
    let background = in_background(&jobs, &settings, role, hang_ups).await;
    announce(address, settings.tls.is_some());
    tokio::select! {
        never = connections.accept(&listener, &app) => match never {},
        () = jobs.shutdown.draining() => {}
        () = follow(&mut pools, changes, service.max_connections, member.as_ref()) => unreachable!("`settings` keeps the sender"),
    }
    jobs.lifecycle.begin_to_stop();
    drop((listener, background));
    if let Some((tasks, _)) = &member {
        tasks.close().await;
    }
    let code = take_down(&jobs, closer, pools, &shutdown, code).await;
    if let Some((tasks, cluster)) = member {
        // What others know of this process's jobs is complete before it ends.
        drop(timeout(ABORT, tasks.end(&cluster)).await);
    }
    Ok(ExitCode::from(code))
}

/// Advances the shutdown as signals come: from before the servers of a cluster are reached, which
/// may take as long as it likes.
async fn heed(signals: StopSignals, shutdown: Shutdown) -> u8 {
    signals.advance(&shutdown).await
}

/// The exit code, if it comes to an abort.
async fn aborted(signals: JoinHandle<u8>, jobs: Arc<Jobs>, shutdown: Shutdown) -> u8 {
    tokio::select! {
        code = signals => code.unwrap_or(STORE_FAILED),
        () = end_with_the_store(&jobs, &shutdown) => STORE_FAILED,
    }
}

/// What goes on beside the requests, until it is dropped.
async fn in_background(
    jobs: &Arc<Jobs>,
    settings: &Arc<Settings>,
    role: Role,
    hang_ups: Option<HangUps>,
) -> JoinSet<()> {
    let mut background = JoinSet::new();
    if role == Role::FrontEnd {
        let known = retention::latest(jobs.store.store()).await;
        let clock = Clock::new(Moment::now(), Instant::now(), known);
        background.spawn(sweep_now_and_then(Arc::clone(jobs), clock));
    }
    let writer = jobs.store.writer().clone();
    background.spawn(async move { writer.keep_trying().await });
    if let Some(hang_ups) = hang_ups {
        background.spawn(Arc::clone(settings).follow(hang_ups));
    }
    background
}

/// Aborts when the store has failed: what could still run would not be recorded.
async fn end_with_the_store(jobs: &Jobs, shutdown: &Shutdown) {
    let mut condition = jobs.store.writer().condition();
    let failed = condition.wait_for(|condition| condition.failure().is_some()).await;
    if let Ok(Condition::Failed(error)) = failed.as_deref() {
        error!(
            %error,
            "the store has failed: killing running commands and stopping; \
             fix the disk and restart the service, and unfinished jobs will resume"
        );
    }
    while shutdown.advance() != Phase::Aborting {}
}

/// As `TcpListener::bind` does, but so many may come at once.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn open(
    service: &Service,
    cluster: Option<&Cluster>,
    config: watch::Receiver<Arc<Config>>,
    shutdown: Signal,
    tracing: Tracing,
) -> Result<(Arc<Jobs>, Closer, Vec<Begun>), Fault> {
    if let Some(cluster) = cluster {
        let (line, numbering) = (cluster.line(), cluster.numbering());
        let shared = Some(SharedJobs { line, numbering, cluster: cluster.members() });
        let store = cluster.store();
        let persistence = Persistence { store, is_durable: true, in_flight: None, shared };
        let (jobs, closer) = Jobs::new(persistence, config, shutdown, tracing);
        return Ok((jobs, closer, Vec::new()));
    }
    let (store, in_flight, begun): (Arc<dyn Store>, _, _) = match &service.store {
        Storage::Memory => (Arc::new(MemoryStore::default()), None, Vec::new()),
        Storage::Directory(directory) => {
            let store =
                DiskStore::open(directory).map_err(|error| Fault::system(error.to_string()))?;
            // The store is locked by now.
            let (in_flight, begun) = InFlight::open(directory).map_err(|error| {
                let file = directory.join("in-flight");
                Fault::system(format!("cannot open {}: {error}", file.display()))
            })?;
            (Arc::new(store), Some(in_flight), begun)
        }
    };
    let is_durable = in_flight.is_some();
    let persistence = Persistence { store, is_durable, in_flight, shared: None };
    let (jobs, closer) = Jobs::new(persistence, config, shutdown, tracing);
    Ok((jobs, closer, begun))
}

/// Tells people and scripts where the service listens: the only line on standard output.
fn announce(address: SocketAddr, tls: bool) {
    let scheme = if tls { "https" } else { "http" };
    let line = format!("levada: listening on {scheme}://{address}\n");
    if let Err(error) = io::stdout().write_all(line.as_bytes()) {
        info!(%address, %error, "listening; standard output is closed");
    }
}

/// Finishes what runs, and keeps what waits. The program's exit code, which is that of `abort` if
/// it comes to that.
async fn take_down(
    jobs: &Arc<Jobs>,
    closer: Closer,
    pools: WorkerPools,
    shutdown: &Shutdown,
    abort: JoinHandle<u8>,
) -> u8 {
    // During the shutdown, commits do not wait for room on the disk.
    jobs.store.writer().wait_no_more();
    let finish = async {
        if !jobs.store.is_durable() {
            nothing_waits(jobs).await;
        }
        pools.stop().await;
        // Then the last answers go out.
        drop(shutdown.drain(Duration::MAX).await);
    };
    if unless_aborted(&jobs.shutdown, finish).await.is_none() {
        let left = shutdown.still_running();
        warn!(%left, "some tasks did not end within {ABORT:?}");
    }
    let closed = unless_aborted(&jobs.shutdown, closer.close()).await;
    let mut code = match jobs.shutdown.phase() {
        Phase::Aborting => abort.await.unwrap_or(STORE_FAILED),
        _ => 0,
    };
    match closed {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            // A store that has failed has said so.
            if jobs.store.failure().is_none() {
                error!(%error, "cannot close the store cleanly");
            }
            code = code.max(STORE_FAILED);
        }
        None => error!("the store was not closed within {ABORT:?}; exiting without closing it"),
    }
    // After the store is closed: an operator who kills the service here loses no job.
    jobs.reporter.tracing.end().await;
    match jobs.registry.unfinished() {
        0 => info!(code, "stopped"),
        left if jobs.store.is_durable() => {
            info!(code, left, "stopped; unfinished jobs will resume on the next start")
        }
        left => {
            warn!(code, left, "stopped; unfinished jobs are lost: the store is `memory`")
        }
    }
    code
}

/// Waits for something to end, but not for long once the service aborts.
async fn unless_aborted<T>(shutdown: &Signal, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => Some(done),
        () = shutdown.aborting() => timeout(ABORT, work).await.ok(),
    }
}

/// Waits until no job is in line any more: what lasts no longer than the process is finished by it.
async fn nothing_waits(jobs: &Jobs) {
    // A place can be given back without a word; looking now and then is enough here.
    while jobs.registry.all_queues().iter().any(|queue| queue.depth() > 0) {
        sleep(LOOK).await;
    }
}

/// Applies every later change of the configuration. Ends when its sender is dropped.
async fn follow(
    pools: &mut WorkerPools,
    mut config: watch::Receiver<Arc<Config>>,
    max_connections: usize,
    member: Option<&(Tasks, Cluster)>,
) {
    while config.changed().await.is_ok() {
        let config = Arc::clone(&config.borrow_and_update());
        if let Some((_, cluster)) = member
            && let Err(error) = cluster.open_queues(&config).await
        {
            error!(%error, "cannot apply the new configuration");
            continue;
        }
        if let Err(error) = configure(pools, config, max_connections).await {
            error!(%error, "cannot apply the new configuration");
        }
        if let Some((tasks, _)) = member {
            tasks.cover().await;
        }
    }
}

/// Provides descriptors for what the configuration asks for, and applies it.
async fn configure(
    pools: &mut WorkerPools,
    config: Arc<Config>,
    max_connections: usize,
) -> Result<(), StoreError> {
    let workers = config.queues.values().map(|queue| queue.workers).sum();
    descriptors::provide(max_connections, workers);
    pools.configure(config).await
}
