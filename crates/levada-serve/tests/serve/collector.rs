//! A collector of traces, which decodes what it is sent.

use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What was sent in one request.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) decoded: ExportTraceServiceRequest,
}

/// A collector, on a port of its own.
pub(crate) struct Collector {
    pub(crate) port: u16,
    answer: StatusCode,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::answering(StatusCode::OK, None).await
    }

    /// One that gives this answer to everything, over TLS if there is a way to it.
    pub(crate) async fn answering(answer: StatusCode, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let this = Self { port, answer, sent: Arc::clone(&sent) };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sent, tls) = (Arc::clone(&sent), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, answer, sent).await,
                        Some(tls) => talk(tls.accept(stream).await.unwrap(), answer, sent).await,
                    }
                });
            }
        });
        this
    }

    /// A process that exports traces to this collector.
    pub(crate) fn of(&self, levada: &mut Command) {
        levada.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://localhost:{}", self.port));
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// The spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        assert_eq!(self.answer, StatusCode::OK, "what it did not take may come twice");
        let resources = self.sent().into_iter().flat_map(|sent| sent.decoded.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// The only span of this name.
    pub(crate) fn span(&self, name: &str) -> Span {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        let [span] = &*spans else { panic!("not one {name}: {:?}", self.spans()) };
        span.clone()
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    answer: StatusCode,
    sent: Arc<Mutex<Vec<Sent>>>,
) {
    let take = async |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let decoded = ExportTraceServiceRequest::decode(bytes.clone()).unwrap();
        let (path, headers) = (head.uri.path().to_owned(), head.headers);
        sent.lock().unwrap().push(Sent { path, headers, bytes, decoded });
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = answer;
        Ok::<_, hyper::Error>(response)
    };
    // The other side may go away in the middle.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(take)).await);
}

/// The `traceparent` of a span that is sampled.
pub(crate) fn traceparent(span: &Span) -> String {
    format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Attributes as text, in the order of their names.
pub(crate) fn attributes(attributes: &[KeyValue]) -> Vec<(&str, String)> {
    let mut all: Vec<_> = attributes
        .iter()
        .map(|KeyValue { key, value, .. }| {
            let value = value.as_ref().and_then(|value| value.value.clone());
            let text = match value.unwrap_or_else(|| panic!("{key} has no value")) {
                Value::StringValue(text) => text,
                Value::IntValue(number) => number.to_string(),
                other => panic!("{key} is neither text nor a number: {other:?}"),
            };
            (&**key, text)
        })
        .collect();
    all.sort();
    all
}

/// One of them.
pub(crate) fn attribute(span: &Span, name: &str) -> Option<String> {
    attributes(&span.attributes).into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}
