//! The way to the collector. It blocks, on the thread that the SDK has for it, and on no other.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::uri::Authority;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::field::display;
use tracing::warn;
use ureq::Agent;
use ureq::tls::Certificate;

use super::settings::Wanted;
use crate::outbound::{agent, certificates, of_the_system};
use crate::sync::lock;

/// The least time between two logged failures.
const REST: Duration = Duration::from_secs(60);
/// The largest answer, in bytes, that is read: it has a few counts and words.
const MOST: u64 = 64 * 1024;

/// What exports spans to this collector.
///
/// # Errors
/// Says what about it cannot be.
pub(super) fn exporter(wanted: &Wanted) -> Result<impl SpanExporter + 'static, String> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(wanted.endpoint.to_string())
        .with_timeout(wanted.timeout)
        .with_http_client(Client::new(wanted)?)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Told(exporter))
}

#[derive(Debug)]
struct Client {
    agent: Agent,
    /// Its host and port; the rest of its address may be a secret.
    collector: Option<Authority>,
    /// When a failure was logged last.
    told: Mutex<Option<Instant>>,
}

impl Client {
    fn new(wanted: &Wanted) -> Result<Self, String> {
        let config =
            agent(&wanted.endpoint, trusted(wanted)?)?.timeout_global(Some(wanted.timeout)).build();
        let collector = wanted.endpoint.authority().cloned();
        Ok(Self { agent: config.new_agent(), collector, told: Mutex::new(None) })
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (head, body) = request.into_parts();
        let (head, mut body) = self.agent.run(Request::from_parts(head, &*body))?.into_parts();
        let body = body.with_config().limit(MOST).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }

    fn tell(&self, reason: &str) {
        let mut told = lock(&self.told);
        if told.is_none_or(|last| last.elapsed() >= REST) {
            *told = Some(Instant::now());
            let collector = self.collector.as_ref().map(display);
            warn!(collector, reason, "cannot send traces; they are dropped after several retries");
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request);
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.tell(&format!("the collector answers {}", answer.status())),
            Err(error) => self.tell(&error.to_string()),
        }
        Ok(answer?)
    }
}

/// The certificates that vouch for the collector.
fn trusted(wanted: &Wanted) -> Result<Vec<Certificate<'static>>, String> {
    if wanted.endpoint.scheme_str() != Some("https") {
        return Ok(Vec::new());
    }
    let Some(path) = &wanted.certificates else {
        let name = |why| format!("{why}; name some in OTEL_EXPORTER_OTLP_CERTIFICATE");
        return of_the_system().map_err(name);
    };
    let name = path.display();
    let pem = fs::read(path).map_err(|error| format!("{name}: cannot read it: {error}"))?;
    certificates(&pem).ok_or_else(|| format!("{name} has no certificates (PEM)"))
}

/// Keeps failures from the SDK, which would log each: the client tells them, now and then.
#[derive(Debug)]
struct Told(opentelemetry_otlp::SpanExporter);

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(self.0.export(batch).await);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
