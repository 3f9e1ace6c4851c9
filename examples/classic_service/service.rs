//! Puts the parts together, and takes them down in order.

use std::error::Error;
use std::io;
use std::time::Duration;

use levada::{broadcast, watch};
use levada_work::actor::Address;
use levada_work::batch::{Batch, Ended, Totals};
use levada_work::shutdown::{Shutdown, ShutdownGuard, ShuttingDown};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::Config;
use crate::database::Query;
use crate::http::{self, App};
use crate::writer::{self, Writer};

/// How long the writer has, once it is told to give up.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// What is fixed at the start.
pub(crate) struct Limits {
    /// Readings that wait to be written.
    pub(crate) queue: usize,
    /// Events that an event reader may be behind before it misses some.
    pub(crate) events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 1024, events: 1024 }
    }
}

/// The running service.
pub(crate) struct Service {
    shutdown: Shutdown,
    writer: JoinHandle<Result<Totals, Ended>>,
    server: JoinHandle<io::Result<()>>,
}

impl Service {
    pub(crate) fn start(
        listener: TcpListener,
        database: Address<Query>,
        limits: Limits,
        config: Config,
    ) -> Result<Self, ShuttingDown> {
        let shutdown = Shutdown::new();
        let signal = shutdown.signal();
        let config = watch::Sender::new(config);
        let events = broadcast::Sender::new(limits.events);
        let weak_events = events.downgrade();

        let writer = Writer { database: database.clone(), events, signal: signal.clone() };
        let (queue, worker) = Batch::new()
            .capacity(limits.queue)
            .max_items(config.borrow().batch_items)
            .on_failure(|failure| eprintln!("{failure}"))
            .start_with(writer);
        let guard = signal.try_track("writer")?;
        let writer = tokio::spawn(writer::supervise(worker, config.subscribe(), guard));

        let guard = signal.try_track("server")?;
        let app = App { queue, database, events: weak_events, config, signal };
        let server = tokio::spawn(serve(listener, app, guard));
        Ok(Self { shutdown, writer, server })
    }

    /// Stops taking readings, writes those that were accepted, and ends. That takes `limit` and a
    /// second more at most; less if all is done, or when `hurry` is ready.
    ///
    /// # Errors
    /// The writer did not end in time, or panicked.
    pub(crate) async fn stop(
        self,
        limit: Duration,
        hurry: impl Future<Output = ()>,
    ) -> Result<Totals, Box<dyn Error + Send + Sync>> {
        tokio::select! {
            biased; // The drain begins before anything else is looked at.
            drained = self.shutdown.drain(limit) => {
                if let Err(late) = drained {
                    eprintln!("after {limit:?}: {late}");
                }
            }
            () = hurry => eprintln!("no time: {}", self.shutdown.still_running()),
        }
        self.shutdown.advance(); // Whatever is left gives up now.
        self.server.await??;
        let written = timeout(ABORT_LIMIT, self.writer).await;
        Ok(written.map_err(|_elapsed| "the database does not answer: rows may be lost")???)
    }
}

/// Serves until every connection has ended, which a client may prevent; or until the service gives
/// up. Connections that are left then end with the runtime.
async fn serve(listener: TcpListener, app: App, guard: ShutdownGuard) -> io::Result<()> {
    let signal = app.signal.clone();
    let server = axum::serve(listener, http::router(app))
        .with_graceful_shutdown(async move { signal.draining().await });
    tokio::select! {
        served = async { server.await } => served,
        () = guard.aborting() => Ok(()),
    }
}
