//! Commands that stay: a line in, a line out.

use std::collections::BTreeSet;

use crate::reload::rewrite;
use crate::sse::Events;
use crate::support::{Notes, Server, alive, sh, until, until_dead};

const LINES: [&str; 2] = ["--mode", "lines"];

/// Answers each line with its process id and the line.
const ECHO: &str = r#"while read -r line; do echo "$$ $line"; done"#;

#[tokio::test]
async fn a_process_does_job_after_job() {
    let server = Server::script(&[&LINES[..], &["--workers", "2"]].concat(), ECHO);
    let mut pids = BTreeSet::new();
    for number in 0..50 {
        // With the end of the line, and without.
        let end = if number % 2 == 0 { "\n" } else { "" };
        let answer = server.post(format!("line {number}{end}")).await;
        let (pid, rest) = answer.text().split_once(' ').unwrap();
        assert_eq!(rest, format!("line {number}\n"));
        pids.insert(pid.to_owned());
    }
    assert_eq!(pids.len(), 1, "one client at a time keeps one process busy");
    server.post("").await.text().strip_suffix(" \n").expect("an empty line is a line");
    server.post("two\nlines").await.problem(422, "not-one-line");
}

#[tokio::test]
async fn a_process_is_told_of_its_queue_and_no_job() {
    let script = r#"while read -r name; do eval "echo \"\${$name-none}\""; done"#;
    let command = ["sh", "-c", script];
    let server = Server::start_as(&LINES, &command, |levada| {
        levada.env("LEVADA_JOB_ID", "stale").env("TRACEPARENT", "stale").env("MINE", "mine");
    });
    for (name, value) in [
        ("MINE", "mine"),
        ("LEVADA_QUEUE", "default"),
        ("LEVADA_JOB_ID", "none"),
        ("TRACEPARENT", "none"),
    ] {
        assert_eq!(server.post(name).await.text(), format!("{value}\n"), "{name}");
    }
}

#[tokio::test]
async fn processes_are_as_many_as_workers_and_end_with_the_service() {
    let notes = Notes::new();
    let script = format!(
        "echo $$ >> {}; while read -r line; do sleep 0.05; echo \"$line\"; done; echo end >> {}",
        notes.at("pids"),
        notes.at("ends"),
    );
    let mut server = Server::script(&[&LINES[..], &["--workers", "3"]].concat(), &script);
    let clients: tokio::task::JoinSet<_> =
        (0..30).map(|number| server.request("POST", "/", number.to_string())).collect();
    for answer in clients.join_all().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    let pids = notes.pids("pids", 3).await;
    assert_eq!(pids.len(), 3);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    assert_eq!(notes.read("ends"), "end\n".repeat(3), "each was told of the end of its input");
    until_dead(&pids).await;
}

#[tokio::test]
async fn a_process_that_ends_fails_its_job_only() {
    let script = r#"while read -r line; do
        case $line in
            exit*) echo "leaving" >&2; exit ${line#exit };;
            kill) kill -9 $$;;
            deaf) exec <&-;;
        esac
        echo "$line"
    done"#;
    let server = Server::script(&[&LINES[..], &["--max-attempts", "1"]].concat(), script);
    for (line, status) in [("exit 65", 422), ("exit 75", 503), ("exit 1", 500), ("kill", 500)] {
        assert_eq!(server.post("before").await.text(), "before\n");
        let problem = server.post(line).await.problem(status, "command-failed");
        if let Some(code) = line.strip_prefix("exit ") {
            assert_eq!(problem["exit_code"].to_string(), code);
            assert_eq!(problem["stderr_tail"], "leaving\n");
        } else {
            assert_eq!(problem["signal"], 9);
        }
    }
    let problem = server.post("exit 0").await.problem(500, "command-not-run");
    assert!(problem["detail"].as_str().unwrap().contains("without an answer"), "{problem}");
    // It answers, and then ends in peace: the next job is not the one that finds out.
    assert_eq!(server.post("deaf").await.text(), "deaf\n");
    assert_eq!(server.post("after").await.text(), "after\n");
}

#[tokio::test]
async fn what_stops_a_job_stops_its_process() {
    let notes = Notes::new();
    let script = format!(
        "while read -r line; do
            case $line in hang) echo $$ >> {}; sleep 600;; flood) yes | tr -d '\\n';; esac
            echo \"$line\"
        done",
        notes.at("pids")
    );
    let options = ["--timeout", "0.3", "--grace", "0.2", "--max-output", "64KiB"];
    let server = Server::script(&[&LINES[..], &options].concat(), &script);
    server.post("hang").await.problem(504, "timeout");
    server.post("flood").await.problem(500, "output-too-large");
    assert_eq!(server.post("fine").await.text(), "fine\n");
    until_dead(&notes.pids("pids", 1).await).await;
}

#[tokio::test]
async fn what_it_says_on_the_way_belongs_to_the_job() {
    let script = r#"while read -r line; do
        echo "::progress 40 $line" >&2; echo "about $line" >&2; echo "$line"
    done"#;
    let server = Server::script(&LINES, script);
    let id = server.submit("good").await;
    let job = server.until_job(&id, "succeeded").await;
    assert_eq!(job.get("stderr_tail"), None);
    assert_eq!(job["progress"], serde_json::Value::Null, "a job that ended has none");
}

#[tokio::test]
async fn second_signal_does_not_wait_for_a_process_that_stays() {
    let notes = Notes::new();
    let script = format!(
        "trap '' TERM; while read -r line; do echo $$ >> {}; while :; do sleep 600; done; done",
        notes.at("pids")
    );
    // While it runs, and while it is being stopped.
    for timeout in ["600", "0.1"] {
        let options = ["--timeout", timeout, "--grace", "600", "--wait", "600"];
        let mut server = Server::script(&[&LINES[..], &options].concat(), &script);
        let client = tokio::spawn(server.request("POST", "/", "line"));
        let pids = notes.pids("pids", 1).await;
        server.signal(rustix::process::Signal::TERM);
        crate::shutdown::until_refused(&server).await;
        server.signal(rustix::process::Signal::TERM);
        let status = client.await.unwrap().unwrap().status.as_u16();
        // Which of the two came first, the time or the signal, is open in the second round.
        assert!([503, 504].contains(&status), "{status}");
        assert_eq!(server.exit().await.code(), Some(143));
        until_dead(&pids).await;
        std::fs::remove_file(notes.path("pids")).unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_output_as_any_other() {
    let notes = Notes::new();
    let script = format!("while read -r line; do {}; echo \"$line\"; done", notes.wait_for("gate"));
    let server = Server::script(&LINES, &script);
    let id = server.submit("told").await;
    server.until_job(&id, "running").await;
    let path = format!("/jobs/{id}/events");
    let mut events = Events::open_at(server.connect().await, &path, None).await;
    assert_eq!(events.next().await.unwrap().name, "state");
    notes.write("gate");
    let output = events.next().await.unwrap();
    assert_eq!((output.name.as_str(), &output.data["text"]), ("output", &"told\n".into()));
    assert_eq!(output.data["stream"], "stdout");
    assert_eq!(events.next().await.unwrap().name, "finished");
}

#[tokio::test]
async fn processes_that_a_new_configuration_does_not_need_end() {
    let notes = Notes::new();
    let script = format!(
        "echo $$ >> {}; while read -r line; do {}; echo \"$line\"; done",
        notes.at("pids"),
        notes.wait_for("gate"),
    );
    let config = |workers: usize, mode: &str| {
        let queue = |name| {
            format!("[queue.{name}]\n{}\nmode = \"{mode}\"\nworkers = {workers}\n", sh(&script))
        };
        queue("a") + if workers == 3 { queue("b") } else { String::new() }.as_str()
    };
    let server = Server::configured(&notes, &[], &config(3, "lines"));
    let jobs: tokio::task::JoinSet<_> = (0..6)
        .map(|number| {
            let path = if number % 2 == 0 { "/q/a" } else { "/q/b" };
            server.request("POST", path, number.to_string())
        })
        .collect();
    let pids = notes.pids("pids", 6).await;
    notes.write("gate");
    assert!(jobs.join_all().await.into_iter().all(|answer| answer.unwrap().status == 200));

    rewrite(&notes, &config(1, "lines"));
    until("one of six is left", || pids.iter().filter(|pid| alive(**pid)).count() == 1).await;
    assert_eq!(server.ask("POST", "/q/a", &[], "still").await.text(), "still\n");
    rewrite(&notes, &config(1, "process"));
    until_dead(&pids).await;
}
