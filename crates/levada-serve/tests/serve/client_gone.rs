//! Clients that leave before they have their answer.

use tokio::io::AsyncReadExt;

use crate::support::{Notes, Server, until_dead, within};

const REQUEST: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";

#[tokio::test]
async fn running_job_is_stopped_with_its_group() {
    let notes = Notes::new();
    let script = format!("sleep 600 & echo $! >> {0}; echo $$ >> {0}; sleep 600", notes.at("pids"));
    let server = Server::script(&["--workers", "1"], &script);
    let client = server.send(REQUEST).await;
    let pids = notes.pids("pids", 2).await;
    drop(client);
    until_dead(&pids).await;
    server.until_progress(&[("running", 0), ("failed", 1)]).await;
}

#[tokio::test]
async fn stubborn_job_is_killed_after_the_grace() {
    let notes = Notes::new();
    let script =
        format!("trap '' TERM; echo $$ > {}; while :; do sleep 600; done", notes.at("pids"));
    let server = Server::script(&["--workers", "1", "--grace", "0.2"], &script);
    let client = server.send(REQUEST).await;
    let pids = notes.pids("pids", 1).await;
    drop(client);
    until_dead(&pids).await;
}

#[tokio::test]
async fn queued_jobs_are_skipped() {
    let notes = Notes::new();
    let script = format!(
        "echo run >> {}; while [ ! -e {} ]; do sleep 0.01; done; cat",
        notes.at("runs"),
        notes.at("gate")
    );
    let options = ["--workers", "1", "--queue", "8", "--max-connections", "8"];
    let server = Server::script(&options, &script);
    let first = tokio::spawn(server.request("POST", "/", "first"));
    server.until_progress(&[("running", 1)]).await;
    let mut leaving = Vec::new();
    for _ in 0..5 {
        leaving.push(server.send(REQUEST).await);
    }
    server.until_progress(&[("queued", 5)]).await;
    let last = tokio::spawn(server.request("POST", "/", "last"));
    server.until_progress(&[("queued", 6)]).await;
    // Both ways of leaving: a clean end, and a reset.
    for (number, client) in leaving.into_iter().enumerate() {
        if number % 2 == 0 {
            socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
    }
    // Besides the two that stay, six more are served only after all who left have been noticed.
    let mut later = Vec::new();
    for _ in 0..6 {
        let mut client = server.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        within(client.read_exact(&mut [0; 12])).await.unwrap();
        later.push(client);
    }
    drop(later);
    notes.write("gate");
    assert_eq!(first.await.unwrap().unwrap().text(), "first");
    assert_eq!(last.await.unwrap().unwrap().text(), "last");
    server.until_progress(&[("skipped", 5), ("done", 2), ("failed", 0)]).await;
    assert_eq!(notes.read("runs"), "run\nrun\n", "a job ran that nobody waited for");
}

#[tokio::test]
async fn half_a_request_is_no_job() {
    let server = Server::start(&["--queue", "1"], &["cat"]);
    for _ in 0..20 {
        drop(
            server
                .send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
                .await,
        );
    }
    server.until_progress(&[("queued", 0), ("done", 0)]).await;
    within(async { while server.post("whole").await.status != 200 {} }).await;
    server.until_progress(&[("done", 1), ("failed", 0), ("skipped", 0)]).await;
}
