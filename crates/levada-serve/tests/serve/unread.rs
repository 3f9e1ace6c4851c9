//! Answers that come before a request's body is read: each one arrives, and says whether the
//! connection goes on (RFC 9112, 9.3 and 9.6).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{Notes, Server, read_to_close, within};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A client such as Python's `http.client`: it sends a request's head and then its body, reads the
/// answer, and uses the connection again unless the answer says that it ends.
struct Client {
    address: SocketAddr,
    open: Option<BufReader<TcpStream>>,
    /// How many connections it had.
    connections: usize,
}

#[derive(Debug)]
struct Raw {
    status: u16,
    /// In lower case.
    head: String,
    body: Vec<u8>,
}

impl Raw {
    fn ends(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }

    #[track_caller]
    fn problem(&self, status: u16, kind: &str) {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{} {body}", self.head);
        assert!(body.contains(&format!("\"urn:levada:problem:{kind}\"")), "{body}");
    }
}

impl Client {
    fn new(server: &Server) -> Self {
        Self { address: server.address, open: None, connections: 0 }
    }

    async fn stream(&mut self) -> BufReader<TcpStream> {
        if let Some(stream) = self.open.take() {
            return stream;
        }
        self.connections += 1;
        BufReader::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// The answer to a request with this body in pieces.
    async fn ask(&mut self, request: &str, pieces: &[&[u8]]) -> Raw {
        let mut stream = self.stream().await;
        let sent = async {
            stream.write_all(request.as_bytes()).await?;
            for piece in pieces {
                stream.write_all(piece).await?;
            }
            read_answer(&mut stream).await
        };
        let raw = within(sent).await.unwrap_or_else(|error| panic!("{request:?}: {error}"));
        if !raw.ends() {
            self.open = Some(stream);
        }
        raw
    }

    /// The answer to a request with a body of this many bytes.
    async fn send(&mut self, line: &str, headers: &str, length: usize) -> Raw {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        self.ask(&head, &[&vec![b'x'; length]]).await
    }
}

async fn read_answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<Raw> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(std::io::Error::other(format!("the connection ended behind {head:?}")));
        }
    }
    let head = head.to_lowercase();
    let length = head
        .split("\r\ncontent-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Raw { status, head, body })
}

/// A server that refuses every job: one runs, one waits, and there is room for no more.
async fn full(notes: &Notes) -> Server {
    let options = ["--workers", "1", "--queue", "1", "--max-body", "64MiB"];
    let server = Server::script(&options, &notes.wait_for("gate"));
    server.submit("").await;
    server.until_progress(&[("running", 1)]).await;
    server.submit("").await;
    server.until_progress(&[("queued", 1)]).await;
    server
}

#[tokio::test]
async fn every_post_of_a_keep_alive_client_is_answered_under_overload() {
    let notes = Notes::new();
    let server = full(&notes).await;
    for (length, times, goes_on) in [
        (0, 100, true),
        (1, 100, true),
        (10 * KIB, 100, true),
        (256 * KIB, 20, true),
        (MIB, 20, false),
        (20 * MIB, 3, false),
    ] {
        let mut client = Client::new(&server);
        for _ in 0..times {
            let raw = client.send("POST /", "", length).await;
            raw.problem(503, "queue-full");
            assert!(raw.head.contains("\r\nretry-after: "), "{}", raw.head);
            assert_eq!(raw.ends(), !goes_on, "{length}: {}", raw.head);
        }
        assert_eq!(client.connections, if goes_on { 1 } else { times }, "{length}");
    }
}

#[tokio::test]
async fn chunked_bodies_are_read_up_to_the_bound() {
    let notes = Notes::new();
    let server = full(&notes).await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(8 * KIB));
    for (chunks, times, goes_on) in [(0, 50, true), (3, 50, true), (200, 5, false)] {
        let mut pieces = vec![chunk.as_bytes(); chunks];
        pieces.push(b"0\r\n\r\n");
        let mut client = Client::new(&server);
        for _ in 0..times {
            let raw = client.ask(head, &pieces).await;
            raw.problem(503, "queue-full");
            assert_eq!(raw.ends(), !goes_on, "{chunks}: {}", raw.head);
        }
        assert_eq!(client.connections, if goes_on { 1 } else { times }, "{chunks}");
    }
    // What follows a body that breaks off cannot be found.
    let broken = Client::new(&server).ask(head, &[b"2\r\nhi\r\nnonsense\r\n"]).await;
    broken.problem(503, "queue-full");
    assert!(broken.ends(), "{}", broken.head);
}

#[tokio::test]
async fn a_slow_body_is_waited_for_a_moment() {
    let notes = Notes::new();
    let server = full(&notes).await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";
    // In pieces, of which the last comes when the service waits for it.
    let mut stream = server.send(head).await;
    for piece in [b"s", b"l", b"o", b"w"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(piece).await.unwrap();
    }
    let mut stream = BufReader::new(stream);
    let raw = within(read_answer(&mut stream)).await.unwrap();
    raw.problem(503, "queue-full");
    assert!(!raw.ends(), "{}", raw.head);
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(within(read_answer(&mut stream)).await.unwrap().status, 200);

    // One that never comes.
    let mut stream = BufReader::new(server.send(&format!("{head}sl")).await);
    let raw = within(read_answer(&mut stream)).await.unwrap();
    raw.problem(503, "queue-full");
    assert!(raw.ends(), "{}", raw.head);
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_told_to_go_on() {
    let notes = Notes::new();
    let server = full(&notes).await;
    for length in [1, 10 * KIB, 20 * MIB] {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = read_to_close(&mut server.send(&head).await).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_second_request_on_its_way_is_answered_only_behind_a_short_body() {
    let notes = Notes::new();
    let server = full(&notes).await;
    for (length, answers) in [(0, 2), (10 * KIB, 2), (MIB, 1)] {
        let body = "x".repeat(length);
        let mut stream = server.connect().await;
        let requests = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}\
             GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(requests.as_bytes()).await.unwrap();
        let text = read_to_close(&mut stream).await;
        assert_eq!(text.matches("HTTP/1.1 503 ").count(), 1, "{text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), answers, "{length}: {text}");
        assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
    }
}

#[tokio::test]
async fn every_refusal_leaves_the_connection_in_order() {
    let notes = Notes::new();
    let config = "[queue.default]\ncommand = [\"cat\"]\nmax_body = \"8KiB\"\naccept = [\"text/*\"]\n\
                  [queue.keyed]\ncommand = [\"cat\"]\nrequire_key = true\n\
                  [queue.lines]\ncommand = [\"cat\"]\nmode = \"lines\"\n";
    let server = Server::configured(&notes, &["--quota", "1"], config);
    let open = Server::start_as(&[], &["cat"], |levada| {
        levada.env("LEVADA_TOKEN", "0123456789abcdef-other");
    });
    let text = "Content-Type: text/plain\r\n";
    let job = format!("GET /jobs/{}", "019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33");
    for (server, line, headers, status, kind) in [
        (&open, "POST /", "", 401, "unauthorized"),
        (&open, "GET /metrics", "", 401, "unauthorized"),
        (&server, "POST /", "Origin: http://page.example\r\n", 403, "foreign-page"),
        (&server, "POST /nothing", "", 404, "not-found"),
        (&server, "POST /q/none", "", 404, "no-queue"),
        (&server, &*job, "", 404, "no-job"),
        (&server, "PUT /health", "", 405, "method-not-allowed"),
        (&server, "OPTIONS /jobs", "", 405, "method-not-allowed"),
        (&server, "POST /", text, 413, "body-too-large"),
        (&server, "POST /", "Content-Type: image/png\r\n", 415, "unsupported-type"),
        (&server, "POST /", "Content-Encoding: gzip\r\n", 415, "unsupported-type"),
        (&server, "POST /q/keyed", "", 400, "idempotency-key-missing"),
        (&server, "POST /q/keyed", "Idempotency-Key: a b\r\n", 400, "bad-header"),
        (&server, "GET /jobs?limit=0", "", 400, "bad-query"),
    ] {
        for (length, goes_on) in [(10 * KIB, true), (MIB, false)] {
            let mut client = Client::new(server);
            for _ in 0..3 {
                let raw = client.send(line, headers, length).await;
                raw.problem(status, kind);
                assert_eq!(raw.ends(), !goes_on, "{line} {length}: {}", raw.head);
            }
            assert_eq!(client.connections, if goes_on { 1 } else { 3 }, "{line} {length}");
        }
    }
    // What is no refusal does not read the body either.
    let mut client = Client::new(&server);
    for line in ["GET /health", "GET /queues", "GET /metrics", "GET /jobs"] {
        let raw = client.send(line, "", 10 * KIB).await;
        assert_eq!((raw.status, raw.ends()), (200, false), "{line}: {}", raw.head);
    }
    assert_eq!(client.connections, 1);
}

#[tokio::test]
async fn a_large_answer_is_whole_although_the_request_is_not_read() {
    let server = Server::script(&[], "head -c 33554432 /dev/zero");
    let answer = server.post("").await;
    let path = answer.header("content-location").to_owned();
    assert_eq!(answer.body.len(), 32 * MIB);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n");
    let mut stream = server.send(&head).await;
    // More than the system takes at once, and then slowly.
    stream.write_all(&vec![b'x'; MIB]).await.unwrap();
    let mut stream = BufReader::with_capacity(16 * KIB, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(within(stream.read_line(&mut head)).await.unwrap(), 0, "{head}");
    }
    assert!(head.contains("content-length: 33554432\r\n"), "{head}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut body = Vec::new();
    within(stream.read_to_end(&mut body)).await.unwrap();
    assert_eq!(body.len(), 32 * MIB);
}

#[tokio::test]
async fn a_slow_upload_that_is_refused_still_finds_its_answer() {
    let notes = Notes::new();
    let server = full(&notes).await;
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3145728\r\n\r\n";
    let mut stream = server.send(head).await;
    // It takes longer than an idle connection is given to hang up, and reads only at the end.
    for _ in 0..48 {
        stream.write_all(&vec![b'x'; 64 * KIB]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let raw = within(read_answer(&mut BufReader::new(stream))).await.unwrap();
    raw.problem(503, "queue-full");
    assert!(raw.ends(), "{}", raw.head);
}
