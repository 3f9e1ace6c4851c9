//! How many unfinished jobs a client may have.

use crate::support::{Answer, Notes, Server, sh};

async fn post(server: &Server, token: &str, body: &str) -> Answer {
    let token = format!("Bearer 0123456789abcdef-{token}");
    let headers = [("Authorization", &*token), ("Prefer", "respond-async")];
    server.ask("POST", "/", &headers, body.to_owned()).await
}

#[tokio::test]
async fn each_client_has_its_own_and_gets_it_back() {
    use std::os::unix::fs::PermissionsExt;
    let notes = Notes::new();
    // Alice has two tokens; those without a name are one client.
    let names = ["alice a", "alice b", "bob c", "d", "e"];
    let tokens: String = names
        .map(|line| {
            let (name, token) = line.split_once(' ').unwrap_or(("", line));
            format!("{name} 0123456789abcdef-{token}\n")
        })
        .concat();
    std::fs::write(notes.path("tokens"), tokens).unwrap();
    std::fs::set_permissions(notes.path("tokens"), PermissionsExt::from_mode(0o600)).unwrap();
    let script = format!(
        "read how; {}; [ $how = fail ] && exit 1; [ $how = again ] && exit 75; exit 0",
        notes.wait_for("gate")
    );
    let config = format!(
        "quota = 2\n[queue.default]\n{}\nretry = {{ max_attempts = 2, backoff = \"1h\", max_backoff = \"1days\" }}\n",
        sh(&script)
    );
    let server = Server::configured(&notes, &["--token-file", &notes.at("tokens")], &config);
    assert_eq!(post(&server, "a", "fail\n").await.status, 202);
    let again = post(&server, "b", "again\n").await;
    assert_eq!(again.status, 202);
    for token in ["a", "b"] {
        let refused = post(&server, token, "").await;
        refused.problem(429, "quota-exceeded");
        refused.retry_after();
    }
    let waiting = post(&server, "c", "\n").await;
    assert_eq!(
        (waiting.status.as_u16(), post(&server, "c", "\n").await.status.as_u16()),
        (202, 202)
    );
    post(&server, "c", "").await.problem(429, "quota-exceeded");
    assert_eq!(post(&server, "d", "\n").await.status, 202);
    assert_eq!(post(&server, "e", "\n").await.status, 202);
    post(&server, "d", "").await.problem(429, "quota-exceeded");

    notes.write("gate");
    let bearer = [("Authorization", "Bearer 0123456789abcdef-a")];
    let queue = async || server.ask("GET", "/q/default", &bearer, "").await.json();
    crate::support::within(async {
        loop {
            let queue = queue().await;
            if (&queue["failed"], &queue["retrying"], &queue["succeeded"])
                == (&1.into(), &1.into(), &4.into())
            {
                return;
            }
        }
    })
    .await;
    assert_eq!(queue().await["rejected"], 4);
    // What waits for another attempt is not finished.
    assert_eq!(post(&server, "a", "\n").await.status, 202);
    crate::support::within(async { while queue().await["succeeded"] != 5 {} }).await;
    let id = again.header("levada-job-id");
    server.ask("DELETE", &format!("/jobs/{id}"), &bearer, "").await;
    std::fs::remove_file(notes.path("gate")).unwrap();
    for status in [202, 202, 429] {
        assert_eq!(post(&server, "b", "\n").await.status, status);
    }
    notes.write("gate");
}

#[tokio::test]
async fn quota_of_one_address_is_given_back_by_refused_requests() {
    let server = Server::start(&["--quota", "1", "--max-body", "2"], &["cat"]);
    for _ in 0..3 {
        server.post("123").await.problem(413, "body-too-large");
        assert_eq!(server.post("12").await.text(), "12");
    }
    let waiting = server.begin(2).await;
    server.post("12").await.problem(429, "quota-exceeded");
    drop(waiting);
    crate::support::within(async { while server.post("12").await.status != 200 {} }).await;
}

#[tokio::test]
async fn jobs_of_before_a_restart_count() {
    let notes = Notes::new();
    let config = format!("quota = 2\n[queue.default]\n{}\nworkers = 1\n", sh("sleep 600"));
    let store = notes.at("store");
    let mut server = Server::configured(&notes, &["--store", &store], &config);
    for _ in 0..2 {
        server.submit("").await;
    }
    server.ask("POST", "/", &[], "").await.problem(429, "quota-exceeded");
    server.signal(rustix::process::Signal::KILL);
    server.exit().await;
    let server = Server::configured(&notes, &["--store", &store], &config);
    server.ask("POST", "/", &[], "").await.problem(429, "quota-exceeded");
}
