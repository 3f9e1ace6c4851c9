//! What a client prefers: to wait, or not to.

use crate::support::{Answer, Notes, Server};

/// A `202` with everything that belongs to it. The id of the job.
fn accepted(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let state = answer.json();
    let id = state["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("levada-job-id"), id);
    assert_eq!(answer.header("location"), format!("/jobs/{id}"));
    answer.retry_after();
    id
}

#[tokio::test]
async fn who_does_not_want_to_wait_gets_the_state() {
    let notes = Notes::new();
    let script = format!("{}; cat", notes.wait_for("gate"));
    let server = Server::script(&["--workers", "1"], &script);
    let mut ids = Vec::new();
    for prefer in ["respond-async", "Respond-Async; x=1, wait=9", "wait=0", "wait=\"0\""] {
        let answer = server.ask("POST", "/", &[("Prefer", prefer)], "body").await;
        ids.push(accepted(&answer));
        let applied = if prefer.starts_with("wait") { "wait=0" } else { "respond-async" };
        assert_eq!(answer.header("preference-applied"), applied, "{prefer}");
        let state = answer.json();
        assert_eq!((&state["queue"], &state["input_bytes"]), (&"default".into(), &4.into()));
        assert!(["queued", "running"].contains(&state["state"].as_str().unwrap()), "{state}");
    }
    // On disk, and found, before it has run.
    let result = server.get(&format!("/jobs/{}/result", ids[3])).await;
    assert_eq!(accepted(&result), ids[3]);
    notes.write("gate");
    for id in ids {
        server.until_job(&id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "body");
    }
}

#[tokio::test]
async fn who_waits_waits_no_longer_than_wanted_nor_than_the_queue_says() {
    let notes = Notes::new();
    let script = format!("{}; cat", notes.wait_for("gate"));
    for (options, prefer, applied) in [
        (&["--wait", "60"][..], Some("wait=1"), Some("wait=1")),
        (&["--wait", "1"], Some("wait=600"), Some("wait=1")),
        (&["--wait", "0"], Some("wait=600"), Some("wait=0")),
        (&["--wait", "0"], None, None),
        (&["--wait", "0.05"], Some("wait=x, wait=-1, foo"), None),
    ] {
        let server = Server::script(&[options, &["--store", "memory"]].concat(), &script);
        let prefer: Vec<_> = prefer.into_iter().map(|prefer| ("Prefer", prefer)).collect();
        let answer = server.ask("POST", "/", &prefer, "").await;
        accepted(&answer);
        let said = answer.headers.get("preference-applied").map(|said| said.to_str().unwrap());
        assert_eq!(said, applied, "{options:?}");
    }
}

#[tokio::test]
async fn outcome_within_the_wait_is_the_answer() {
    let server = Server::script(&[], "read code; echo done; exit $code");
    let prefer = [("Prefer", "foo, wait=50")];
    let answer = server.ask("POST", "/", &prefer, "0\n").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "done\n"));
    // No longer than the 30 seconds of the queue.
    assert_eq!(answer.header("preference-applied"), "wait=30");
    let answer = server.ask("POST", "/", &prefer, "65\n").await;
    answer.problem(422, "command-failed");
    assert_eq!(answer.header("preference-applied"), "wait=30");
    assert!(!server.post("0\n").await.headers.contains_key("preference-applied"));
}
