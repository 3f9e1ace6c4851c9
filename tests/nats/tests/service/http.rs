//! An HTTP client: each request has a connection of its own.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::header::HOST;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use levada_nats_test::PATIENCE;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::new("POST", path) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The service answers once it has accepted the job.
    pub(crate) fn without_waiting(self) -> Self {
        self.header("Prefer", "respond-async")
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", format!("\"{key}\""))
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The job that it is about.
    pub(crate) fn job(&self) -> Option<&str> {
        self.header("levada-job-id")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The end of a problem's type; empty for what is none.
    pub(crate) fn problem(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = json["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:levada:problem:").unwrap_or_default().to_owned()
    }

    /// Itself, if it has this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?} {}", self.text());
        self
    }
}

/// Sends a request, and reads the whole answer.
///
/// # Panics
/// If there is no answer within [`PATIENCE`].
pub(crate) async fn send(address: SocketAddr, call: &Call) -> io::Result<Answer> {
    let exchange = async {
        let (head, body) = open(address, call).await?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    };
    match timeout(PATIENCE, exchange).await {
        Ok(answer) => answer,
        Err(_) => panic!("{address} did not answer {call:?} within {PATIENCE:?}"),
    }
}

/// Sends a request; the body of the answer is not read yet.
pub(crate) async fn open(address: SocketAddr, call: &Call) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Its errors are those of the request.
    tokio::spawn(connection);
    let mut request = Request::builder().method(call.method).uri(&call.path);
    request = request.header(HOST, address.to_string());
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(call.body.clone())).map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(io::Error::other)
}
