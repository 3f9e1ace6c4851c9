//! `levada serve` behind nginx: configured by `proxy_pass` alone, as most people do, and as
//! `docs/serve.md` says. Run by `cargo xtask proxy`, which provides an nginx.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod nginx;
#[path = "../serve/sse.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod sse;
#[path = "../serve/support.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod support;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use self::nginx::Nginx;
use self::sse::Events;
use self::support::{Notes, Server, read_to_close, within};

#[tokio::test]
async fn the_first_event_arrives_while_the_stream_is_open() {
    let notes = Notes::new();
    let script = format!("echo one; {}; echo two", notes.wait_for("gate"));
    let server = Server::script(&[], &script);
    let nginx = Nginx::plain(&server).await;
    let mut all = Events::open(nginx.connect().await).await;
    assert_eq!(all.next().await.unwrap().name, "queues");
    let id = server.submit("").await;
    let mut one = Events::open_at(nginx.connect().await, &format!("/jobs/{id}/events"), None).await;
    assert_eq!(one.next().await.unwrap().name, "state");
    for name in ["accepted", "started"] {
        assert_eq!(all.of_jobs().await.unwrap().name, name);
    }
    // The client gets what the command writes before the command goes on.
    notes.write("gate");
    let (mut names, mut texts) = (Vec::new(), String::new());
    while let Some(event) = one.next().await {
        texts += event.data["text"].as_str().unwrap_or_default();
        names.push(event.name);
    }
    assert_eq!(names.last().unwrap(), "finished");
    assert!(texts.ends_with("two\n"), "{texts:?}");
    assert_eq!(all.of_jobs().await.unwrap().name, "finished");
}

#[tokio::test]
async fn output_arrives_as_it_is_written() {
    let notes = Notes::new();
    let script = format!("{}; echo one; {}", notes.wait_for("begin"), notes.wait_for("end"));
    let server = Server::script(&[], &script);
    let nginx = Nginx::plain(&server).await;
    let id = server.submit("").await;
    let mut events =
        Events::open_at(nginx.connect().await, &format!("/jobs/{id}/events"), None).await;
    assert_eq!(events.next().await.unwrap().name, "state");
    notes.write("begin");
    loop {
        let event = events.next().await.unwrap();
        if event.name == "output" {
            assert_eq!(event.data["text"], "one\n");
            break;
        }
    }
    assert_eq!(server.job(&id).await["state"], "running");
    notes.write("end");
}

#[tokio::test]
async fn a_silent_stream_outlives_the_patience_of_nginx() {
    let notes = Notes::new();
    let server = Server::script(&[], &notes.wait_for("gate"));
    // A third of the default, so as not to take that long.
    let nginx = Nginx::with(&server, "proxy_read_timeout 20s;").await;
    let id = server.submit("").await;
    let mut stream = nginx.connect().await;
    let head = format!("GET /jobs/{id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut comments, mut lines) = (0, BufReader::new(stream).lines());
    while comments < 2 {
        let line = within(lines.next_line()).await.unwrap().expect("nginx gave up the stream");
        comments += usize::from(line.starts_with(':'));
    }
    notes.write("gate");
    while !within(lines.next_line()).await.unwrap().unwrap().contains("event: finished") {}
}

/// The answer to a request through nginx, on a connection of its own.
async fn answer(nginx: &Nginx, head: &str, body: &[u8]) -> String {
    let mut stream = nginx.connect().await;
    let length = body.len();
    let head = format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    read_to_close(&mut stream).await
}

const POST: &str = "POST / HTTP/1.1\r\nHost: localhost";

#[tokio::test]
async fn large_bodies_pass() {
    let server = Server::start(&["--max-body", "32MiB"], &["cat"]);
    let nginx = Nginx::with(&server, "client_max_body_size 32m;").await;
    for length in [0, 1, 100_000, 20 << 20] {
        let answer = answer(&nginx, POST, &vec![b'x'; length]).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{length}: {head}");
        assert_eq!(body.len(), length, "{head}");
    }
}

#[tokio::test]
async fn a_refusal_arrives_as_it_is() {
    let notes = Notes::new();
    let options = ["--workers", "1", "--queue", "1", "--max-body", "32MiB"];
    let server = Server::script(&options, &notes.wait_for("gate"));
    let mut ids = Vec::new();
    for (member, number) in [("running", 1), ("queued", 1)] {
        ids.push(server.submit("").await);
        server.until_progress(&[(member, number)]).await;
    }
    for settings in ["", "proxy_http_version 1.1; proxy_set_header Connection '';"] {
        let nginx = Nginx::with(&server, &format!("client_max_body_size 32m; {settings}")).await;
        for (length, times) in [(0, 20), (10 << 10, 50), (1 << 20, 20), (20 << 20, 3)] {
            for _ in 0..times {
                let answer = answer(&nginx, POST, &vec![b'x'; length]).await;
                assert!(answer.starts_with("HTTP/1.1 503 "), "{length}: {answer}\n{}", nginx.log());
                assert!(answer.contains("urn:levada:problem:queue-full"), "{answer}");
                assert!(answer.to_lowercase().contains("\r\nretry-after: "), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_withdraws_its_job() {
    let notes = Notes::new();
    let server = Server::script(&[], &format!("echo $$ > {}; sleep 600", notes.at("pid")));
    let nginx = Nginx::plain(&server).await;
    let mut client = nginx.connect().await;
    client.write_all(format!("{POST}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
    let pids = notes.pids("pid", 1).await;
    drop(client);
    support::until_dead(&pids).await;
    server.until_progress(&[("cancelled", 1), ("running", 0)]).await;
}

/// The configuration of the docs, with the page's requests, which a browser marks with their
/// origin.
#[tokio::test]
async fn the_configuration_of_the_docs_works() {
    let server = Server::start_as(&[], &["cat"], |levada| {
        levada.env("LEVADA_TOKEN", "0123456789abcdef-other");
    });
    let nginx = Nginx::of_the_docs(&server).await;
    let request = |origin: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: jobs.example\r\nAuthorization: Bearer 0123456789abcdef-other\r\n\
             Origin: {origin}"
        )
    };
    let body = vec![b'x'; 8 << 20];
    for _ in 0..3 {
        let answer = answer(&nginx, &request("https://jobs.example"), &body).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:.500}\n{}", nginx.log());
        assert!(answer.len() > body.len());
    }
    let foreign = answer(&nginx, &request("https://page.example"), b"").await;
    assert!(foreign.starts_with("HTTP/1.1 403 "), "{foreign}");
    let stranger = answer(&nginx, "POST / HTTP/1.1\r\nHost: jobs.example", b"").await;
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
}
