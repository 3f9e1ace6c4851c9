//! More work than workers: refused at once, or answered; never lost.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::support::{Notes, Server, read_to_close, within};

/// Waits for the gate, then copies.
fn gated(notes: &Notes) -> String {
    format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"))
}

#[tokio::test]
async fn full_queue_refuses_and_keeps_what_it_has() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1", "--queue", "2"], &gated(&notes));
    let mut accepted = JoinSet::new();
    accepted.spawn(server.request("POST", "/", "kept"));
    server.until_progress(&[("running", 1)]).await;
    for _ in 0..2 {
        accepted.spawn(server.request("POST", "/", "kept"));
    }
    server.until_progress(&[("running", 1), ("queued", 2)]).await;
    for refused in 1..=20 {
        let answer = server.post("refused").await;
        answer.problem(503, "queue-full");
        // Before a run was measured one is taken to last a second: 3 s and a quarter at most.
        assert!((3..=4).contains(&answer.retry_after()));
        server.until_progress(&[("rejected", refused)]).await;
    }
    notes.write("gate");
    for answer in accepted.join_all().await {
        assert_eq!(answer.unwrap().text(), "kept");
    }
    server.until_progress(&[("succeeded", 3), ("rejected", 20), ("queued", 0)]).await;
}

#[tokio::test]
async fn full_is_said_before_the_body_is_read() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1", "--queue", "1"], &gated(&notes));
    let mut accepted = JoinSet::new();
    accepted.spawn(server.request("POST", "/", ""));
    server.until_progress(&[("running", 1)]).await;
    accepted.spawn(server.request("POST", "/", ""));
    server.until_progress(&[("queued", 1)]).await;

    // A client that asks first is not told to send its body.
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";
    let mut asking = server.send(&format!("{head}Expect: 100-continue\r\n\r\n")).await;
    assert!(read_to_close(&mut asking).await.starts_with("HTTP/1.1 503 "));

    // One that sends a large body without reading meanwhile gets the answer all the same.
    let body = vec![b'x'; 4 << 20];
    let head =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut sending = server.send(&head).await;
    // The server hangs up at some time, but not before it has taken what was on its way.
    drop(sending.write_all(&body).await);
    let mut answer = vec![0; 12];
    within(sending.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 503");

    notes.write("gate");
    assert!(accepted.join_all().await.into_iter().all(|answer| answer.unwrap().status == 200));
}

#[tokio::test]
async fn place_is_taken_while_the_body_is_read_and_given_back() {
    let server = Server::start(&["--queue", "1"], &["cat"]);
    let mut first = server.begin(4).await;
    server.post("refused").await.problem(503, "queue-full");
    first.write_all(b"slow").await.unwrap();
    assert!(read_to_close(&mut first).await.ends_with("slow"));
    assert_eq!(server.post("free").await.text(), "free");

    let second = server.begin(4).await;
    server.post("refused").await.problem(503, "queue-full");
    drop(second);
    within(async { while server.post("free").await.status != 200 {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_is_answered_one_by_one() {
    let server = Server::start(&["--workers", "2", "--queue", "4"], &["cat"]);
    let mut clients = JoinSet::new();
    for number in 0..600 {
        let request = server.request("POST", "/", format!("body {number}"));
        clients.spawn(async move { (number, request.await.unwrap()) });
    }
    let (mut done, mut refused) = (0, 0);
    for (number, answer) in clients.join_all().await {
        if answer.status == 200 {
            assert_eq!(answer.text(), format!("body {number}"));
            done += 1;
        } else {
            answer.problem(503, "queue-full");
            answer.retry_after();
            refused += 1;
        }
    }
    assert!(done >= 4 && refused > 0, "{done} done, {refused} refused");
    server
        .until_progress(&[
            ("succeeded", done),
            ("rejected", refused),
            ("failed", 0),
            ("cancelled", 0),
        ])
        .await;
}

#[tokio::test]
async fn wait_is_bounded_and_the_job_goes_on() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1", "--wait", "0.2"], &gated(&notes));
    for (body, state) in [("first", "running"), ("second", "queued")] {
        let answer = server.post(body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.retry_after();
        assert_eq!(answer.json()["state"], state);
        let id = answer.header("levada-job-id");
        assert_eq!(answer.header("location"), format!("/jobs/{id}"));
    }
    notes.write("gate");
    for job in server.get("/jobs").await.json()["jobs"].as_array().unwrap() {
        let id = job["id"].as_str().unwrap();
        server.until_job(id, "succeeded").await;
        let text = server.get(&format!("/jobs/{id}/result")).await.text().to_owned();
        assert!(["first", "second"].contains(&text.as_str()));
    }
}

#[tokio::test]
async fn retry_after_follows_the_measured_runs() {
    let notes = Notes::new();
    let script = format!("[ -e {} ] || exec sleep 0.01; {}", notes.at("block"), gated(&notes));
    let server = Server::script(&["--workers", "1", "--queue", "1"], &script);
    for _ in 0..20 {
        assert_eq!(server.post("").await.status, 200);
    }
    notes.write("block");
    let mut blocked = JoinSet::new();
    blocked.spawn(server.request("POST", "/", ""));
    server.until_progress(&[("running", 1)]).await;
    blocked.spawn(server.request("POST", "/", ""));
    server.until_progress(&[("queued", 1)]).await;
    // Two jobs of some 10 ms each: the least there is, and its jitter.
    assert!((1..=2).contains(&server.post("").await.retry_after()));
    notes.write("gate");
    blocked.join_all().await;
}
