//! Connections: accepting, serving and ending them.
//!
//! They are served by hyper itself rather than by `axum::serve`, which has no limit on the
//! number of connections and no timeout for a request's head.

mod answer;
mod seats;
mod unread;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use levada_work::shutdown::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service as _;
use tracing::{debug, warn};

use self::answer::{Answer, Stream};
use self::seats::{Seat, Seats};
use crate::secure::tls::Tls;
use crate::time_limit::HeadTimer;

/// How many connections are served beyond the limit when every other one works: for probes alone.
pub(crate) const SPARE: usize = 16;
/// How long the head of a request may take on a spare connection.
const SPARE_HEAD: Duration = Duration::from_secs(2);
/// How long a client may take nothing of an answer before its connection is given up.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// How long the end of a connection may take: for the client to take the last bytes and hang up.
const HANG_UP: Duration = Duration::from_secs(1);
/// The same for a client that still sends a body, which may see the answer only behind that: how
/// long it may be silent, and how long it may send, as with nginx (`lingering_timeout`,
/// `lingering_time`).
const SILENCE: Duration = Duration::from_secs(5);
const LINGER: Duration = Duration::from_secs(30);
/// How soon after a warning that accepting fails the next one comes at the soonest: connections
/// that are closed in between let some succeed.
const NEXT_WARNING: Duration = Duration::from_secs(60);
/// How long accepting rests when the system has no more descriptors or memory for a connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Largest head of a request, in bytes; hyper answers 431 to a larger one.
const MAX_HEAD: usize = 64 * 1024;
/// How much of a request, and of an answer, is in a buffer of the connection at most, in bytes: it
/// keeps that as long as it lasts. A head has to fit.
const MAX_BUFFER: usize = 2 * MAX_HEAD;

/// What a handler may know and say about the connection that its request came on.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    peer: SocketAddr,
    is_spare: bool,
    endless: Arc<AtomicBool>,
    unread: Arc<AtomicBool>,
}

impl Connection {
    fn of(peer: SocketAddr, is_spare: bool) -> Self {
        Self { peer, is_spare, endless: Arc::default(), unread: Arc::default() }
    }

    /// The address at the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Every other connection works: this one is for the probes alone.
    pub(crate) fn is_spare(&self) -> bool {
        self.is_spare
    }

    /// The answer has no end of its own: a stop of the service need not wait for it.
    pub(crate) fn set_endless(&self) {
        // ORDERING: Relaxed, no pair: the task that serves the connection reads it, and runs the
        // handler, too.
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

    /// The client may still send what nothing reads.
    fn set_unread(&self) {
        // ORDERING: Relaxed, no pair: as in `set_endless`.
        self.unread.store(true, Ordering::Relaxed);
    }

    fn is_unread(&self) -> bool {
        // ORDERING: Relaxed, no pair: as in `set_endless`.
        self.unread.load(Ordering::Relaxed)
    }
}

/// The connections that are served at the same time, and how.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    http: http1::Builder,
    shutdown: Signal,
    tls: Option<Tls>,
    header_timeout: Duration,
    seats: Seats,
    spare: Seats,
}

impl Connections {
    /// `header_timeout` is how long a request's head may take, and how long a connection may be
    /// idle.
    pub(crate) fn new(
        header_timeout: Duration,
        most: usize,
        tls: Option<Tls>,
        shutdown: Signal,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(HeadTimer).header_read_timeout(header_timeout);
        http.max_header_size(MAX_HEAD).max_buf_size(MAX_BUFFER);
        let (seats, spare) = (Seats::new(most), Seats::new(SPARE));
        Self { http, shutdown, tls, header_timeout, seats, spare }
    }

    /// Accepts connections until dropped.
    pub(crate) async fn accept(&self, listener: &TcpListener, app: &Router) -> Infallible {
        let mut warned: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // A shutdown has begun: the connection is closed, and no other is accepted.
                    let Ok(guard) = self.shutdown.try_track("connection") else { continue };
                    let (seat, is_spare) = self.seat().await;
                    let connection = Connection::of(peer, is_spare);
                    let (this, app) = (self.clone(), app.clone());
                    tokio::spawn(async move {
                        this.serve(stream, connection, Arc::new(seat), app).await;
                        drop(guard);
                    });
                }
                // The client's doing: nothing is wrong here.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if warned.is_none_or(|at| at.elapsed() > NEXT_WARNING) {
                        warn!(%error, "cannot accept connections; retrying");
                        warned = Some(Instant::now());
                    }
                    // The descriptor of an idle connection serves a new one.
                    self.seats.recall();
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    /// A seat for one more connection, and whether it is a spare one.
    async fn seat(&self) -> (Seat, bool) {
        if let Some(seat) = self.seats.take().await {
            return (seat, false);
        }
        match self.spare.take().await {
            Some(seat) => (seat, true),
            // The spare connections are being answered, which takes no time.
            None => (self.spare.wait().await, true),
        }
    }

    async fn serve(
        mut self,
        stream: TcpStream,
        connection: Connection,
        seat: Arc<Seat>,
        app: Router,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY; small answers may be delayed");
        }
        if connection.is_spare {
            self.header_timeout = self.header_timeout.min(SPARE_HEAD);
            self.http.header_read_timeout(self.header_timeout);
        }
        let Some(tls) = self.tls.take() else {
            return self.serve_one(stream, connection, seat, app).await;
        };
        // The handshake is as much a client's first word as the head of a request is.
        let shaken = tokio::select! {
            shaken = tls.accept(stream, self.header_timeout) => shaken,
            () = seat.recalled() => return,
        };
        match shaken {
            Ok(stream) => self.serve_one(stream, connection, seat, app).await,
            Err(error) => {
                let peer = connection.peer;
                debug!(%peer, %error, "TLS handshake failed");
            }
        }
    }

    /// Serves one connection until it ends, another one needs its seat, or the service shuts down
    /// and it owes no answer.
    async fn serve_one<S: AsyncRead + AsyncWrite>(
        self,
        stream: S,
        connection: Connection,
        seat: Arc<Seat>,
        app: Router,
    ) {
        let service = service_fn(|request| {
            answer(request, connection.clone(), Arc::clone(&seat), app.clone())
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_STALL));
        let stream = Stream::new(stream, Arc::clone(&seat));
        let mut http = self.http.serve_connection(TokioIo::new(stream), service);

        // It is polled as a future, since that writes what is in its buffer before it ends
        // (hyper's issue 4022).
        let served = tokio::select! {
            served = &mut http => served,
            () = seat.recalled() => return,
            () = self.shutdown.draining() => {
                std::pin::Pin::new(&mut http).graceful_shutdown();
                if connection.is_endless() {
                    timeout(HANG_UP, &mut http).await.unwrap_or(Ok(()))
                } else {
                    (&mut http).await
                }
            }
        };
        if let Err(error) = served {
            debug!(%error, "a connection ended early");
        }
        let stream = http.into_parts().io.into_inner();
        seat.answered();
        seat.written();
        tokio::select! {
            () = hang_up(stream, connection.is_unread()) => {}
            () = seat.recalled() => {}
            () = async { self.shutdown.draining().await; sleep(HANG_UP).await } => {}
        }
    }
}

/// The answer to a request, which says whether the connection goes on.
async fn answer(
    request: Request<Incoming>,
    mut connection: Connection,
    seat: Arc<Seat>,
    mut app: Router,
) -> Result<Response<Answer>, Infallible> {
    connection.begin();
    connection.is_spare |= !seat.work();
    let (head, body) = request.into_parts();
    let (body, rest) = unread::lend(&head.headers, body);
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(connection.clone());
    let mut response = app.call(request).await?;
    let ends = connection.is_spare
        || response.headers().contains_key(header::CONNECTION)
        // RFC 9110, 15.5.9: a client that takes too long is not waited for any longer.
        || response.status() == StatusCode::REQUEST_TIMEOUT;
    let is_read = rest.end(!ends).await;
    if !is_read {
        connection.set_unread();
    }
    if ends || !is_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Answer::new(body, seat)))
}

/// Closes our side, and then takes what the client still sends: closing with unread input would
/// reset the connection, and the client could lose an answer that came before it sent everything.
async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, is_unread: bool) {
    let (silence, whole) = if is_unread { (SILENCE, LINGER) } else { (HANG_UP, HANG_UP) };
    let mut discarded = vec![0; 16 * 1024];
    let rest = async {
        stream.shutdown().await?;
        while timeout(silence, stream.read(&mut discarded)).await?? > 0 {}
        std::io::Result::Ok(())
    };
    // Whatever keeps the client: the answer is sent, and the time is up.
    drop(timeout(whole, rest).await);
}
