//! Puts the service together, serves connections, and takes everything down again in order.
//!
//! Connections are served by hyper itself rather than by `axum::serve`, which has no limit on the
//! number of connections and no timeout for a request's head.

use std::future::poll_fn;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service as _;
use tracing::{debug, info, warn};

use crate::Fault;
use crate::app::{Service, router};
use crate::cli::ServeArgs;
use crate::jobs::feed::Feed;
use crate::jobs::pace::Pace;
use crate::jobs::pool::Pool;
use crate::jobs::process::Program;
use crate::jobs::queue;
use crate::routes::jobs::Ids;
use crate::shutdown::{Shutdown, StopSignals};

/// How long a client may take nothing of an answer before its connection is given up.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// How long the end of a connection may take: for the client to take the last bytes and hang up.
const HANG_UP: Duration = Duration::from_secs(1);
/// How long an abort may take; killing a group has its own, shorter limit.
const ABORT: Duration = Duration::from_secs(3);
/// How long accepting rests when the system has no more descriptors or memory for a connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Largest head of a request, in bytes; hyper answers 431 to a larger one.
const MAX_HEAD: usize = 64 * 1024;

/// What a handler may know and say about the connection that its request came on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    endless: Arc<OnceLock<()>>,
}

impl Connection {
    /// The answer has no end of its own: nobody is owed the rest of it when the service stops.
    pub(crate) fn set_endless(&self) {
        self.endless.get_or_init(|| ());
    }

    fn is_endless(&self) -> bool {
        self.endless.get().is_some()
    }
}

/// Runs `levada serve` to its end.
pub(crate) fn run(args: ServeArgs) -> Result<ExitCode, Fault> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(Fault::usage(format!(
            "--listen {}: other machines could reach it, and whoever reaches it can run the \
             command; add --allow-remote if that is what you want",
            args.listen
        )));
    }
    let name = &args.command[0];
    let path = which::which(name).map_err(|error| {
        Fault::usage(format!(
            "cannot run {}: {error}; give an executable file, or a name that PATH leads to",
            name.display()
        ))
    })?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::system(format!("cannot start the runtime: {error}")))?
        .block_on(serve(args, path))
}

async fn serve(args: ServeArgs, path: std::path::PathBuf) -> Result<ExitCode, Fault> {
    let shutdown = Shutdown::new();
    let signals = StopSignals::new()
        .map_err(|error| Fault::system(format!("cannot listen for signals: {error}")))?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Fault::system(format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr().unwrap_or(args.listen);

    let (entrance, exit) = queue::bounded(args.queue);
    let feed = Arc::new(Feed::new());
    let pace = Arc::new(Pace::new(args.workers()));
    let runner = Arc::new(Program {
        path,
        name: args.command[0].clone(),
        args: args.command[1..].to_vec(),
        timeout: args.timeout,
        grace: args.grace,
        max_output: args.max_output,
        stderr_tail: args.stderr_tail,
        shutdown: shutdown.clone(),
    });
    let pool = Pool { queue: exit, feed: Arc::clone(&feed), pace: Arc::clone(&pace), runner };
    let mut workers = pool.start(args.workers());
    let connections = Connections::new(&args, shutdown.clone());
    let ids = Ids::default();
    let service = Arc::new(Service { args, entrance, feed, pace, ids, shutdown: shutdown.clone() });
    tokio::spawn(signals.advance(shutdown.clone()));

    let app = router(Arc::clone(&service));
    announce(address);
    tokio::select! {
        never = connections.accept(&listener, &app) => match never {},
        () = shutdown.draining() => {}
    }
    drop(listener);
    service.entrance.close();
    let finish = async {
        while workers.join_next().await.is_some() {}
        connections.all_closed().await;
    };
    let mut finish = pin!(finish);
    let code = tokio::select! {
        biased;
        code = shutdown.aborting() => {
            if timeout(ABORT, finish).await.is_err() {
                warn!("not everything ended within {ABORT:?}");
            }
            code
        }
        () = &mut finish => 0,
    };
    info!(code, "stopped");
    Ok(ExitCode::from(code))
}

/// Tells people and scripts where the service listens: the only line on standard output.
fn announce(address: SocketAddr) {
    let line = format!("levada: listening on http://{address}\n");
    if let Err(error) = std::io::stdout().write_all(line.as_bytes()) {
        info!(%address, %error, "listening; standard output is closed");
    }
}

/// The connections that are served at the same time, and how.
struct Connections {
    http: http1::Builder,
    shutdown: Shutdown,
    max: u32,
    /// One permit for each connection that could still be served.
    free: Arc<Semaphore>,
}

impl Connections {
    fn new(args: &ServeArgs, shutdown: Shutdown) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(args.header_timeout)
            .max_header_size(MAX_HEAD);
        let max = u32::try_from(args.max_connections).expect("the command line limits it");
        Self { http, shutdown, max, free: Arc::new(Semaphore::new(args.max_connections)) }
    }

    /// Accepts connections, while one could still be served, until dropped.
    async fn accept(&self, listener: &TcpListener, app: &Router) -> std::convert::Infallible {
        loop {
            let permit = Arc::clone(&self.free).acquire_owned().await.expect("never closed");
            match listener.accept().await {
                Ok((stream, _)) => {
                    let serve =
                        serve_one(stream, self.http.clone(), app.clone(), self.shutdown.clone());
                    tokio::spawn(async move {
                        serve.await;
                        drop(permit);
                    });
                }
                // The client's doing: nothing is wrong here.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    /// Waits until no connection is served.
    async fn all_closed(&self) {
        drop(self.free.acquire_many(self.max).await);
    }
}

/// Serves one connection until it ends, or until the service shuts down and it owes no answer.
async fn serve_one(stream: TcpStream, http: http1::Builder, app: Router, shutdown: Shutdown) {
    let connection = Connection::default();
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        app.clone().call(request)
    });
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot send small answers at once");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_STALL));
    let mut http = http.serve_connection(TokioIo::new(Box::pin(stream)), service);

    let served = tokio::select! {
        served = poll_fn(|cx| http.poll_without_shutdown(cx)) => served,
        () = shutdown.draining() => {
            Pin::new(&mut http).graceful_shutdown();
            let rest = poll_fn(|cx| http.poll_without_shutdown(cx));
            if connection.is_endless() {
                timeout(HANG_UP, rest).await.unwrap_or(Ok(()))
            } else {
                rest.await
            }
        }
    };
    if let Err(error) = served {
        debug!(%error, "a connection ended early");
    }
    hang_up(http.into_parts().io.into_inner()).await;
}

/// Closes our side, and then takes what the client still sends: closing with unread input would
/// reset the connection, and the client could lose an answer that came before it sent everything.
async fn hang_up(mut stream: Pin<Box<TimeoutStream<TcpStream>>>) {
    let mut discarded = vec![0; 8 * 1024];
    let rest = async {
        stream.shutdown().await?;
        while stream.read(&mut discarded).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whatever keeps the client: the answer is sent, and the time is up.
    drop(timeout(HANG_UP, rest).await);
}
