//! More connections than there are seats: which one makes room, and what probes get.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::access::{over_tls, write_pair};
use crate::support::{Notes, Server, read_to_close, within};

const PROBE: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// So that no silent connection ends by itself.
const FOR_EVER: [&str; 2] = ["--header-timeout", "1h"];

/// Lets this process have so many files open.
fn may_open(files: u64) {
    let limits = getrlimit(Resource::Nofile);
    if limits.current.is_some_and(|current| current < files) {
        let raised = Rlimit { current: Some(files), ..limits };
        setrlimit(Resource::Nofile, raised).expect("raise the hard limit of open files");
    }
    assert!(getrlimit(Resource::Nofile).current.is_none_or(|current| current >= files));
}

async fn connect_many(server: &Server, count: usize, first_words: &str) -> Vec<TcpStream> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = within(server.connect()).await;
        // It may have made room for another one already.
        drop(stream.write_all(first_words.as_bytes()).await);
        all.push(stream);
    }
    all
}

/// The answer to a probe on a connection of its own.
async fn probe(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    read_to_close(&mut server.send(&request).await).await
}

#[tokio::test]
async fn three_thousand_silent_connections_do_not_keep_a_probe_out() {
    may_open(4096);
    let server = Server::start(&FOR_EVER, &["cat"]);
    let silent = connect_many(&server, 3000, "").await;
    for path in ["/health", "/ready", "/queues"] {
        let answer = probe(&server, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
    }
    assert_eq!(server.post("job").await.text(), "job");
    drop(silent);
}

#[tokio::test]
async fn neither_do_heads_that_never_end_nor_handshakes() {
    may_open(4096);
    let slow = Server::start(&[&FOR_EVER[..], &["--max-connections", "64"]].concat(), &["cat"]);
    let heads = connect_many(&slow, 300, "POST / HTTP/1.1\r\nHost: local").await;
    let answer = probe(&slow, "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(heads);

    let notes = Notes::new();
    let trusted = write_pair(&notes);
    let (cert, key) = (notes.at("cert"), notes.at("key"));
    let tls = ["--tls-cert", &*cert, "--tls-key", &*key, "--max-connections", "64"];
    let server = Server::start(&[&FOR_EVER[..], &tls].concat(), &["cat"]);
    let silent = connect_many(&server, 300, "").await;
    let request = PROBE.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = over_tls(&server, &trusted, &request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(silent);
}

/// With fewer descriptors than `--max-connections` would take.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nor_do_descriptors_that_ran_out() {
    let server = Server::start(&FOR_EVER, &["cat"]);
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
    let pid = rustix::process::Pid::from_raw(server.pid().try_into().unwrap());
    let few = Rlimit { current: Some(open + 20), maximum: Some(open + 20) };
    rustix::process::prlimit(pid, Resource::Nofile, few).unwrap();
    let silent = connect_many(&server, 60, "").await;
    let answer = probe(&server, "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(silent);
}

async fn health(stream: &mut TcpStream) -> String {
    stream.write_all(PROBE.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"status":"ok"}"#) {
        assert_ne!(within(stream.read_buf(&mut answer)).await.unwrap(), 0, "{answer:?}");
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

/// Which of them it is, the unit tests of `server::seats` know: here it is idle a moment after its
/// answer is seen.
#[tokio::test]
async fn one_idle_connection_makes_room() {
    let server = Server::start(&[&FOR_EVER[..], &["--max-connections", "2"]].concat(), &["cat"]);
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    health(&mut first).await;
    health(&mut second).await;
    let kept = async {
        loop {
            let mut third = server.connect().await;
            if !health(&mut third).await.contains("\r\nconnection: close\r\n") {
                return third;
            }
        }
    };
    let mut third = within(kept).await;
    let (mut one, mut other) = ([0], [0]);
    let ended = tokio::select! {
        end = within(first.read(&mut one)) => (end.unwrap(), &mut second),
        end = within(second.read(&mut other)) => (end.unwrap(), &mut first),
    };
    assert_eq!(ended.0, 0);
    health(ended.1).await;
    health(&mut third).await;
}

#[tokio::test]
async fn probes_get_through_when_every_connection_works() {
    may_open(1024);
    let notes = Notes::new();
    let crowd = ["--max-connections", "256", "--workers", "1", "--queue", "1000"];
    let options = [&crowd[..], &["--wait", "1h", "--body-timeout", "1h"]].concat();
    let server = Server::script(&options, &format!("{}; cat", notes.wait_for("gate")));
    let mut clients = JoinSet::new();
    for number in 0..20 {
        let body = format!("{number:03}");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\n{body}"
        );
        let mut stream = server.send(&request).await;
        clients.spawn(async move { (body, read_to_close(&mut stream).await) });
    }
    server.until_progress(&[("running", 1), ("queued", 19)]).await;
    let mut sending = Vec::new();
    for _ in 0..235 {
        sending.push(server.begin(4).await);
    }
    // The last seat was that of the client that has looked, which is idle.
    let mut last = server.begin(4).await;

    for _ in 0..50 {
        for path in ["/health", "/ready"] {
            let answer = probe(&server, path).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
        }
    }
    // As many silent ones beyond that as there may be do not keep them out either.
    let silent = connect_many(&server, 200, "").await;
    let answer = read_to_close(&mut server.send(PROBE).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    drop(silent);

    let mut refused = 0;
    for request in ["POST /", "POST /q/default", "GET /queues", "GET /", "GET /metrics"] {
        refused += usize::from(request.starts_with("POST"));
        let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
        let answer = read_to_close(&mut server.send(&head).await).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{request}: {answer}");
        assert!(answer.contains("urn:levada:problem:too-many-connections"), "{answer}");
        assert!(answer.contains("\r\nretry-after: "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }

    notes.write("gate");
    drop(sending);
    last.write_all(b"last").await.unwrap();
    assert!(read_to_close(&mut last).await.ends_with("\r\n\r\nlast"));
    for (body, answer) in clients.join_all().await {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&body), "{answer}");
    }
    let metrics = server.get("/metrics").await;
    let count = format!(
        "\nlevada_rejected_total{{queue=\"\",reason=\"too-many-connections\"}} {refused}\n"
    );
    assert!(metrics.text().contains(&count), "{}", metrics.text());
}

#[tokio::test]
async fn an_answer_that_is_still_written_is_not_cut_off() {
    const LENGTH: usize = 16 << 20;
    let options = [&FOR_EVER[..], &["--max-connections", "1"]].concat();
    let server = Server::script(&options, &format!("head -c {LENGTH} /dev/zero"));
    let mut slow = server.send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut begin = [0; 15];
    within(slow.read_exact(&mut begin)).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    // The only seat is taken by a client that does not read.
    let refused = probe(&server, "/queues").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    let mut rest = vec![0; LENGTH];
    within(slow.read_exact(&mut rest)).await.unwrap();
    // Then it is idle, and makes room.
    within(async { while !probe(&server, "/queues").await.starts_with("HTTP/1.1 200 ") {} }).await;
    let mut end = Vec::new();
    within(slow.read_to_end(&mut end)).await.unwrap();
    assert!(rest.iter().chain(&end).filter(|byte| **byte == 0).count() == LENGTH);
}

#[tokio::test]
async fn a_silent_spare_connection_ends_soon() {
    let options = [&FOR_EVER[..], &["--max-connections", "1", "--body-timeout", "1h"]].concat();
    let server = Server::start(&options, &["cat"]);
    let _working = server.begin(4).await;
    // Long before the hour that every other head may take.
    assert_eq!(read_to_close(&mut server.connect().await).await, "");
}
