//! Connections: accepting, serving and ending them.
//!
//! They are served by hyper itself rather than by `axum::serve`, which has no limit on the
//! number of connections and no timeout for a request's head.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use levada_work::shutdown::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service as _;
use tracing::{debug, warn};

use crate::secure::tls::Tls;

/// How long a client may take nothing of an answer before its connection is given up.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// How long the end of a connection may take: for the client to take the last bytes and hang up.
const HANG_UP: Duration = Duration::from_secs(1);
/// How long accepting rests when the system has no more descriptors or memory for a connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Largest head of a request, in bytes; hyper answers 431 to a larger one.
const MAX_HEAD: usize = 64 * 1024;
/// How much of a request, and of an answer, is in a buffer of the connection at most, in bytes: it keeps that as long as
/// it lasts. A head has to fit.
const MAX_BUFFER: usize = 2 * MAX_HEAD;

/// What a handler may know and say about the connection that its request came on.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    peer: SocketAddr,
    endless: Arc<AtomicBool>,
}

impl Connection {
    fn of(peer: SocketAddr) -> Self {
        Self { peer, endless: Arc::default() }
    }

    /// The address at the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The answer has no end of its own: nobody is owed the rest of it when the service stops.
    pub(crate) fn set_endless(&self) {
        // ORDERING: Relaxed, no pair: the task that serves the connection reads it, and runs the handler, too.
        self.endless.store(true, Ordering::Relaxed);
    }

    /// Another request has come on it.
    fn begin(&self) {
        // ORDERING: Relaxed, no pair: as in `set_endless`.
        self.endless.store(false, Ordering::Relaxed);
    }

    fn is_endless(&self) -> bool {
        // ORDERING: Relaxed, no pair: as in `set_endless`.
        self.endless.load(Ordering::Relaxed)
    }
}

/// The connections that are served at the same time, and how.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    http: http1::Builder,
    shutdown: Signal,
    tls: Option<Tls>,
    header_timeout: Duration,
    /// One permit for each connection that could still be served.
    free: Arc<Semaphore>,
}

impl Connections {
    /// `header_timeout` is how long a request's head may take, and how long a connection may be idle.
    pub(crate) fn new(
        header_timeout: Duration,
        most: usize,
        tls: Option<Tls>,
        shutdown: Signal,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(header_timeout);
        http.max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER);
        let free = Arc::new(Semaphore::new(most));
        Self { http, shutdown, tls, header_timeout, free }
    }

    /// Accepts connections, while one could still be served, until dropped.
    pub(crate) async fn accept(
        &self,
        listener: &TcpListener,
        app: &Router,
    ) -> std::convert::Infallible {
        loop {
            let permit = Arc::clone(&self.free).acquire_owned().await.expect("never closed");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // A shutdown has begun: the connection is closed, and no other is accepted.
                    let Ok(guard) = self.shutdown.try_track("connection") else { continue };
                    let (this, app) = (self.clone(), app.clone());
                    tokio::spawn(async move {
                        this.serve(stream, peer, app).await;
                        drop((permit, guard));
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

    async fn serve(self, stream: TcpStream, peer: SocketAddr, app: Router) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot send small answers at once");
        }
        let Self { http, shutdown, .. } = self;
        match self.tls {
            None => serve_one(stream, peer, http, app, shutdown).await,
            // The handshake is as much a client's first word as the head of a request is.
            Some(tls) => match tls.accept(stream, self.header_timeout).await {
                Ok(stream) => serve_one(stream, peer, http, app, shutdown).await,
                Err(error) => debug!(%peer, %error, "a client and this service cannot do TLS"),
            },
        }
    }
}

/// Serves one connection until it ends, or until the service shuts down and it owes no answer.
async fn serve_one<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: SocketAddr,
    http: http1::Builder,
    app: Router,
    shutdown: Signal,
) {
    let connection = Connection::of(peer);
    let service = service_fn(|mut request: Request<Incoming>| {
        connection.begin();
        request.extensions_mut().insert(connection.clone());
        app.clone().call(request)
    });
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
async fn hang_up<S: AsyncRead + AsyncWrite>(mut stream: Pin<Box<TimeoutStream<S>>>) {
    let mut discarded = vec![0; 8 * 1024];
    let rest = async {
        stream.shutdown().await?;
        while stream.read(&mut discarded).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whatever keeps the client: the answer is sent, and the time is up.
    drop(timeout(HANG_UP, rest).await);
}
