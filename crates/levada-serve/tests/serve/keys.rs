//! `Idempotency-Key`: the same request again is the same job.

use tokio::task::JoinSet;

use crate::support::{Answer, Notes, Server, sh, within};

async fn post(
    server: &Server,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let headers = [&[("Idempotency-Key", key)], headers].concat();
    server.ask("POST", path, &headers, body.to_owned()).await
}

fn id(answer: &Answer) -> String {
    answer.header("levada-job-id").to_owned()
}

/// Two queues whose runs are counted.
fn config(notes: &Notes) -> String {
    let script = sh(&format!("echo run >> {}; cat", notes.at("runs")));
    format!("[queue.default]\n{script}\n[queue.other]\n{script}\nrequire_key = true\n")
}

#[tokio::test]
async fn same_request_is_the_same_job_also_in_another_process() {
    let notes = Notes::new();
    let store = notes.at("store");
    let server = Server::configured(&notes, &["--store", &store], &config(&notes));
    let first = post(&server, "/", "\"key\"", &[], "body").await;
    assert_eq!((first.status.as_u16(), first.text()), (200, "body"));
    for same in ["\"key\"", "key"] {
        let again = post(&server, "/", same, &[], "body").await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{same}");
        assert_eq!(id(&again), id(&first));
        assert_eq!(again.header("content-location"), first.header("content-location"));
    }
    let answer = post(&server, "/q/default", "key", &[("Prefer", "respond-async")], "body").await;
    assert_eq!((answer.status.as_u16(), id(&answer)), (200, id(&first)), "it has ended already");
    assert!(!answer.headers.contains_key("preference-applied"));

    let other = post(&server, "/", "key", &[], "another").await;
    assert_eq!(other.problem(422, "idempotency-key-reused")["job_id"], id(&first));
    // With the escapes of a structured field, and as it is.
    let quotes = post(&server, "/", r#""a\"\\b""#, &[], "body").await;
    assert_eq!(id(&post(&server, "/", r#"a"\b"#, &[], "body").await), id(&quotes));
    let typed = post(&server, "/", "key", &[("Content-Type", "text/x")], "body").await;
    typed.problem(422, "idempotency-key-reused");
    let other = post(&server, "/q/other", "key", &[], "body").await;
    assert_ne!(id(&other), id(&first), "of another queue");
    assert_ne!(id(&post(&server, "/", "Key", &[], "body").await), id(&first));
    assert_eq!(notes.read("runs").lines().count(), 4);
    drop(server);

    let server = Server::configured(&notes, &["--store", &store], &config(&notes));
    let again = post(&server, "/", "key", &[], "body").await;
    assert_eq!((again.status.as_u16(), again.text(), id(&again)), (200, "body", id(&first)));
    post(&server, "/", "key", &[], "another").await.problem(422, "idempotency-key-reused");
    assert_eq!(notes.read("runs").lines().count(), 4);
}

#[tokio::test]
async fn failure_is_repeated_and_not_the_run() {
    let notes = Notes::new();
    let server = Server::script(&[], &format!("echo run >> {}; exit 65", notes.at("runs")));
    let first = post(&server, "/", "key", &[], "").await;
    first.problem(422, "command-failed");
    let again = post(&server, "/", "key", &[], "").await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(notes.read("runs").lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one_run() {
    let notes = Notes::new();
    let script = format!("echo run >> {}; {}; cat", notes.at("runs"), notes.wait_for("gate"));
    let server = Server::script(&[], &script);
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        let key = [("Idempotency-Key", "\"key\"")];
        clients.spawn(server.request_with("POST", "/", &key, "body"));
    }
    server.until_progress(&[("running", 1), ("queued", 0)]).await;
    notes.write("gate");
    let answers: Vec<Answer> =
        within(clients.join_all()).await.into_iter().map(Result::unwrap).collect();
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "body"));
        assert_eq!(id(answer), id(&answers[0]));
    }
    assert_eq!(notes.read("runs"), "run\n");
    server.until_progress(&[("succeeded", 1), ("cancelled", 0), ("rejected", 0)]).await;
}

#[tokio::test]
async fn bad_and_missing_keys_are_refused() {
    let notes = Notes::new();
    let server = Server::configured(&notes, &[], &config(&notes));
    let long = "k".repeat(256);
    let quoted = format!("\"{long}\"");
    let bare = [r#""a"b""#, r#""a\b""#, r#""a\""#, r#""a"#];
    for bad in
        [&["", "\"", "\"\"", "a b", "\"a\tb\"", "\u{e4}", &long, &quoted][..], &bare].concat()
    {
        let problem = post(&server, "/", bad, &[], "").await.problem(400, "bad-header");
        assert!(problem["detail"].as_str().unwrap().contains("Idempotency-Key"), "{problem}");
    }
    let missing = server.ask("POST", "/q/other", &[], "").await;
    missing.problem(400, "idempotency-key-missing");
    assert_eq!(notes.read("runs"), "", "nothing ran");
    let escaped = format!("\"{}\"", "\\\"".repeat(255));
    for good in ["k", &long[1..], &format!("\"{}\"", &long[1..]), &escaped] {
        assert_eq!(post(&server, "/q/other", good, &[], "").await.status, 200, "{good}");
    }
}

#[tokio::test]
async fn keys_of_clients_are_their_own() {
    use std::os::unix::fs::PermissionsExt;
    let notes = Notes::new();
    let tokens = notes.path("tokens");
    std::fs::write(&tokens, "alice 0123456789abcdefA\nbob 0123456789abcdefB\n").unwrap();
    std::fs::set_permissions(&tokens, PermissionsExt::from_mode(0o600)).unwrap();
    let server = Server::start(&["--token-file", &notes.at("tokens")], &["cat"]);
    let mut ids = Vec::new();
    for (token, body) in [("A", "a"), ("B", "b")] {
        let token = format!("Bearer 0123456789abcdef{token}");
        let answer = post(&server, "/", "key", &[("Authorization", &token)], body).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, body));
        ids.push(id(&answer));
    }
    assert_ne!(ids[0], ids[1]);
}
