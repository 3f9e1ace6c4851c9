//! Clients that leave before they have their answer.

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
    server.until_progress(&[("running", 0), ("cancelled", 1)]).await;
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
async fn queued_jobs_are_withdrawn() {
    let notes = Notes::new();
    let script = format!(
        "echo run >> {}; while [ ! -e {} ]; do sleep 0.01; done; cat",
        notes.at("runs"),
        notes.at("gate")
    );
    let options = ["--workers", "1", "--queue", "8"];
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
    // Before a worker is free: they do not even wait any more.
    server.until_progress(&[("queued", 1), ("cancelled", 5)]).await;
    notes.write("gate");
    assert_eq!(first.await.unwrap().unwrap().text(), "first");
    assert_eq!(last.await.unwrap().unwrap().text(), "last");
    server.until_progress(&[("cancelled", 5), ("succeeded", 2), ("failed", 0)]).await;
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
    server.until_progress(&[("queued", 0), ("succeeded", 0)]).await;
    within(async { while server.post("whole").await.status != 200 {} }).await;
    server.until_progress(&[("succeeded", 1), ("failed", 0), ("cancelled", 0)]).await;
}

#[tokio::test]
async fn whoever_may_come_back_finds_the_job_done() {
    let notes = Notes::new();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; cat", notes.at("gate"));
    for (options, header) in
        [(&["--on-disconnect", "finish"][..], "X-None: 0"), (&[][..], "Idempotency-Key: \"k\"")]
    {
        let server = Server::script(options, &script);
        let request = REQUEST.replace("Host:", &format!("{header}\r\nHost:"));
        let client = server.send(&request).await;
        server.until_progress(&[("running", 1)]).await;
        let id = server.get("/jobs").await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
        drop(client);
        // A new connection is served after the end of the old one was seen, or not: either way it
        // goes on.
        server.get("/health").await;
        notes.write("gate");
        server.until_job(&id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "hi");
        std::fs::remove_file(notes.path("gate")).unwrap();
    }
}
