//! Traces: what a collector gets, what commands see of it, and that nothing waits for a collector.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Status;
use rustix::process::Signal;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::access::write_pair;
use crate::collector::{Collector, attribute, attributes, hex, traceparent};
use crate::shutdown::until_refused;
use crate::support::{Notes, Server, levada, sh, until, within};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// Prints the context that a command has.
const SHOW: &[&str] = &["sh", "-c", "echo $TRACEPARENT"];

/// The caller's context, with these flags.
fn caller(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

/// Lets the server end; what it has to send is sent before that.
async fn end(server: &mut Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_and_its_runs_are_one_trace() {
    let (collector, notes) = (Collector::start().await, Notes::new());
    let script = format!(
        "echo $TRACEPARENT >> {}; [ $LEVADA_ATTEMPT = 2 ] || exit 75",
        notes.at("contexts")
    );
    let config =
        format!("[queue.x]\n{}\n[queue.x.retry]\nbackoff = 0.001\njitter = 0\n", sh(&script));
    std::fs::write(notes.path("levada.toml"), config).unwrap();
    let (options, none): (_, &[&str]) = (["--config", &notes.at("levada.toml")], &[]);
    let mut server = Server::start_as(&options, none, |levada| collector.of(levada));
    let answer = server.ask("POST", "/q/x", &[("traceparent", &caller("01"))], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    end(&mut server).await;

    let post = collector.span("POST /q/{queue}");
    assert_eq!((hex(&post.trace_id), hex(&post.parent_span_id)), (TRACE.into(), CALLER.into()));
    assert_eq!((post.kind(), &post.status), (SpanKind::Server, &Some(Default::default())));
    let id = answer.header("levada-job-id").to_owned();
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/q/{queue}"),
        ("messaging.destination.name", "x"),
        ("messaging.message.id", &id),
        ("url.path", "/q/x"),
        ("url.scheme", "http"),
    ];
    assert_eq!(attributes(&post.attributes), expected.map(|(name, value)| (name, value.into())));

    let mut runs = collector.spans();
    runs.retain(|span| span.name == "run x");
    runs.sort_by_key(|span| span.start_time_unix_nano);
    assert_eq!(runs.len(), 2, "{runs:?}");
    for (attempt, run) in (1..).zip(&runs) {
        assert_eq!((&run.trace_id, &run.parent_span_id), (&post.trace_id, &post.span_id));
        assert_eq!(run.kind(), SpanKind::Consumer);
        assert!(run.start_time_unix_nano >= post.start_time_unix_nano);
        assert!(run.end_time_unix_nano > run.start_time_unix_nano);
        let waited = attribute(run, "levada.waited_ms").unwrap();
        waited.parse::<u64>().unwrap();
        let (outcome, code) = if attempt == 1 { ("failed", 75) } else { ("succeeded", 0) };
        let mut expected = vec![
            ("levada.attempt", attempt.to_string()),
            ("levada.outcome", outcome.to_owned()),
            ("levada.waited_ms", waited),
            ("messaging.destination.name", "x".to_owned()),
            ("messaging.message.id", id.clone()),
            ("messaging.operation.name", "run".to_owned()),
            ("messaging.operation.type", "process".to_owned()),
            ("messaging.system", "levada".to_owned()),
            ("process.exit.code", code.to_string()),
        ];
        let status = run.status.clone().unwrap_or_default();
        if attempt == 1 {
            expected.insert(0, ("error.type", outcome.to_owned()));
            assert_eq!((status.code(), &*status.message), (Status::Error, "failed"));
        } else {
            assert_eq!(status.code(), Status::Unset);
        }
        assert_eq!(attributes(&run.attributes), expected);
    }
    let contexts: Vec<_> = runs.iter().map(traceparent).collect();
    assert_eq!(notes.read("contexts").lines().collect::<Vec<_>>(), contexts);
}

#[tokio::test]
async fn what_a_collector_is_told_of_the_service() {
    let collector = Collector::start().await;
    let mut server = Server::start_as(&[], &["cat"], |levada| {
        collector.of(levada);
        levada.env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=levada%20tests");
        levada.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    });
    assert_eq!(server.post("body").await.text(), "body");
    end(&mut server).await;
    let sent = &collector.sent()[0];
    assert_eq!(sent.path, "/v1/traces");
    assert_eq!(sent.headers["content-type"], "application/x-protobuf");
    assert_eq!(sent.headers["x-tenant"], "levada tests");
    let resource = sent.decoded.resource_spans[0].resource.clone().unwrap();
    let resource = attributes(&resource.attributes);
    for (name, value) in [("service.name", "levada"), ("deployment.environment.name", "test")] {
        assert!(resource.contains(&(name, value.to_owned())), "{resource:?}");
    }
}

#[tokio::test]
async fn a_job_that_outlives_the_process_stays_in_its_trace() {
    let (collector, notes) = (Collector::start().await, Notes::new());
    let script = format!("echo $$ >> {}; {}", notes.at("pids"), notes.wait_for("gate"));
    let store = notes.at("store");
    let start = || {
        let options = ["--workers", "1", "--store", &store];
        Server::start_as(&options, &["sh", "-c", &script], |levada| collector.of(levada))
    };
    let mut server = start();
    server.submit("runs").await;
    notes.pids("pids", 1).await;
    let waits = server.submit("waits").await;
    server.signal(Signal::TERM);
    until_refused(&server).await;
    notes.write("gate");
    assert_eq!(server.exit().await.code(), Some(0));
    let mut server = start();
    server.until_job(&waits, "succeeded").await;
    end(&mut server).await;
    let spans = collector.spans();
    let of = |kind: SpanKind| {
        let job = |span: &&Span| attribute(span, "messaging.message.id").as_ref() == Some(&waits);
        spans.iter().filter(|span| span.kind() == kind).find(job).unwrap()
    };
    let (post, run) = (of(SpanKind::Server), of(SpanKind::Consumer));
    assert_eq!((&run.trace_id, &run.parent_span_id), (&post.trace_id, &post.span_id));
}

#[tokio::test]
async fn without_a_caller_the_request_is_the_root() {
    let collector = Collector::start().await;
    let mut server = Server::start_as(&[], &["sh", "-c", "kill -9 $$"], |levada| {
        collector.of(levada);
        levada.env("OTEL_SERVICE_NAME", "jobs").env("OTEL_BSP_SCHEDULE_DELAY", "10");
    });
    let malformed = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-01")];
    server.ask("POST", "/", &malformed, "").await.problem(500, "command-failed");
    // Not only at the end.
    until("both spans", || collector.spans().len() == 2).await;
    end(&mut server).await;
    let (post, run) = (collector.span("POST /"), collector.span("run default"));
    assert!(post.parent_span_id.is_empty() && hex(&post.trace_id) != TRACE, "{post:?}");
    assert_eq!((&run.trace_id, &run.parent_span_id), (&post.trace_id, &post.span_id));
    assert_eq!(post.status.unwrap().code(), Status::Error);
    assert_eq!(run.status.clone().unwrap().code(), Status::Error);
    assert_eq!(attribute(&run, "levada.signal").as_deref(), Some("9"));
    assert_eq!(attribute(&run, "process.exit.code"), None);
    let resource = collector.sent()[0].decoded.resource_spans[0].resource.clone().unwrap();
    let name = ("service.name", "jobs".to_owned());
    assert!(attributes(&resource.attributes).contains(&name), "{resource:?}");
}

#[tokio::test]
async fn a_refused_request_and_a_cancelled_job_are_no_surprise() {
    let (collector, notes) = (Collector::start().await, Notes::new());
    let script = format!("echo $$ > {}; sleep 600", notes.at("pid"));
    let mut server = Server::start_as(&["--max-body", "3"], &["sh", "-c", &script], |levada| {
        collector.of(levada);
    });
    server.post("four").await.problem(413, "body-too-large");
    assert_eq!(server.ask("POST", "/q/other", &[], "").await.status, 404);
    let id = server.submit("").await;
    notes.pids("pid", 1).await;
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
    server.until_job(&id, "cancelled").await;
    end(&mut server).await;
    let run = collector.span("run default");
    assert_eq!(attribute(&run, "levada.outcome").as_deref(), Some("cancelled"));
    assert_eq!(run.status.unwrap_or_default().code(), Status::Unset);
    let mut posts = collector.spans();
    posts.retain(|span| span.name.starts_with("POST"));
    let status = |span| attribute(span, "http.response.status_code").unwrap();
    assert_eq!(posts.iter().map(status).collect::<Vec<_>>(), ["413", "202"]);
}

#[tokio::test]
async fn what_is_not_sampled_is_not_sent_and_stays_so_below() {
    for (flags, sampler) in [("00", "parentbased_always_on"), ("01", "always_off")] {
        let collector = Collector::start().await;
        let mut server = Server::start_as(&[], SHOW, |levada| {
            collector.of(levada);
            levada.env("OTEL_TRACES_SAMPLER", sampler);
        });
        let answer = server.ask("POST", "/", &[("traceparent", &caller(flags))], "").await;
        let context = answer.text().trim_end();
        let span = context
            .strip_prefix(&format!("00-{TRACE}-"))
            .and_then(|rest| rest.strip_suffix("-00"))
            .unwrap_or_else(|| panic!("{sampler}: {context}"));
        assert_ne!(span, CALLER);
        end(&mut server).await;
        assert!(collector.sent().is_empty(), "{sampler}");
    }
}

#[tokio::test]
async fn nothing_is_sent_unless_it_is_asked_for() {
    let collector = Collector::start().await;
    let endpoint = format!("http://localhost:{}", collector.port);
    for variables in [
        &[("OTEL_SERVICE_NAME", "a"), ("OTEL_TRACES_EXPORTER", "otlp")][..],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_SDK_DISABLED", "true")],
        &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint), ("OTEL_TRACES_EXPORTER", "none")],
    ] {
        let mut server = Server::start_as(&[], SHOW, |levada| {
            levada.envs(variables.iter().copied());
        });
        let answer = server.ask("POST", "/", &[("traceparent", &caller("01"))], "").await;
        assert_eq!(answer.text().trim_end(), caller("01"), "{variables:?}");
        assert_eq!(server.post("").await.text(), "\n", "{variables:?}");
        end(&mut server).await;
        assert!(collector.sent().is_empty(), "{variables:?}");
    }
}

#[tokio::test]
async fn bodies_outputs_and_tokens_are_not_in_it() {
    let collector = Collector::start().await;
    let script = "cat; echo wrote-2; echo wrote-3 >&2; exit 1";
    let mut server = Server::start_as(&[], &["sh", "-c", script], |levada| {
        collector.of(levada);
        levada.env("LEVADA_TOKEN", "secret-secret-secret-4");
    });
    let headers = [
        ("Authorization", "Bearer secret-secret-secret-4"),
        ("Idempotency-Key", "key-5"),
        ("Content-Type", "text/x-6"),
    ];
    let answer = server.ask("POST", "/?query-7", &headers, "body-1").await;
    answer.problem(500, "command-failed");
    end(&mut server).await;
    assert_eq!(collector.spans().len(), 2);
    for sent in collector.sent() {
        let text = String::from_utf8_lossy(&sent.bytes).into_owned();
        for secret in ["body-1", "wrote-2", "wrote-3", "secret-4", "key-5", "x-6", "query-7"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn a_collector_that_hangs_delays_neither_jobs_nor_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut server = Server::start_as(&[], &["cat"], |levada| {
        levada
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            // Longer than the test may take.
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")
            .env("OTEL_BSP_SCHEDULE_DELAY", "1")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "4")
            .env("RUST_LOG", "off");
    });
    assert_eq!(server.post("first").await.text(), "first");
    let (held, _) = within(listener.accept()).await.unwrap();
    for number in 0..20 {
        assert_eq!(server.post(number.to_string()).await.text(), number.to_string());
    }
    let start = Instant::now();
    end(&mut server).await;
    // The bound is 3 s; this is for slow machines.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    drop(held);
}

#[tokio::test]
async fn failures_are_told_once_in_a_while() {
    // It refuses connections once it is dropped.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let cross = Collector::answering(StatusCode::FORBIDDEN, None).await;
    for (port, reason) in [(gone, "refused"), (cross.port, "403")] {
        let notes = Notes::new();
        let mut server = Server::start_as(&[], &["cat"], |levada| {
            levada
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}"))
                .env("OTEL_BSP_SCHEDULE_DELAY", "1")
                .env("RUST_LOG", "warn")
                .stderr(File::create(notes.path("log")).unwrap());
        });
        assert_eq!(server.post("first").await.text(), "first");
        until("a failure to be told", || notes.read("log").contains(reason)).await;
        // More fail from here on, at the end at the latest.
        for _ in 0..10 {
            assert_eq!(server.post("body").await.text(), "body");
        }
        end(&mut server).await;
        let log = notes.read("log");
        assert_eq!(log.matches("cannot send traces").count(), 1, "{log}");
        assert!(log.contains(&format!("collector=127.0.0.1:{port}")), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
    assert!(cross.sent().len() > 1, "told for each of {}", cross.sent().len());
}

#[tokio::test]
async fn a_collector_can_have_a_certificate() {
    let notes = Notes::new();
    let certificate = write_pair(&notes);
    let key = PrivateKeyDer::from_pem_file(notes.path("key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let collector = Collector::answering(StatusCode::OK, Some(tls)).await;
    let endpoint = format!("https://localhost:{}/all/traces", collector.port);
    let mut server = Server::start_as(&[], &["cat"], |levada| {
        levada
            .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", notes.path("cert"));
    });
    assert_eq!(server.post("body").await.text(), "body");
    end(&mut server).await;
    assert_eq!(collector.spans().len(), 2);
    assert_eq!(collector.sent()[0].path, "/all/traces");
}

#[tokio::test]
async fn a_collector_elsewhere_is_reached_through_a_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let server = Server::start_as(&[], &["cat"], |levada| {
        levada
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318")
            .env("OTEL_BSP_SCHEDULE_DELAY", "1")
            .env("HTTP_PROXY", address)
            .env("RUST_LOG", "off")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy");
    });
    assert_eq!(server.post("body").await.text(), "body");
    let (mut stream, _) = within(proxy.accept()).await.unwrap();
    let mut head = [0; 30];
    within(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"CONNECT collector.example:4318");
}

#[test]
fn what_is_not_there_is_refused() {
    let notes = Notes::new();
    notes.write("empty.pem");
    for (endpoint, name, value, hint) in [
        ("http://localhost", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("http://localhost", "OTEL_TRACES_EXPORTER", "zipkin", "otlp"),
        ("localhost:4318", "OTEL_EXPORTER_OTLP_TIMEOUT", "1", "http://localhost:4318"),
        ("https://a", "OTEL_EXPORTER_OTLP_CERTIFICATE", &notes.at("empty.pem"), "empty.pem"),
        ("http://a", "HTTP_PROXY", "no proxy", "HTTP_PROXY"),
    ] {
        let output = levada()
            .args(["serve", "--listen", "127.0.0.1:0", "--store", "memory", "--", "cat"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env(name, value)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(hint), "{message}");
    }
}
