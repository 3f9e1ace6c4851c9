//! What is wrong at the start is said, and ends the process.

use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Proxy, Server, request, until};

/// Waits until it ends with this code, having said all of this.
async fn refuses(member: &Member, code: i32, parts: &[&str]) {
    assert_eq!(member.exit().await.code(), Some(code), "{}", member.log());
    let log = member.log();
    for part in parts {
        assert!(log.contains(part), "{part:?} is not in: {log}");
    }
    assert!(!log.contains("listening on"), "{log}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let site = Site::new(&[]);
    let nothing = Proxy::start(1);
    nothing.cut();
    for member in [site.front_end(&nothing.url()), site.worker(&nothing.url())] {
        refuses(&member, 1, &[&nothing.port().to_string()]).await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_named() {
    let server = Server::builder().user("levada", "secret").start().await;
    let site = Site::new(&[]);
    let port = server.port();
    let urls = [server.url(), format!("nats://levada:wrong-one@127.0.0.1:{port}")];
    for url in &urls {
        let member = site.worker(url);
        refuses(&member, 1, &["authorization"]).await;
        assert!(!member.log().contains("wrong-one"), "a password is shown: {}", member.log());
    }
    let right = site.front_end(&format!("nats://levada:secret@127.0.0.1:{port}"));
    right.ready().await;
    assert!(!right.log().contains("secret"), "a password is shown: {}", right.log());
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    let server = Server::builder().without_jetstream().start().await;
    let site = Site::new(&[]);
    for member in [site.front_end(&server.url()), site.worker(&server.url())] {
        refuses(&member, 1, &["JetStream"]).await;
    }
}

#[tokio::test]
async fn a_stream_with_other_settings_is_named_with_what_differs() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let stream = serde_json::json!({
        "name": "levada_queue_default", "subjects": ["mine"], "retention": "limits",
    });
    let subject = "$JS.API.STREAM.CREATE.levada_queue_default";
    request(&server.url(), subject, &stream.to_string()).await.unwrap();
    let front_end = site.front_end(&server.url());
    refuses(&front_end, 1, &["queue \"default\"", "levada_queue_default", "retention"]).await;
}

#[tokio::test]
async fn a_worker_that_contradicts_the_front_ends_says_so_and_takes_no_jobs() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let front_end = site.front_end(&server.url());
    front_end.ready().await;
    let other = site.worker_with_another_capacity(&server.url());
    until("the contradiction", async || {
        let log = other.log();
        let parts = ["contradicts", "queue=\"default\"", "capacity", "1000", "2000"];
        if parts.iter().all(|part| log.contains(part)) { Ok(()) } else { Err(log) }
    })
    .await;
    let id = front_end.submit("one").await;
    let right = site.worker(&server.url());
    assert_eq!(front_end.result(&id).await, "one 1");
    let line = "levada_job_run_seconds_count{queue=\"default\"} 1";
    for (member, has_run) in [(&right, true), (&other, false)] {
        let metrics = member.get("/metrics").await.expect(200).text();
        assert_eq!(metrics.contains(line), has_run, "{metrics}");
    }
}

#[tokio::test]
async fn a_worker_waits_for_a_front_end_and_makes_nothing() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let [early, impatient] = [site.worker(&server.url()), site.worker(&server.url())];
    for worker in [&early, &impatient] {
        until("the wait for a front end", async || {
            let log = worker.log();
            if log.contains("waiting for a front end") { Ok(()) } else { Err(log) }
        })
        .await;
    }
    let streams = request(&server.url(), "$JS.API.STREAM.NAMES", "").await.unwrap();
    assert_eq!(streams["total"], 0, "{streams}");
    impatient.terminate();
    assert!(impatient.exit().await.success());
    let front_end = site.front_end(&server.url());
    let id = front_end.submit("one").await;
    assert_eq!(front_end.result(&id).await, "one 1");
    early.ready().await;
}

#[tokio::test]
async fn three_replicas_need_three_servers() {
    let (server, site) = (Server::start().await, Site::new(&["--durability", "replicated"]));
    refuses(&site.front_end(&server.url()), 1, &["three", "another durability"]).await;
}

#[tokio::test]
async fn a_worker_needs_servers_and_a_command() {
    let (server, site) = (Server::start().await, Site::new(&[]));
    let listen = ["work", "--listen", "127.0.0.1:0"];
    let without_nats = site.levada(&[&listen[..], &["--", "cat"]].concat());
    refuses(&without_nats, 2, &["--nats"]).await;
    let without_command = site.levada(&[&listen[..], &["--nats", &server.url()]].concat());
    refuses(&without_command, 2, &["COMMAND"]).await;
}
