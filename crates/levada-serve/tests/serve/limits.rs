//! What a client may not do: send too much, take too long, or take all connections.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{Server, read_to_close, within};

#[tokio::test]
async fn body_has_a_limit() {
    let server = Server::start(&["--max-body", "1KiB"], &["wc", "-c"]);
    assert_eq!(server.post(vec![0; 1024]).await.text().trim(), "1024");
    server.post(vec![0; 1025]).await.problem(413, "body-too-large");
    server.post(vec![0; 3 << 20]).await.problem(413, "body-too-large");

    // Without an announced length; the last one is no length at all.
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut fitting = server.send(&format!("{head}{chunk}0\r\n\r\n")).await;
    assert!(read_to_close(&mut fitting).await.ends_with("1024\n"));
    let mut larger = server.send(&format!("{head}{chunk}1\r\nx\r\n0\r\n\r\n")).await;
    assert!(read_to_close(&mut larger).await.starts_with("HTTP/1.1 413 "));
    server.until_progress(&[("succeeded", 2), ("rejected", 3), ("queued", 0)]).await;
}

#[tokio::test]
async fn slow_head_is_not_waited_for() {
    let server = Server::start(&["--header-timeout", "0.3"], &["cat"]);
    let mut silent = server.connect().await;
    let mut slow = server.send("POST / HTTP/1.1\r\nHost: localhost\r\n").await;
    // One byte at a time, each well within the limit: it is the whole head that counts.
    let dripping = async {
        while slow.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(dripping).await;
    assert_eq!(read_to_close(&mut silent).await, "");
    assert_eq!(server.post("still here").await.text(), "still here");
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let server = Server::start(&["--header-timeout", "0.3"], &["cat"]);
    let mut idle = server.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(read_to_close(&mut idle).await.ends_with(r#"{"status":"ok"}"#));
}

/// The system stops and continues a process: SIGSTOP, a debugger, a container that is frozen.
#[tokio::test]
async fn a_head_that_came_while_the_service_was_stopped_is_answered() {
    const REQUEST: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let server = Server::start(&["--header-timeout", "1"], &["cat"]);
    for _ in 0..5 {
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut client = BufReader::new(server.send(REQUEST).await);
            read_answer(&mut client).await;
            clients.push(client);
        }
        server.signal(Signal::STOP);
        for client in &mut clients {
            client.write_all(REQUEST.as_bytes()).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        server.signal(Signal::CONT);
        for client in &mut clients {
            read_answer(client).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_came_while_the_service_was_stopped_is_taken() {
    let server = Server::start(&["--body-timeout", "1"], &["cat"]);
    for _ in 0..5 {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(server.begin(4).await);
        }
        server.signal(Signal::STOP);
        for client in &mut clients {
            client.write_all(b"body").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        server.signal(Signal::CONT);
        for client in &mut clients {
            let answer = read_to_close(client).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
}

async fn read_answer(client: &mut BufReader<TcpStream>) {
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"status":"ok"}"#) {
        let read = within(client.read_until(b'}', &mut answer)).await.unwrap();
        assert_ne!(read, 0, "the connection is closed");
    }
}

#[tokio::test]
async fn slow_body_is_not_waited_for() {
    let server = Server::start(&["--body-timeout", "0.3", "--queue", "1"], &["cat"]);
    let mut slow =
        server.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nsl").await;
    let answer = read_to_close(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("urn:levada:problem:body-timeout"), "{answer}");
    assert_eq!(server.post("fast").await.text(), "fast");
}

#[tokio::test]
async fn large_head_is_refused() {
    let server = Server::start(&[], &["cat"]);
    let head = format!(
        "GET /health HTTP/1.1\r\nHost: localhost\r\nLarge: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let mut stream = server.connect().await;
    drop(stream.write_all(head.as_bytes()).await);
    assert!(read_to_close(&mut stream).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = Server::start(&[], &["cat"]);
    for bytes in
        ["\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\r\n\r\n", "hello\r\n\r\n", "\0\0\0\0\r\n\r\n"]
    {
        let mut stream = server.send(bytes).await;
        assert!(read_to_close(&mut stream).await.starts_with("HTTP/1.1 400 "), "{bytes:?}");
    }
    assert_eq!(server.post("still here").await.text(), "still here");
}

#[tokio::test]
async fn bad_lengths_are_refused() {
    let server = Server::start(&[], &["cat"]);
    for length in ["-1", "x", "99999999999999999999999", "1, 2"] {
        let head =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        let mut stream = server.send(&head).await;
        let answer = read_to_close(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{length}: {answer}");
    }
    server.until_progress(&[("queued", 0), ("succeeded", 0)]).await;
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let server = Server::start(&[], &["cat"]);
    let mut requests: String = (0..20)
        .map(|n| format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{n:02}"))
        .collect();
    requests.push_str("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answers = read_to_close(&mut server.send(&requests).await).await;
    let bodies: Vec<_> =
        answers.split("HTTP/1.1 ").skip(1).filter_map(|a| a.split_once("\r\n\r\n")).collect();
    let expected: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    assert_eq!(bodies.iter().take(20).map(|(_, body)| *body).collect::<Vec<_>>(), expected);
    assert_eq!(bodies.len(), 21);
}
