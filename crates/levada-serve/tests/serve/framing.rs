//! Requests that two readers could understand in two ways, and clients of other times and tastes.

use crate::support::{Notes, Server, read_to_close};

/// The answers to these bytes, up to the end of the connection.
async fn answers(server: &Server, bytes: &str) -> String {
    read_to_close(&mut server.send(bytes).await).await
}

/// A server, and the file in which its command counts its runs.
fn counting(notes: &Notes) -> Server {
    Server::script(&[], &format!("echo run >> {}; cat", notes.at("runs")))
}

#[tokio::test]
async fn a_header_that_says_one_thing_is_not_there_twice() {
    let notes = Notes::new();
    let server = counting(&notes);
    for (name, first, second) in [
        ("Idempotency-Key", "one", "two"),
        ("Idempotency-Key", "one", "one"),
        ("Content-Type", "text/plain", "image/png"),
        ("Authorization", "Bearer a", "Bearer b"),
        ("Host", "localhost", "page.example"),
        ("Origin", "http://localhost", "http://page.example"),
        ("Last-Event-ID", "a-1", "a-2"),
    ] {
        let host = if name == "Host" { "" } else { "Host: localhost\r\n" };
        let request = format!(
            "POST / HTTP/1.1\r\n{host}{name}: {first}\r\nX: y\r\n{name}: {second}\r\n\
             Content-Length: 2\r\nConnection: close\r\n\r\nhi"
        );
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert!(answer.contains("urn:levada:problem:bad-header"), "{name}: {answer}");
        let which = format!("2 \\\"{}\\\" headers", name.to_lowercase());
        assert!(answer.contains(&which), "{name}: {answer}");
    }
    let encoded = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: identity\r\n\
                   Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi";
    assert!(answers(&server, encoded).await.starts_with("HTTP/1.1 415 "));
    assert_eq!(notes.read("runs"), "");
    let metrics = server.get("/metrics").await;
    let count = "\nlevada_rejected_total{queue=\"\",reason=\"bad-header\"} 7\n";
    assert!(metrics.text().contains(count), "{}", metrics.text());
}

#[tokio::test]
async fn one_traceparent_is_handed_on_and_two_are_not() {
    let server = Server::script(&[], "echo \"$TRACEPARENT\"");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let one = server.ask("POST", "/", &[("traceparent", trace)], "").await;
    assert_eq!(one.text(), format!("{trace}\n"));
    let two = server.ask("POST", "/", &[("traceparent", trace), ("traceparent", trace)], "").await;
    assert_eq!(two.text(), "\n");
}

/// Behind what could be read as two requests, nothing is answered.
#[tokio::test]
async fn where_a_request_ends_is_beyond_doubt() {
    let notes = Notes::new();
    let server = counting(&notes);
    let smuggled = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let hi = "2\r\nhi\r\n0\r\n\r\n";
    for (headers, body, status) in [
        ("Transfer-Encoding: chunked, chunked", hi, 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", hi, 400),
        ("Transfer-Encoding: gzip, chunked", hi, 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", hi, 501),
        ("Transfer-Encoding: identity, chunked", hi, 501),
        ("Transfer-Encoding: , chunked", hi, 501),
        ("Transfer-Encoding: \"chunked\", chunked", hi, 501),
        // These are refused by hyper, without a body.
        ("Transfer-Encoding: chunked, gzip", hi, 400),
        ("Transfer-Encoding: identity", hi, 400),
        ("Transfer-Encoding: xchunked", hi, 400),
        ("Transfer-Encoding: chunked;q=1", hi, 400),
        ("Transfer-Encoding:\u{b}chunked", hi, 400),
        ("Transfer-Encoding : chunked", hi, 400),
        ("Content-Length: 2\r\nContent-Length: 3", "hi", 400),
        ("Content-Length: 2, 2", "hi", 400),
        ("Content-Length: +2", "hi", 400),
        ("Content-Length: 0x2", "hi", 400),
        ("Content-Length: 2\r\n folded: 1", "hi", 400),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n{body}{smuggled}");
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{headers:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {answer}");
    }
    assert_eq!(notes.read("runs"), "");

    // RFC 9112, 6.1: the coding counts, and the connection ends.
    for headers in [
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n{hi}{smuggled}");
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhi"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{headers:?}: {answer}");
    }
    // RFC 9110, 8.6: the same length twice is one length.
    let twice = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\
                 Content-Length: 2\r\n\r\nhi";
    assert!(answers(&server, twice).await.ends_with("\r\n\r\nhi"));
}

#[tokio::test]
async fn old_and_odd_clients_are_answered() {
    let server = Server::start(&[], &["cat"]);
    // HTTP/1.0 ends with the connection, unless the client says that it can do otherwise.
    let old = answers(&server, "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi").await;
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n") && old.ends_with("\r\n\r\nhi"), "{old}");
    let kept = "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /health HTTP/1.0\r\n\r\n";
    assert_eq!(answers(&server, kept).await.matches("HTTP/1.0 200 OK").count(), 2);
    let chunked = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(answers(&server, chunked).await.contains(" 400 "));

    // The target may be a whole address, whose host goes before the header.
    for (target, host, status) in [
        ("http://localhost/health", "localhost", 200),
        ("http://127.0.0.1:1/health", "page.example", 200),
        ("http://page.example/health", "localhost", 403),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target} {host}: {answer}");
    }

    for (line, status) in [
        ("HEAD / HTTP/1.1", 200),
        ("HEAD /jobs HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 404),
        ("OPTIONS /jobs HTTP/1.1", 405),
        ("TRACE /health HTTP/1.1", 405),
        ("CONNECT localhost:80 HTTP/1.1", 404),
        ("BREW /health HTTP/1.1", 405),
    ] {
        let request = format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert_eq!(answer.ends_with("\r\n\r\n"), line.starts_with("HEAD"), "{line}: {answer}");
    }

    // A query as long as a head may be is refused as any other bad one, and a longer head by its
    // length.
    for (length, status) in [(60_000, 400), (70_000, 431)] {
        let query = "x".repeat(length);
        let request =
            format!("GET /jobs?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = answers(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {answer:.200}");
    }
    assert_eq!(server.post("still here").await.text(), "still here");
}
