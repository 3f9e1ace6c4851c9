//! `levada status`, `result`, `cancel` and `retry`.

use crate::support::{Running, Server, answer, fake, levada, run, until};

#[test]
fn the_newest_jobs() {
    let server = Server::script(&["--workers", "1"], "read -r end; exit \"$end\"");
    server.run(&["status"]).says(0, &["no jobs match"]);
    for end in ["0", "3", "0"] {
        server.run(&["submit", "--data", &format!("{end}\n")]);
    }
    let ran = server.run(&["status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<_> = ran.text().lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert!(lines[0].starts_with("ID ") && lines[2].contains("failed"), "{ran:?}");
    assert!(lines[2].ends_with("exit 3"), "{ran:?}");
    assert!(!ran.text().contains('\x1b'), "{ran:?}");
    let ran = server.run(&["status", "--json", "--state", "succeeded", "--queue", "default"]);
    assert_eq!(ran.json().len(), 2);
    assert!(ran.json()[0]["created_at"].as_str() > ran.json()[1]["created_at"].as_str());
    assert_eq!(server.run(&["status", "--json", "--limit", "2"]).json().len(), 2);
    let ran = server.run(&["status", "--state", "lost"]);
    ran.says(2, &["queued", "cancelled"]);
}

#[test]
fn more_jobs_than_a_page_has() {
    let server = Server::script(&["--queue", "300", "--workers", "1"], "sleep 600");
    let files: Vec<_> = (0..205).map(|n| format!("f{n}")).collect();
    for file in &files {
        std::fs::write(server.file(file), "").unwrap();
    }
    let args = ["submit", "--no-wait", "--parallel", "4"].map(str::to_owned);
    let ran = server.run(&[&args[..], &files].concat());
    assert_eq!(ran.text().lines().count(), 205, "{}", ran.err);
    let ran = server.run(&["status", "--json", "--limit", "203"]);
    let mut ids: Vec<_> = ran.json().iter().map(|job| job["id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 203);
}

#[test]
fn a_page_without_jobs_is_not_the_last() {
    let url = fake(|head| {
        let page = if head.contains("before=b") {
            r#"{"jobs":[{"id":"found","state":"failed"}]}"#
        } else if head.contains("before=a") {
            r#"{"jobs":[],"next":"/jobs?before=b"}"#
        } else {
            r#"{"jobs":[],"next":"/jobs?before=a"}"#
        };
        answer("200 OK", "application/json", page)
    });
    let ran = run(levada().args(["status", "--state", "failed", "--server", &url]), b"");
    assert!(ran.code == 0 && ran.text().contains("found"), "{ran:?}");
}

#[test]
fn one_job_and_some() {
    let server = Server::script(&[], "echo trouble >&2; exit 9");
    server.run(&["submit", "--data", "x", "--type", "text/plain"]);
    server.run(&["submit"]);
    let ids: Vec<String> = server
        .run(&["status", "--json"])
        .json()
        .iter()
        .map(|job| job["id"].as_str().unwrap().to_owned())
        .collect();
    let ran = server.run(&["status", &ids[1]]);
    for part in [&*ids[1], "failed", "exit code 9", "1 B, text/plain", "  trouble"] {
        assert!(ran.text().contains(part), "{part:?} is not in {ran:?}");
    }
    let ran = server.run(&["status", &ids[0], "nonsense", &ids[1]]);
    ran.says(66, &["\"nonsense\"", "levada status"]);
    assert_eq!(ran.text().lines().count(), 3, "{ran:?}");
    let ran = server.run(&["status", "--json", &ids[0], "../queues", &ids[1]]);
    assert_eq!((ran.code, ran.json().len(), ran.err.as_str()), (66, 3, ""));
    assert_eq!(ran.json()[1]["type"], "urn:levada:problem:no-job");
}

#[test]
fn watching_a_job() {
    let script = format!("{} echo '::progress 40 half' >&2; gate open", Server::GATE);
    let server = Server::script(&[], &script);
    let id = server.give("");
    until("progress", || server.state(&id)["progress"]["percent"] == 40);
    let watching = Running::start(&mut server.levada(&["status", "--watch", &id]), b"");
    let json = Running::start(&mut server.levada(&["status", "--watch", "--json", &id]), b"");
    let two = Running::start(&mut server.levada(&["status", "--watch", &id, &id]), b"");
    server.open("open");
    let ran = watching.end();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let last = ran.text().lines().last().unwrap();
    assert!(last.starts_with(&id) && last.contains("succeeded"), "{ran:?}");
    assert_eq!(json.end().json().last().unwrap()["state"], "succeeded");
    let ran = two.end();
    assert!(ran.text().starts_with("ID ") && ran.text().contains("succeeded"), "{ran:?}");
}

#[test]
fn results() {
    let script =
        format!("{} gate open; read -r end; echo out; echo err >&2; exit $end", Server::GATE);
    let server = Server::script(&[], &script);
    let (good, bad) = (server.give("0\n"), server.give("6\n"));
    let ran = server.run(&["result", &good]);
    ran.says(75, &["has not ended", "levada result"]);
    let ran = server.run(&["result", &good, "--json", "--wait", "10ms"]);
    assert_eq!((ran.code, ran.err.as_str()), (75, ""));
    assert_eq!(ran.json()[0]["id"], good);
    let waiting = Running::start(&mut server.levada(&["result", &good, "--wait", "1min"]), b"");
    server.open("open");
    let ran = waiting.end();
    assert_eq!((ran.code, ran.text()), (0, "out\n"));
    server.run(&["result", &bad, "--wait", "1min"]).says(6, &["err\n", "exit code 6"]);
    let ran = server.run(&["result", &bad, "--stderr"]);
    assert_eq!((ran.code, ran.text()), (0, "err\n"));
    assert_eq!(server.run(&["result", &good, "-o", "out"]).text(), "");
    assert_eq!(std::fs::read(server.file("out")).unwrap(), b"out\n");
    server.run(&["result", "nonsense"]).says(66, &["nonsense"]);
    server.run(&["result", &bad, "-o", "kept"]).says(6, &[]);
    assert!(!server.file("kept").exists());
}

#[test]
fn cancelling() {
    let server = Server::script(&["--workers", "1"], "sleep 600");
    let (runs, waits) = (server.give("1"), server.give("2"));
    server.until_state(&runs, "running");
    let ran = server.run(&["cancel", &waits, &runs]);
    assert_eq!(ran.text(), format!("{waits} cancelled\n{runs} is being stopped\n"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    server.until_state(&runs, "cancelled");
    let ran = server.run(&["cancel", &waits, "nonsense"]);
    ran.says(1, &["The job has ended", "levada status", "nonsense"]);
    server.run(&["result", &waits]).says(130, &["cancelled", "levada retry"]);
    let ran = server.run(&["cancel", "--json", &waits]);
    assert_eq!(
        (ran.code, ran.json()[0]["type"].as_str().unwrap()),
        (1, "urn:levada:problem:already-ended")
    );
    server.run(&["cancel"]).says(2, &["ID"]);
}

#[test]
fn running_again() {
    let server = Server::script(&[], "test -e mended || exit 1; echo fine");
    for input in ["1", "2", "3"] {
        server.run(&["submit", "--data", input]).says(1, &[]);
    }
    let id = server.run(&["status", "--json", "--limit", "1"]).json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    server.open("mended");
    let ran = server.run(&["retry", &id]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.text().starts_with(&id), "{ran:?}");
    assert_eq!(server.run(&["result", &id, "--wait", "1min"]).text(), "fine\n");
    let ran = server.run(&["retry", "--queue", "default", "--all-failed"]);
    assert_eq!((ran.code, ran.text()), (0, "2 jobs run again, 0 left\n"));
    until("all to succeed", || {
        server.run(&["status", "--json", "--state", "succeeded"]).json().len() == 3
    });
    let ran = server.run(&["retry", "--all-failed", "--json"]);
    assert_eq!(ran.json(), [serde_json::json!({ "retried": 0, "left": 0 })]);
    server.run(&["retry", &id]).says(1, &["cannot be run again"]);
    server.run(&["retry"]).says(2, &["ID"]);
    server
        .run(&["retry", "--all-failed", "--queue", "nowhere"])
        .says(66, &["nowhere", "levada queues"]);
}
