//! `GET /jobs/{id}`: each member when it applies, and changes as soon as they happen.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{Answer, LONG, Notes, Server, sh, within};

/// The names of the members, sorted.
fn members(state: &Value) -> Vec<&str> {
    let mut names: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn with(more: &[&'static str]) -> Vec<&'static str> {
    let always = [
        "attempt",
        "created_at",
        "id",
        "input_bytes",
        "max_attempts",
        "queue",
        "revision",
        "state",
    ];
    let mut names = [&always[..], more].concat();
    names.sort_unstable();
    names
}

fn time(state: &Value, name: &str) -> SystemTime {
    let text = state[name].as_str().unwrap_or_else(|| panic!("no {name} in {state}"));
    assert_eq!(text.len(), "2026-11-28T04:03:53.120Z".len(), "{text}");
    humantime::parse_rfc3339(text).unwrap()
}

#[tokio::test]
async fn members_are_there_when_they_apply() {
    let notes = Notes::new();
    let script = format!(
        "echo hint >&2; echo ::progress 40 half way >&2; {}; \
         echo '::progress nearly there' >&2; {}; cat",
        notes.wait_for("first"),
        notes.wait_for("second")
    );
    let server = Server::script(&["--workers", "1", "--content-type", "text/x"], &script);
    let typed = [("Prefer", "respond-async"), ("Content-Type", "text/plain")];
    let first =
        server.ask("POST", "/", &typed, "body").await.json()["id"].as_str().unwrap().to_owned();
    server.until_job(&first, "running").await;
    let ids = [server.submit("").await, server.submit("").await];
    for (position, id) in ids.iter().enumerate() {
        let queued = server.job(id).await;
        assert_eq!(members(&queued), with(&["position"]), "{queued}");
        assert_eq!(queued["position"], position);
        assert_eq!((&queued["attempt"], &queued["revision"]), (&0.into(), &1.into()));
    }

    let running =
        until_member(&server, &first, "progress", json!({"percent": 40, "message": "half way"}))
            .await;
    assert_eq!(members(&running), with(&["input_type", "progress", "started_at"]), "{running}");
    assert_eq!((&running["attempt"], &running["input_bytes"]), (&1.into(), &4.into()));
    assert_eq!(running["input_type"], "text/plain");
    assert!(time(&running, "started_at") >= time(&running, "created_at"));
    assert!(time(&running, "started_at").elapsed().unwrap_or_default() < LONG);
    notes.write("first");
    let later = until_member(&server, &first, "progress", json!({"message": "nearly there"})).await;
    assert!(later["revision"].as_u64() > running["revision"].as_u64());

    notes.write("second");
    let ended = server.until_job(&first, "succeeded").await;
    let expected = with(&[
        "input_type",
        "started_at",
        "finished_at",
        "expires_at",
        "outcome",
        "exit_code",
        "output_bytes",
        "output_type",
    ]);
    assert_eq!(members(&ended), expected, "{ended}");
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&"succeeded".into(), &0.into()));
    assert_eq!((&ended["output_bytes"], &ended["output_type"]), (&4.into(), &"text/x".into()));
    assert!(ended["revision"].as_u64() > later["revision"].as_u64());
    assert!(time(&ended, "finished_at") >= time(&ended, "started_at"));
    let kept = time(&ended, "expires_at").duration_since(time(&ended, "finished_at")).unwrap();
    assert_eq!(kept, Duration::from_secs(7 * 24 * 60 * 60));
    // What it said of its progress is not what it said.
    assert_eq!(server.get(&format!("/jobs/{first}/stderr")).await.text(), "hint\n");
}

/// Waits until a member of a job's state has this value.
async fn until_member(server: &Server, id: &str, name: &str, value: Value) -> Value {
    within(async {
        loop {
            let job = server.job(id).await;
            if job[name] == value {
                return job;
            }
        }
    })
    .await
}

#[tokio::test]
async fn endings_are_told_apart() {
    let notes = Notes::new();
    let script = "read how; echo said >&2; case $how in \
         exit) exit 7;; signal) kill -9 $$;; long) sleep 60;; much) yes;; again) exit 75;; esac";
    let config = format!(
        "[retention]\nfailed = \"1days\"\n[queue.default]\n{}\ntimeout = 0.3\ngrace = 0.2\n\
         max_output = 1000\nretry = {{ max_attempts = 2, backoff = \"1h\", max_backoff = \"1days\", jitter = 0 }}\n",
        sh(script)
    );
    let server = Server::configured(&notes, &[], &config);
    let ended = ["started_at", "finished_at", "expires_at", "outcome", "stderr_tail"];
    for (how, outcome, own) in [
        ("exit", "failed", Some(("exit_code", 7))),
        ("signal", "failed", Some(("signal", 9))),
        ("long", "timed-out", None),
        ("much", "output-too-large", None),
    ] {
        let id = server.submit(format!("{how}\n")).await;
        let job = server.until_job(&id, "failed").await;
        let own_name = own.map(|(name, _)| name);
        assert_eq!(members(&job), with(&[&ended[..], own_name.as_slice()].concat()), "{how}");
        assert_eq!(job["outcome"], outcome);
        assert_eq!(job["stderr_tail"], "said\n", "{how}");
        if let Some((name, value)) = own {
            assert_eq!(job[name], value);
        }
        let kept = time(&job, "expires_at").duration_since(time(&job, "finished_at")).unwrap();
        assert_eq!(kept, Duration::from_secs(24 * 60 * 60));
    }
    let id = server.submit("again\n").await;
    let job = server.until_job(&id, "retrying").await;
    let expected =
        with(&["started_at", "finished_at", "retry_at", "outcome", "exit_code", "stderr_tail"]);
    assert_eq!(members(&job), expected);
    assert_eq!((&job["outcome"], &job["exit_code"]), (&"failed".into(), &75.into()));
    assert_eq!((&job["attempt"], &job["max_attempts"]), (&1.into(), &2.into()));
    let pause = time(&job, "retry_at").duration_since(time(&job, "finished_at")).unwrap();
    assert!(pause <= Duration::from_secs(3600) && pause > Duration::from_secs(3590));
    server.ask("DELETE", &format!("/jobs/{id}"), &[], "").await;
    let job = server.until_job(&id, "cancelled").await;
    assert_eq!(job["outcome"], "cancelled");
    assert_eq!(job.get("retry_at"), None);
    // Its last run was over long before.
    assert_eq!(job.get("started_at"), None);
    let kept = time(&job, "expires_at").duration_since(time(&job, "finished_at")).unwrap();
    assert_eq!(kept, Duration::from_secs(24 * 60 * 60), "as long as one that failed");
}

/// Asks for a state, with the state that is known and for so many seconds.
async fn poll(server: &Server, id: &str, known: Option<&str>, wait: Option<&str>) -> Answer {
    let known = known.map(|tag| ("If-None-Match", tag));
    let wait = wait.map(|wait| ("Prefer", wait));
    let headers: Vec<_> = known.into_iter().chain(wait).collect();
    server.ask("GET", &format!("/jobs/{id}"), &headers, "").await
}

#[tokio::test]
async fn changes_are_told_as_soon_as_they_happen() {
    let notes = Notes::new();
    let script = format!(
        "{}; echo ::progress 1 >&2; {}; cat",
        notes.wait_for("first"),
        notes.wait_for("second")
    );
    let server = Server::script(&["--workers", "1"], &script);
    let id = server.submit("").await;
    server.until_job(&id, "running").await;
    let tag = poll(&server, &id, None, None).await.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");

    let same = poll(&server, &id, Some(&tag), None).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    assert_eq!(same.header("etag"), tag);
    assert_eq!(poll(&server, &id, Some("\"other\""), None).await.status, 200);
    let same = poll(&server, &id, Some(&tag), Some("wait=1")).await;
    assert_eq!(same.status, 304, "nothing changed");
    assert_eq!(same.header("preference-applied"), "wait=1");
    // Without a known state it is the end that is waited for.
    let still = poll(&server, &id, None, Some("wait=1")).await;
    assert_eq!((still.status.as_u16(), &still.json()["state"]), (200, &"running".into()));

    // Each of these waits longer than the test may take, so it is the change that ends it.
    let wait = [("If-None-Match", tag.as_str()), ("Prefer", "wait=600")];
    let change = tokio::spawn(server.request_with("GET", &format!("/jobs/{id}"), &wait, ""));
    let end = tokio::spawn(server.request_with("GET", &format!("/jobs/{id}"), &wait[1..], ""));
    let result =
        tokio::spawn(server.request_with("GET", &format!("/jobs/{id}/result"), &wait[1..], ""));
    notes.write("first");
    let changed = within(change).await.unwrap().unwrap();
    assert_eq!(changed.status, 200);
    assert_eq!(changed.header("preference-applied"), "wait=60", "no longer than a minute");
    assert_eq!(
        (&changed.json()["state"], &changed.json()["progress"]["percent"]),
        (&"running".into(), &1.into())
    );
    let tag = changed.header("etag").to_owned();
    assert!(!end.is_finished() && !result.is_finished(), "the job has not ended");

    let wait = [("If-None-Match", tag.as_str()), ("Prefer", "wait=600")];
    let change = tokio::spawn(server.request_with("GET", &format!("/jobs/{id}"), &wait, ""));
    notes.write("second");
    for answer in [change, end] {
        let answer = within(answer).await.unwrap().unwrap();
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &"succeeded".into()));
    }
    assert_eq!(within(result).await.unwrap().unwrap().status, 200);
    // There is nothing to wait for any more.
    let tag = poll(&server, &id, None, Some("wait=600")).await.header("etag").to_owned();
    assert_eq!(poll(&server, &id, Some(&tag), Some("wait=600")).await.status, 304);
}

#[tokio::test]
async fn place_in_line_moves_up() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1"], &notes.wait_for("gate"));
    let first = server.submit("").await;
    server.until_job(&first, "running").await;
    let ids = [server.submit("").await, server.submit("").await, server.submit("").await];
    assert_eq!(server.job(&ids[2]).await["position"], 2);
    server.ask("DELETE", &format!("/jobs/{}", ids[0]), &[], "").await;
    assert_eq!(server.job(&ids[1]).await["position"], 0);
    assert_eq!(server.job(&ids[2]).await["position"], 1);
    notes.write("gate");
    let last = server.until_job(&ids[2], "succeeded").await;
    assert_eq!(last.get("position"), None);
}
