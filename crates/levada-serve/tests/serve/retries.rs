//! Jobs that are run again: by themselves, and at the request of a client.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::sse::Events;
use crate::support::{Notes, Server, sh, until, within};

/// A configuration of one queue in which jobs wait 30, 60, 60, ... milliseconds between their
/// attempts.
fn config(script: &str, max_attempts: u32, more: &str) -> String {
    format!(
        "[queue.default]\n{}\n{more}\n[queue.default.retry]\nmax_attempts = {max_attempts}\n\
         backoff = 0.03\nmax_backoff = 0.06\njitter = 0\n",
        sh(script)
    )
}

/// Moments at which attempts began are written to `runs`, with their number.
fn counted(notes: &Notes) -> String {
    format!("echo $LEVADA_ATTEMPT $(date +%s%N) >> {}", notes.at("runs"))
}

#[tokio::test]
async fn attempts_follow_each_other_until_one_succeeds() {
    let notes = Notes::new();
    let script = format!("{}; [ $LEVADA_ATTEMPT -ge 4 ] || exit 75; cat", counted(&notes));
    let server = Server::configured(&notes, &[], &config(&script, 5, ""));
    let mut events = Events::open(server.connect().await).await;
    events.next().await.unwrap();
    let answer = server.post("body").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "body"),
        "every attempt gets the input"
    );
    let id = answer.header("levada-job-id");
    let job = server.job(id).await;
    assert_eq!((&job["attempt"], &job["max_attempts"]), (&4.into(), &5.into()));
    assert_eq!((&job["outcome"], &job["exit_code"]), (&"succeeded".into(), &0.into()));

    let mut expected = vec![("accepted", json!(null), json!(null))];
    for (attempt, pause) in [(1, 30), (2, 60), (3, 60)] {
        expected.push(("started", json!(attempt), json!(null)));
        expected.push(("retrying", json!(attempt), json!(pause)));
    }
    expected.push(("started", json!(4), json!(null)));
    expected.push(("finished", json!(4), json!(null)));
    for (name, attempt, pause) in expected {
        let event = events.of_jobs().await.unwrap();
        assert_eq!(event.name, name);
        assert_eq!(event.data["job"], id);
        assert_eq!(event.data["attempt"], attempt);
        // What is left of it when its beginning is on disk.
        let (left, pause) = (event.data["retry_in_ms"].as_u64(), pause.as_u64());
        assert!(left.is_some() == pause.is_some() && left <= pause, "{event:?}");
        if name == "retrying" {
            assert_eq!(
                (&event.data["outcome"], &event.data["exit_code"]),
                (&"failed".into(), &75.into())
            );
        }
    }
    let runs = notes.read("runs");
    let runs: Vec<(u64, u64)> = runs
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(attempt, at)| (attempt.parse().unwrap(), at.parse().unwrap()))
        .collect();
    assert_eq!(runs.iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let pauses: Vec<_> =
        runs.windows(2).map(|two| Duration::from_nanos(two[1].1 - two[0].1)).collect();
    for (pause, least) in pauses.iter().zip([30, 60, 60]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
    server.until_progress(&[("succeeded", 1), ("failed", 0), ("retrying", 0)]).await;
}

#[tokio::test]
async fn attempts_have_an_end() {
    let notes = Notes::new();
    let script = format!("{}; echo no $LEVADA_ATTEMPT >&2; exit 69", counted(&notes));
    let server = Server::configured(&notes, &[], &config(&script, 3, ""));
    let answer = server.post("").await;
    let problem = answer.problem(503, "command-failed");
    answer.retry_after();
    assert_eq!((&problem["attempt"], &problem["exit_code"]), (&3.into(), &69.into()));
    assert_eq!(problem["stderr_tail"], "no 3\n", "of the last attempt");
    assert_eq!(notes.read("runs").lines().count(), 3);
    server.until_progress(&[("failed", 1), ("kept_failed", 1), ("retrying", 0)]).await;
}

#[tokio::test]
async fn exit_codes_can_say_something_else() {
    let notes = Notes::new();
    let script = format!("read code; {}; echo $code; exit $code", counted(&notes));
    let codes = "exit_codes = { 1 = \"done\", 2 = 418, 3 = \"retry\", 75 = 404 }";
    let server = Server::configured(&notes, &[], &config(&script, 2, codes));
    let answer = server.post("1\n").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "1\n"));
    assert_eq!(server.job(answer.header("levada-job-id")).await["exit_code"], 1);
    for (code, status, attempts) in
        [(2, 418, 1), (3, 503, 2), (75, 404, 1), (65, 422, 1), (4, 500, 1)]
    {
        let problem = server.post(format!("{code}\n")).await.problem(status, "command-failed");
        assert_eq!((&problem["attempt"], &problem["exit_code"]), (&attempts.into(), &code.into()));
    }
    assert_eq!(notes.read("runs").lines().count(), 7);
}

#[tokio::test]
async fn time_that_is_over_is_a_reason_only_if_it_is_said() {
    let notes = Notes::new();
    let script = format!("{}; [ $LEVADA_ATTEMPT -ge 2 ] || sleep 60; cat", counted(&notes));
    let more = "timeout = 0.2\ngrace = 0.1";
    let server = Server::configured(&notes, &[], &config(&script, 2, more));
    assert_eq!(server.post("").await.problem(504, "timeout")["attempt"], 1);
    drop(server);
    let config = config(&script, 2, more) + "on_timeout = true\n";
    let server = Server::configured(&notes, &[], &config);
    let answer = server.post("body").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "body"));
    assert_eq!(server.job(answer.header("levada-job-id")).await["attempt"], 2);
}

#[tokio::test]
async fn second_attempt_shows_nothing_of_the_first() {
    let notes = Notes::new();
    let script = format!(
        "[ $LEVADA_ATTEMPT = 1 ] && echo ::progress 90 >&2 && echo why >&2 && exit 75; {}",
        notes.wait_for("gate")
    );
    let server = Server::configured(&notes, &[], &config(&script, 2, ""));
    let id = server.submit("").await;
    let second = within(async {
        loop {
            let job = server.job(&id).await;
            if job["attempt"] == 2 {
                return job;
            }
        }
    })
    .await;
    assert_eq!(second["state"], "running");
    for name in ["progress", "outcome", "exit_code", "stderr_tail", "retry_at", "finished_at"] {
        assert_eq!(second.get(name), None, "{second}");
    }
    notes.write("gate");
    server.until_job(&id, "succeeded").await;
}

#[tokio::test]
async fn failed_and_cancelled_jobs_run_again_when_asked() {
    let notes = Notes::new();
    let script = format!(
        "{}; [ -e {} ] && exec cat; [ -e {} ] && exec sleep 60; exit 1",
        counted(&notes),
        notes.at("better"),
        notes.at("slow")
    );
    let server = Server::script(&[], &script);
    let id = server.post("body").await.header("levada-job-id").to_owned();
    let path = format!("/jobs/{id}/retry");
    let before = server.job(&id).await;
    assert_eq!(before["state"], "failed");
    server.until_progress(&[("kept_failed", 1)]).await;

    notes.write("slow");
    let answer = server.ask("POST", &path, &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (202, &*format!("/jobs/{id}")));
    answer.retry_after();
    let again = answer.json();
    assert_eq!(again["id"], id);
    assert!(again["revision"].as_u64() > before["revision"].as_u64());
    server.until_job(&id, "running").await;
    server.ask("POST", &path, &[], "").await.problem(409, "not-retryable");
    server.until_progress(&[("kept_failed", 0)]).await;
    until("the second run", || notes.read("runs").lines().count() == 2).await;
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
    server.until_job(&id, "cancelled").await;

    notes.write("better");
    assert_eq!(server.ask("POST", &path, &[], "").await.status, 202);
    let job = server.until_job(&id, "succeeded").await;
    assert_eq!((&job["attempt"], &job["created_at"]), (&3.into(), &before["created_at"]));
    for name in ["stderr_tail", "signal"] {
        assert_eq!(job.get(name), None, "{job}");
    }
    assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "body");
    server.ask("POST", &path, &[], "").await.problem(409, "not-retryable");
    assert_eq!(notes.read("runs").lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_jobs_run_again_however_many_there_are() {
    const MANY: usize = 500;
    let notes = Notes::new();
    let script = format!(
        "[ -e {} ] || exit 1; echo $LEVADA_JOB_ID >> {}",
        notes.at("better"),
        notes.at("again")
    );
    let options = ["--workers", "1", "--queue", "1000", "--store", "memory"];
    let server = Server::script(&options, &script);
    let mut clients = JoinSet::new();
    for _ in 0..MANY {
        clients.spawn(server.request_with("POST", "/", &[("Prefer", "respond-async")], ""));
    }
    let mut ids: Vec<String> = Vec::new();
    for answer in within(clients.join_all()).await {
        ids.push(answer.unwrap().header("levada-job-id").to_owned());
    }
    ids.sort_unstable();
    server.until_progress(&[("kept_failed", MANY as u64)]).await;
    notes.write("better");
    let answer = server.ask("POST", "/q/default/retry", &[], "").await;
    assert_eq!(answer.json(), json!({"retried": MANY, "left": 0}));
    server.until_progress(&[("succeeded", MANY as u64)]).await;
    let again = notes.read("again");
    assert!(again.lines().eq(&ids), "the oldest come first");
}

#[tokio::test]
async fn failed_jobs_of_a_queue_run_again_as_far_as_there_is_room() {
    let notes = Notes::new();
    let script =
        format!("[ -e {} ] || exit 1; {}; cat", notes.at("better"), notes.wait_for("gate"));
    let server = Server::script(&["--workers", "1", "--queue", "2"], &script);
    let mut ids = Vec::new();
    for number in 0..4 {
        let failed = server.post(number.to_string()).await;
        ids.push(failed.problem(500, "command-failed")["job_id"].as_str().unwrap().to_owned());
    }
    server.until_progress(&[("kept_failed", 4)]).await;
    notes.write("better");
    let blocking = server.submit("").await;
    server.until_job(&blocking, "running").await;
    let retry = async || server.ask("POST", "/q/default/retry", &[], "").await;
    let answer = retry().await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"retried": 2, "left": 2})));
    server.until_progress(&[("kept_failed", 2), ("queued", 2)]).await;
    assert_eq!(server.job(&ids[0]).await["state"], "queued", "the oldest come first");
    // There is no room for any.
    let full = retry().await;
    full.problem(503, "queue-full");
    full.retry_after();
    let one = server.ask("POST", &format!("/jobs/{}/retry", ids[3]), &[], "").await;
    one.problem(503, "queue-full");
    notes.write("gate");
    for id in &ids[..2] {
        server.until_job(id, "succeeded").await;
    }
    assert_eq!(retry().await.json(), json!({"retried": 2, "left": 0}));
    for (number, id) in ids.iter().enumerate() {
        server.until_job(id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), number.to_string());
    }
    assert_eq!(retry().await.json(), json!({"retried": 0, "left": 0}));
    server.ask("POST", "/q/none/retry", &[], "").await.problem(404, "no-queue");
}

#[tokio::test]
async fn a_job_that_is_run_again_begins_anew() {
    let notes = Notes::new();
    let config = format!(
        "[queue.default]\n{}\nworkers = 1\n\
         retry = {{ max_attempts = 3, backoff = 0.05, max_backoff = \"1h\", factor = 100, jitter = 0 }}\n",
        sh(&format!(
            "read how; [ $how = gate ] && {{ {}; exit 0; }}; exit 75",
            notes.wait_for("gate")
        ))
    );
    let server = Server::configured(&notes, &[], &config);
    let mut events = Events::open(server.connect().await).await;
    let id = server.submit("again\n").await;
    let mut pauses = Vec::new();
    let retrying = async |events: &mut Events| loop {
        let event = events.of_jobs().await.unwrap();
        if event.name == "retrying" {
            return event.data["retry_in_ms"].as_u64().unwrap();
        }
    };
    pauses.push(retrying(&mut events).await);
    pauses.push(retrying(&mut events).await);
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
    let gated = server.submit("gate\n").await;
    server.until_job(&gated, "running").await;

    let retry = server.ask("POST", &format!("/jobs/{id}/retry"), &[], "").await;
    assert_eq!(retry.status, 202);
    assert_eq!(retry.json().get("started_at"), None, "not in this life");
    notes.write("gate");
    pauses.push(retrying(&mut events).await);
    assert!(pauses[0] <= 50 && pauses[1] > 50 && pauses[2] <= 50, "{pauses:?}");
}
