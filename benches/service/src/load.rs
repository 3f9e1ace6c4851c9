//! Clients in a closed loop: each waits for its answer before it asks again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::contender::{Door, Http};
use crate::programs::Result;
use crate::server::Server;

type Connection = SendRequest<Full<Bytes>>;

/// How long clients go on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Elapsed(Duration),
    /// So many jobs were taken.
    Jobs(usize),
}

#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) count: usize,
    pub(crate) refused: usize,
    pub(crate) took: Duration,
    /// In microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Figures {
    fn new() -> Result<Self> {
        let latency = Histogram::new_with_bounds(1, 600_000_000, 3)?;
        Ok(Self { count: 0, refused: 0, took: Duration::ZERO, latency })
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

/// Lets so many clients ask this server.
pub(crate) async fn run(server: &Server, clients: usize, until: Until) -> Result<Figures> {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(ask(server.door.clone(), Arc::clone(&next), start, until));
    }
    let mut all = Figures::new()?;
    while let Some(figures) = tasks.join_next().await {
        let figures = figures??;
        all.count += figures.count;
        all.refused += figures.refused;
        all.latency.add(figures.latency)?;
    }
    all.took = start.elapsed();
    Ok(all)
}

async fn ask(door: Door, next: Arc<AtomicUsize>, start: Instant, until: Until) -> Result<Figures> {
    let mut figures = Figures::new()?;
    let mut connection = None;
    loop {
        // ORDERING: Relaxed, no pair: only hands out numbers.
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = match until {
            Until::Elapsed(time) => start.elapsed() >= time,
            Until::Jobs(jobs) => number >= jobs,
        };
        if is_over {
            return Ok(figures);
        }
        let asked = Instant::now();
        let was_taken = match &door {
            Door::Http(http) => post(http, &mut connection).await?,
            Door::Program { program, arguments } => {
                Command::new(program).args(arguments).output().await?.status.success()
            }
        };
        figures.latency.saturating_record(u64::try_from(asked.elapsed().as_micros())?);
        figures.count += usize::from(was_taken);
        figures.refused += usize::from(!was_taken);
    }
}

/// Whether the job was taken, and has an outcome if that has to be asked for.
async fn post(http: &Http, connection: &mut Option<Connection>) -> Result<bool> {
    let mut request = Request::post(http.path);
    if let Some((name, value)) = http.header {
        request = request.header(name, value);
    }
    let (status, answer) = exchange(http, connection, request, http.body).await?;
    if !status.is_success() || !http.has_key {
        return Ok(status.is_success());
    }
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    let key = answer["key"].as_str().ok_or("an answer without a key")?;
    let request = Request::get(format!("{}?key={key}&wait=true", http.path));
    let (status, _) = exchange(http, connection, request, "").await?;
    Ok(status.is_success())
}

/// A connection that the server closed is made anew.
async fn exchange(
    http: &Http,
    connection: &mut Option<Connection>,
    request: Builder,
    body: &'static str,
) -> Result<(StatusCode, Bytes)> {
    let mut sender = match connection.take().filter(|sender| !sender.is_closed()) {
        Some(sender) => sender,
        None => {
            let stream = TcpStream::connect(http.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender
        }
    };
    sender.ready().await?;
    let request = request.header("Host", http.address.to_string());
    let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    *connection = Some(sender);
    Ok((status, body))
}
