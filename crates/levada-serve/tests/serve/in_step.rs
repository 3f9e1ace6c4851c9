//! Commands that stay and write more, or earlier, or later than they should: no client gets what
//! belongs to another.

use std::fs::File;
use std::process::Stdio;

use crate::reload::rewrite;
use crate::support::{Answer, Notes, Server, sh, until};

/// One process, so that whatever it writes too much would be the next client's.
const ONE: [&str; 4] = ["--mode", "lines", "--workers", "1"];

/// What the client A gets, that sends a secret.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gets {
    Its,
    OutOfStep,
    Either,
}

fn command(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn python(script: &str) -> Vec<String> {
    ["python3", "-c", script].map(str::to_owned).to_vec()
}

/// Whether the answer is the client's own, which begins like this; if not, it says nothing of what
/// the command wrote.
fn is_own(answer: &Answer, beginning: &str) -> bool {
    if answer.status != 200 {
        let problem = answer.problem(500, "command-out-of-step");
        assert!(!problem.to_string().contains("secret"), "{problem}");
        return false;
    }
    assert!(answer.text().starts_with(beginning), "{answer:?} is not of {beginning:?}");
    true
}

/// A's job runs before one of B's, again and again: B gets B's answer, and A what is said here.
async fn b_gets_its_own(command: &[String], of_a: &str, a_gets: Gets, b_gets: Gets) {
    let server = Server::start(&ONE, command);
    for round in 0..8 {
        let a = format!("secret{round}{of_a}");
        let id = server.submit(a.clone()).await;
        // As soon as A's is over, when it is in line already, and when it is not.
        let b = if round % 2 == 0 {
            server.post("b").await
        } else {
            server.until_ended(&id).await;
            server.post("b").await
        };
        let a = server.get(&format!("/jobs/{id}/result")).await;
        for (gets, answer, own) in [(a_gets, a, "secret"), (b_gets, b, "b\n")] {
            let is_own = is_own(&answer, own);
            assert!(gets == Gets::Either || (gets == Gets::Its) == is_own, "{gets:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn two_lines_at_once() {
    let script = r#"while read -r line; do case $line in
        secret*) printf '%s\n%s\n' "$line" "$line";; *) echo "$line";; esac; done"#;
    b_gets_its_own(&command(script), "", Gets::OutOfStep, Gets::Its).await;
}

/// As `jq -c .` with the body `1 2`.
#[tokio::test]
async fn a_line_for_each_value() {
    let script = r#"while read -r line; do for value in $line; do echo "$value"; done; done"#;
    b_gets_its_own(&command(script), " secret2", Gets::Either, Gets::Its).await;
}

#[tokio::test]
async fn a_second_line_that_takes_its_time() {
    let script = r#"while read -r line; do echo "$line"; case $line in
        secret*) sleep 0.1; echo "late $line";; esac; done"#;
    b_gets_its_own(&command(script), "", Gets::Its, Gets::Its).await;
}

#[tokio::test]
async fn a_partial_line_behind_an_answer() {
    let script = r#"while read -r line; do case $line in
        secret*) printf '%s\nmore of %s' "$line" "$line";; *) echo "$line";; esac; done"#;
    b_gets_its_own(&command(script), "", Gets::OutOfStep, Gets::Its).await;
    let script = r#"echo a >&2; while read -r line; do echo "$line"; case $line in
        secret*) sleep 0.1; printf 'more of %s' "$line";; esac; done"#;
    b_gets_its_own(&command(script), "", Gets::Its, Gets::Its).await;
}

#[tokio::test]
async fn a_greeting() {
    // The work takes longer than the greeting: its answer would be the next client's.
    let script = r#"echo hello; while read -r line; do sleep 0.05; echo "$line"; done"#;
    b_gets_its_own(&command(script), "", Gets::OutOfStep, Gets::OutOfStep).await;
    b_gets_its_own(&command("yes"), "", Gets::OutOfStep, Gets::OutOfStep).await;
}

#[tokio::test]
async fn a_reader_that_ends_lines_at_a_carriage_return() {
    let reader = r#"
import os
line = b""
while byte := os.read(0, 1):
    if byte in b"\r\n":
        os.write(1, line + b"\n")
        line = b""
    else:
        line += byte
"#;
    b_gets_its_own(&python(reader), "\r\n", Gets::Either, Gets::Its).await;
    let universal = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)";
    b_gets_its_own(&python(universal), "\r\n", Gets::Its, Gets::Its).await;
    let server = Server::start(&ONE, &python(universal));
    for several in ["a\rb", "a\rb\n", "\ra", "a\r\r\n", "a\nb", "a\n\n"] {
        server.post(several).await.problem(422, "not-one-line");
    }
}

#[tokio::test]
async fn a_line_that_comes_while_no_job_is_asked() {
    let notes = Notes::new();
    let script = format!(
        r#"while read -r line; do echo "$line"; case $line in secret*)
            {{ {}; echo "late $line"; echo >> {}; }} & ;; esac; done"#,
        notes.wait_for("gate"),
        notes.at("late"),
    );
    let log = notes.path("log");
    let server = Server::start_as(&ONE, &command(&script), |levada| {
        let log = File::create(&log).unwrap();
        levada.env("RUST_LOG", "warn").stderr(Stdio::from(log));
    });
    assert_eq!(server.post("secret").await.text(), "secret\n");
    notes.write("gate");
    until("the late line", || notes.read("late") == "\n").await;
    let b = server.post("b").await;
    assert_eq!(b.text(), "b\n");
    // The job with which it was noticed, and how much there was; not what.
    let log = notes.read("log");
    assert_eq!(log.matches("out of step").count(), 1, "{log}");
    assert!(log.contains(b.header("levada-job-id")) && log.contains("12 bytes"), "{log}");
    assert!(log.contains("WARN") && !log.contains("late"), "{log}");
}

#[tokio::test]
async fn what_is_said_after_an_answer_is_not_the_next_clients() {
    let script = r#"echo start >&2; while read -r line; do
        echo "on $line" >&2; echo "$line"; sleep 0.05; echo "::progress 7 after $line" >&2; echo "after $line" >&2; done"#;
    let server = Server::start(&ONE, &command(script));
    let stderr = |id: String| {
        let server = &server;
        async move { server.get(&format!("/jobs/{id}/stderr")).await.text().to_owned() }
    };
    let first = server.post("secret").await.header("levada-job-id").to_owned();
    let second = server.post("b").await.header("levada-job-id").to_owned();
    assert_eq!(stderr(first).await, "start\non secret\n");
    assert_eq!(stderr(second).await, "on b\n");
}

#[tokio::test]
async fn several_lines_from_before_a_new_configuration_are_not_given_to_a_command_that_takes_one() {
    let notes = Notes::new();
    let config = |script: &str, mode: &str, capacity: u8| {
        let command = sh(script);
        format!(
            "[queue.default]\n{command}\nmode = \"{mode}\"\nworkers = 1\ncapacity = {capacity}\n"
        )
    };
    let server = Server::configured(&notes, &[], &config(&notes.wait_for("gate"), "process", 8));
    let running = server.submit("first").await;
    server.until_job(&running, "running").await;
    let several = server.submit("secret\nsecret").await;
    let b = server.submit("b").await;
    rewrite(&notes, &config(r#"while read -r line; do echo "$line"; done"#, "lines", 9));
    server.until_queue("default", "capacity", 9).await;
    notes.write("gate");
    server.until_job(&b, "succeeded").await;
    assert_eq!(server.get(&format!("/jobs/{b}/result")).await.text(), "b\n");
    let answer = server.get(&format!("/jobs/{several}/result")).await;
    let problem = answer.problem(500, "command-not-run");
    assert!(problem["detail"].as_str().unwrap().contains("several lines"), "{problem}");
}

#[tokio::test]
async fn filters_that_do_not_wait_for_the_end_of_a_line() {
    for filter in [&["cat"][..], &["stdbuf", "-o0", "tr", "a-z", "a-z"], &["sed", "-u", ""]] {
        let server = Server::start(&ONE, filter);
        let long = "x".repeat(300 * 1024);
        for line in ["", "a", "ab", "secret", &long, "a\r", "b", "", "c", &long] {
            let answer = server.post(line.to_owned()).await;
            assert_eq!(answer.status, 200, "{filter:?}: {answer:?}");
            assert!(
                answer.text() == format!("{line}\n"),
                "{filter:?}: {} bytes",
                answer.body.len()
            );
        }
        assert_eq!(server.progress().await["failed"], 0);
    }
}
