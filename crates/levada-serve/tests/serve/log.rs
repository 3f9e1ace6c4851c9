//! The log on standard error: what is in it, in which form, and that it holds nothing up.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, pipe};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Notes, Server, levada, until, within};

/// Of three queues: jobs that fail for good after two attempts, jobs that cannot be started, and
/// jobs that are fine.
const QUEUES: &str = r#"
[queue.default]
command = ["sh", "-c", 'cat >&2; exit 75']
retry = { max_attempts = 2, backoff = "1ms" }

[queue.killed]
command = ["sh", "-c", 'kill -9 $$']

[queue.slow]
command = ["sleep", "600"]
timeout = "50ms"

[queue.fine]
command = ["cat"]
"#;

/// Runs jobs of all queues, ends, and returns the log. The store is on disk.
async fn logged(notes: &Notes, options: &[&str], change: impl FnOnce(&mut Command)) -> String {
    std::fs::write(notes.path("levada.toml"), QUEUES).unwrap();
    let config = notes.at("levada.toml");
    let options = [&["--config", &config], options].concat();
    let log = File::create(notes.path("log")).unwrap();
    let none: &[&str] = &[];
    let mut server = Server::start_as(&options, none, |levada| {
        levada.env("RUST_LOG", "levada_serve=debug").stderr(log);
        change(levada);
    });
    for (path, status) in [("/", 503), ("/q/killed", 500), ("/q/slow", 504), ("/q/fine", 200)] {
        assert_eq!(server.ask("POST", path, &[], "s3cret").await.status, status, "{path}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    notes.read("log")
}

#[tokio::test]
async fn a_job_that_failed_for_good_is_one_line() {
    let notes = Notes::new();
    let log = logged(&notes, &[], |_| {}).await;
    let failed: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(failed.len(), 3, "{log}");
    for (line, words) in failed.iter().zip([
        ["queue=\"default\" attempts=2 outcome=\"failed\" exit_code=75 ran_ms=", "job=0"],
        ["queue=\"killed\" attempts=1 outcome=\"failed\" signal=9 ran_ms=", "job=0"],
        ["queue=\"slow\" attempts=1 outcome=\"timed-out\" ran_ms=", "job=0"],
    ]) {
        assert!(line.contains("a job failed "), "{line}");
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
    let attempts =
        log.lines().filter(|line| line.contains("DEBUG") && line.contains("an attempt is over"));
    assert_eq!(attempts.count(), 5, "{log}");
    assert!(!log.contains("s3cret") && !log.contains('\x1b'), "{log}");
}

#[tokio::test]
async fn a_job_that_cannot_be_started_is_one_line_too() {
    let notes = Notes::new();
    std::fs::write(notes.path("command"), "#!/bin/sh\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(notes.path("command"), executable).unwrap();
    let log = File::create(notes.path("log")).unwrap();
    let server = Server::start_as(&["--max-attempts", "1"], &[notes.at("command")], |levada| {
        levada.env("RUST_LOG", "warn").stderr(log);
    });
    std::fs::remove_file(notes.path("command")).unwrap();
    server.post("").await.problem(500, "command-not-run");
    until("the line", || notes.read("log").contains("a job failed")).await;
    let log = notes.read("log");
    let line = log.lines().find(|line| line.contains("a job failed")).unwrap();
    assert!(line.contains("outcome=\"not-run\"") && line.contains("No such file"), "{line}");
}

fn objects(log: &str) -> Vec<BTreeMap<String, Value>> {
    let object =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(object).collect()
}

#[tokio::test]
async fn json_is_one_object_a_line() {
    for of_environment in [false, true] {
        let notes = Notes::new();
        let options: &[&str] = if of_environment { &[] } else { &["--log-format", "json"] };
        let log = logged(&notes, options, |levada| {
            if of_environment {
                levada.env("LEVADA_LOG_FORMAT", "json");
            }
        })
        .await;
        let lines = objects(&log);
        let failed: Vec<_> =
            lines.iter().filter(|line| line["message"] == "a job failed").collect();
        assert_eq!(failed.len(), 3, "{log}");
        let first = failed[0];
        assert_eq!(first["level"], "WARN");
        assert!(first["timestamp"].is_string() && first["job"].is_string(), "{first:?}");
        assert_eq!((&first["queue"], &first["attempts"]), (&"default".into(), &2.into()));
        assert_eq!((&first["exit_code"], &first["outcome"]), (&75.into(), &"failed".into()));
        assert!(first["ran_ms"].is_u64() && !first.contains_key("signal"), "{first:?}");
        assert_eq!(failed[1]["signal"], 9);
    }
}

/// Also where the service does not start, and whatever is in a path.
#[test]
fn what_ends_the_program_is_json_too() {
    let odd = "no\"such\n\u{1b}[31m\\file\u{e4}";
    let arguments = ["serve", "--log-format", "json", "--config", odd];
    let output = levada().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let lines = objects(std::str::from_utf8(&output.stderr).unwrap());
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()), "{lines:?}");
    assert!(lines[0]["message"].as_str().unwrap().contains("\u{e4}: cannot "), "{lines:?}");
    // A choice of levels without errors hides no reason for an end.
    let output = levada().args(arguments).env("RUST_LOG", "off").output().unwrap();
    assert!(std::str::from_utf8(&output.stderr).unwrap().starts_with("levada: no\"such"));
}

#[tokio::test]
async fn the_journal_gets_levels_and_no_times() {
    for (format, warning, information) in [
        ("text", "<4> WARN levada_serve::jobs::report: a job failed", "<6> INFO levada_serve::"),
        ("json", "<4>{\"level\":\"WARN\",\"message\":\"a job failed\"", "<6>{\"level\":\"INFO\""),
    ] {
        let notes = Notes::new();
        let at = notes.path("log");
        let log = logged(&notes, &["--log-format", format], |levada| {
            let it = at.metadata().unwrap();
            levada.env("JOURNAL_STREAM", format!("{}:{}", it.dev(), it.ino()));
        })
        .await;
        assert!(log.lines().all(|line| line.starts_with('<')), "{log}");
        assert_eq!(log.matches(warning).count(), 3, "{log}");
        assert!(log.contains(information) && log.contains("<7>"), "{log}");
        assert!(!log.contains("timestamp") && !log.contains("Z  WARN"), "{log}");
    }
    // What the variable names is not this file: it was inherited.
    let notes = Notes::new();
    let log = logged(&notes, &[], |levada| {
        levada.env("JOURNAL_STREAM", "8:12");
    })
    .await;
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
}

/// Each line of an event of several has its level.
#[test]
fn mistakes_are_lines_of_the_journal() {
    let notes = Notes::new();
    let log = File::create(notes.path("log")).unwrap();
    let it = notes.path("log").metadata().unwrap();
    let status = levada()
        .args(["serve", "--config", "/no/such", "--token-file", "/no/such"])
        .env("JOURNAL_STREAM", format!("{}:{}", it.dev(), it.ino()))
        .stderr(log)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    let log = notes.read("log");
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.lines().all(|line| line.starts_with("<3>")), "{log}");
}

#[tokio::test]
async fn colours_are_for_terminals() {
    for (no_color, coloured) in [(None, true), (Some("1"), false)] {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = File::options().write(true).open(name).unwrap();
        let mut server = Server::start_as(&[], &["true"], |levada| {
            levada.env("RUST_LOG", "info").env("TERM", "xterm").stderr(side);
            levada.env_remove("NO_COLOR").env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
            levada.envs(no_color.map(|value| ("NO_COLOR", value)));
        });
        server.signal(Signal::TERM);
        server.exit().await;
        let mut seen = [0; 4096];
        let read = File::from(master).read(&mut seen).unwrap();
        let seen = String::from_utf8_lossy(&seen[..read]);
        assert!(seen.contains("SIGTERM"), "{seen:?}");
        assert_eq!(seen.contains("\x1b["), coloured, "{seen:?}");
    }
}

/// The most that a pipe holds is far less than what is logged here.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_read_holds_nothing_up() {
    let (mut reader, writer) = pipe().unwrap();
    let mut server = Server::start_as(&["--queue", "600"], &["false"], |levada| {
        levada.env("RUST_LOG", "trace").stderr(writer);
    });
    let clients: JoinSet<_> = (0..500).map(|_| server.request("POST", "/", "")).collect();
    for answer in within(clients.join_all()).await {
        answer.unwrap().problem(500, "command-failed");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    let mut log = Vec::new();
    reader.read_to_end(&mut log).unwrap();
    assert!(log.len() > 30_000, "the pipe was full");
}

#[tokio::test]
async fn a_log_whose_reader_has_gone_ends_nothing() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut server = Server::start_as(&[], &["false"], |levada| {
        levada.env("RUST_LOG", "debug").stderr(writer);
    });
    for _ in 0..3 {
        server.post("").await.problem(500, "command-failed");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}
