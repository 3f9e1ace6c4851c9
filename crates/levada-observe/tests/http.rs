//! The server, over sockets.
#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use levada_observe::Serving;

/// More than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The answer to these bytes.
fn ask(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The server may answer before it has read everything, and close.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

fn get(serving: &Serving, path: &str) -> String {
    let address = serving.address();
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn start() -> Serving {
    levada_observe::serve("127.0.0.1:0").unwrap()
}

#[test]
fn every_surface_is_served() {
    let (tx, _rx) = levada::mpsc::builder(7).named("served").build();
    tx.try_send(1_u8).unwrap();
    let serving = start();
    for path in ["/channels?format=text", "/channels.txt", "/channels?a=b&format=text"] {
        let answer = get(&serving, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("served (mpsc, 1 of 7) of u8"), "{answer}");
    }
    let json = get(&serving, "/channels");
    #[cfg(feature = "json")]
    {
        assert!(json.contains("Content-Type: application/json\r\n"), "{json}");
        let body = json.split_once("\r\n\r\n").unwrap().1;
        let report = levada_observe::report::Report::from_json(body).unwrap();
        assert!(report.channels.iter().any(|channel| channel.label == "served"));
    }
    #[cfg(not(feature = "json"))]
    assert!(json.starts_with("HTTP/1.1 404 ") && json.contains("feature json"), "{json}");
    let metrics = get(&serving, "/metrics");
    #[cfg(feature = "prometheus")]
    assert!(metrics.contains("levada_channel_capacity{channel=\"served\","), "{metrics}");
    #[cfg(not(feature = "prometheus"))]
    assert!(metrics.contains("feature prometheus"), "{metrics}");
    let folded = get(&serving, "/channels.folded");
    assert!(folded.starts_with("HTTP/1.1 200 OK\r\n"), "{folded}");
    assert!(get(&serving, "/nothing").starts_with("HTTP/1.1 404 "));
}

#[test]
fn bad_requests_are_answered_and_end_nothing() {
    let serving = start();
    let address = serving.address();
    let long = format!("GET /channels HTTP/1.1\r\nX: {}\r\n", "a".repeat(64 * 1024));
    let cases: [(&[u8], &str); 10] = [
        (b"POST /channels HTTP/1.1\r\n\r\n", "405"),
        (b"DELETE / HTTP/1.1\r\n\r\n", "405"),
        (b"\r\n\r\n", "400"),
        (b"GET\r\n\r\n", "400"),
        (b"GET / HTTP/2\r\n\r\n", "400"),
        (b"GET channels HTTP/1.1\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\xff\xff\r\n\r\n", "400"),
        (b"GET /\xff\xfe?\xff HTTP/1.1\r\n\r\n", "404"),
        (b"GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", "403"),
        (long.as_bytes(), "431"),
    ];
    for (request, status) in cases {
        let answer = ask(address, request);
        let name = String::from_utf8_lossy(&request[..request.len().min(40)]);
        // A reset may have overtaken the answer to what was too long.
        let is_lost = status == "431" && answer.is_empty();
        assert!(is_lost || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
    }
    drop(connect(address));
    assert!(get(&serving, "/channels.txt").starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_name_is_refused_and_an_address_is_not() {
    let serving = start();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:80", "10.0.0.1:6670"] {
        let request = format!("GET /channels.txt HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let answer = ask(serving.address(), request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[test]
fn it_answers_while_the_runtime_is_stuck() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (tx, mut rx) = levada::mpsc::builder(1).named("starved").build();
    let (stuck, is_stuck) = std::sync::mpsc::channel();
    let (free, is_free) = std::sync::mpsc::channel::<()>();
    runtime.spawn(async move {
        tx.send(1_u8).await.unwrap();
        stuck.send(()).unwrap();
        // The only worker of the runtime sleeps here.
        is_free.recv().unwrap_err();
    });
    is_stuck.recv().unwrap();
    runtime.spawn(async move { while rx.recv().await.is_some() {} });
    let answer = get(&start(), "/channels.txt");
    assert!(answer.contains("starved (mpsc, 1 of 1, full) of u8"), "{answer}");
    drop(free);
}

#[test]
fn the_server_stops_with_its_guard() {
    let serving = start();
    let address = serving.address();
    assert!(TcpStream::connect(address).is_ok());
    drop(serving);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn head_has_no_body() {
    let serving = start();
    let answer = ask(serving.address(), b"HEAD /channels.txt HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn connections_are_bounded_and_slow_ones_leave() {
    let serving = start();
    // They send nothing, and hold their seats for some seconds.
    let idle: Vec<_> = (0..16).map(|_| connect(serving.address())).collect();
    let mut seen = Vec::new();
    let began = std::time::Instant::now();
    // At first there is no seat; after a while the idle ones are closed.
    loop {
        let answer = get(&serving, "/channels.txt");
        let status = answer.get(9..12).unwrap_or("").to_owned();
        let is_done = status == "200" && seen.iter().any(|status| status == "503");
        seen.push(status);
        if is_done {
            break;
        }
        assert!(began.elapsed() < 2 * PATIENCE, "{seen:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(idle);
}
