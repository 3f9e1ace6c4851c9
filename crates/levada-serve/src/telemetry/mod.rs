//! Traces, by OpenTelemetry, if the environment names a collector; everything of OpenTelemetry is
//! in this folder.
//!
//! ```text
//! caller's context -> POST /q/{queue} -> run QUEUE, once for each attempt -> what the command does
//!                                   `traceparent` of the record      `TRACEPARENT`
//! ```
//!
//! Spans that have ended wait in a bounded queue for a thread that sends them: nothing else waits
//! for the collector.

mod collector;
mod settings;

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use self::settings::Wanted;
use crate::job::{Outcome, Record};

/// How long the end waits for a collector that does not answer.
const FLUSH: Duration = Duration::from_secs(3);
/// Which semantic conventions the names of attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of the field in which W3C Trace Context carries the parent of a span.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Begins spans, or nothing if no traces are wanted.
#[derive(Debug, Default)]
pub(crate) struct Tracing(Option<On>);

#[derive(Debug)]
struct On {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span that has begun, or nothing. It ends when it is dropped, at the latest.
#[derive(Debug)]
pub(crate) struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

/// What a span says of a request.
#[derive(Debug)]
pub(crate) struct RequestInfo<'a> {
    pub(crate) queue: &'a str,
    pub(crate) path: &'a str,
    pub(crate) is_tls: bool,
    /// Its `traceparent`.
    pub(crate) parent: Option<&'a str>,
}

impl Tracing {
    /// As the environment asks.
    ///
    /// # Errors
    /// Says what it asks for that cannot be.
    pub(crate) fn from_env() -> Result<Self, String> {
        let Some(wanted) = Wanted::read(|name| std::env::var(name).ok())? else {
            return Ok(Self(None));
        };
        let mut resource = Resource::builder_empty()
            .with_service_name("levada")
            .with_attribute(KeyValue::new("service.version", VERSION))
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_detector(Box::new(EnvResourceDetector::new()));
        if let Some(name) = &wanted.service_name {
            resource = resource.with_service_name(name.clone());
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(collector::exporter(&wanted)?)
            .build();
        let scope = InstrumentationScope::builder("levada")
            .with_version(VERSION)
            .with_schema_url(SCHEMA)
            .build();
        let tracer = provider.tracer_with_scope(scope);
        Ok(Self(Some(On { provider, tracer })))
    }

    /// A request to a queue came in.
    pub(crate) fn begin_request(&self, request: &RequestInfo<'_>) -> Span {
        let Some(on) = &self.0 else {
            return Span(None);
        };
        let RequestInfo { queue, path, is_tls, parent } = *request;
        let route = if path == "/" { "/" } else { "/q/{queue}" };
        let attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", route),
            KeyValue::new("url.path", path.to_owned()),
            KeyValue::new("url.scheme", if is_tls { "https" } else { "http" }),
            KeyValue::new("messaging.destination.name", queue.to_owned()),
        ];
        let span = SpanBuilder::from_name(format!("POST {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes(attributes);
        on.begin(span, parent)
    }

    /// A worker begins to run this job, which was in line so long.
    pub(crate) fn begin_run(&self, record: &Record, waited: Duration) -> Span {
        let Some(on) = &self.0 else {
            return Span(None);
        };
        let waited = i64::try_from(waited.as_millis()).unwrap_or(i64::MAX);
        let attributes = vec![
            KeyValue::new("messaging.system", "levada"),
            KeyValue::new("messaging.operation.name", "run"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", record.queue.clone()),
            KeyValue::new("messaging.message.id", record.id.to_string()),
            KeyValue::new("levada.attempt", i64::from(record.attempt) + 1),
            KeyValue::new("levada.waited_ms", waited),
        ];
        let span = SpanBuilder::from_name(format!("run {}", record.queue))
            .with_kind(SpanKind::Consumer)
            .with_attributes(attributes);
        on.begin(span, record.trace.as_deref())
    }

    /// Sends what is left, for [`FLUSH`] at most. What becomes of it, the SDK logs.
    pub(crate) async fn end(&self) {
        if let Some(On { provider, .. }) = &self.0 {
            let provider = provider.clone();
            let flush = move || provider.shutdown_with_timeout(FLUSH);
            drop(tokio::task::spawn_blocking(flush).await);
        }
    }
}

impl On {
    /// Below this `traceparent`; without one, or with one that is malformed, it is a root.
    fn begin(&self, span: SpanBuilder, parent: Option<&str>) -> Span {
        let parent = parent.map(|value| (TRACEPARENT.to_string(), value.to_owned()));
        let carrier: HashMap<_, _> = parent.into_iter().collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        Span(Some(Box::new(self.tracer.build_with_context(span, &parent))))
    }
}

impl Span {
    /// What makes another span a child of this one.
    pub(crate) fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span_context();
        let flags = context.trace_flags().to_u8();
        // After the end of all tracing, a new span has none.
        context
            .is_valid()
            .then(|| format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
    }

    /// Ends the span of a request, which was answered with this status, and has to do with this
    /// job.
    pub(crate) fn answered(self, status: u16, job: Option<&str>) {
        let Some(mut span) = self.0 else {
            return;
        };
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if let Some(job) = job {
            span.set_attribute(KeyValue::new("messaging.message.id", job.to_owned()));
        }
        if (500..600).contains(&status) {
            span.set_attribute(KeyValue::new("error.type", status.to_string()));
            span.set_status(Status::error(""));
        }
        span.end();
    }

    /// Ends the span of a run, of which this is known.
    pub(crate) fn ran(self, record: &Record) {
        let Some(mut span) = self.0 else {
            return;
        };
        let outcome = record.outcome.unwrap_or(Outcome::NotRun);
        span.set_attribute(KeyValue::new("levada.outcome", outcome.name()));
        if let Some(code) = record.exit_code {
            span.set_attribute(KeyValue::new("process.exit.code", i64::from(code)));
        }
        if let Some(signal) = record.signal {
            span.set_attribute(KeyValue::new("levada.signal", i64::from(signal)));
        }
        if !matches!(outcome, Outcome::Succeeded | Outcome::Cancelled) {
            span.set_attribute(KeyValue::new("error.type", outcome.name()));
            span.set_status(Status::error(outcome.name()));
        }
        span.end();
    }
}
