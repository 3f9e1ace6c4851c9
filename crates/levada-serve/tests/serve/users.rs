//! Commands that run as another user, whom the service may not signal.
#![cfg(target_os = "linux")]

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::shutdown::until_refused;
use crate::support::{Notes, Server, alive, until};

/// A user other than that of the service: the unprivileged one.
const OTHER: &str = "65534";

/// Starts a service that may start commands as another user but not signal them: it lacks the
/// capability. Its log is in the notes.
fn start(notes: &Notes, options: &[&str], script: &str) -> Server {
    assert!(geteuid().is_root(), "this test needs a second user: run it as root, as CI does");
    std::fs::set_permissions(notes.path("."), Permissions::from_mode(0o777)).unwrap();
    let log = File::create(notes.path("log")).unwrap();
    Server::start_as(options, &["sh", "-c", script], |levada| {
        let mut confined = Command::new("setpriv");
        confined.args(["--bounding-set", "-kill", "--"]).arg(levada.get_program());
        confined.args(levada.get_args()).env("RUST_LOG", "warn");
        confined.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        *levada = confined;
    })
}

/// Runs as another user until there is a file `gate`, and never heeds SIGTERM. Writes its number.
fn other(notes: &Notes) -> String {
    let body =
        format!("trap \"\" TERM; echo $$ >> {}; {}", notes.at("pids"), notes.wait_for("gate"));
    format!("setpriv --reuid {OTHER} --clear-groups sh -c '{body}'")
}

/// The lines of the log that speak of a process of this number.
fn lines(notes: &Notes, pid: u32) -> Vec<String> {
    let log = notes.read("log");
    let of_process = |line: &&str| line.contains(&format!("process={pid} "));
    log.lines().filter(of_process).map(str::to_owned).collect()
}

#[tokio::test]
async fn worker_waits_for_what_it_cannot_stop() {
    // The command itself; a process beside the command in its group; one in a session of its own.
    for (before, after) in [("exec ", ""), ("", " & wait"), ("setsid ", " & wait")] {
        let notes = Notes::new();
        let script = format!("{before}{}{after}", other(&notes));
        let options = ["--workers", "1", "--timeout", "0.5", "--grace", "0.2"];
        let server = start(&notes, &options, &script);
        let (first, second) = (server.submit("").await, server.submit("").await);
        let pid = notes.pids("pids", 1).await[0];
        until("a word in the log", || !lines(&notes, pid).is_empty()).await;
        let line = &lines(&notes, pid)[0];
        for word in ["WARN", &first, &format!("user={OTHER}"), "another user", "root"] {
            assert!(line.contains(word), "no {word} in {line}");
        }
        // Long after the grace is over, the job runs and the worker is not free.
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        assert!(alive(pid));
        assert_eq!(server.job(&first).await["state"], "running");
        assert_eq!(server.job(&second).await["state"], "queued");
        assert_eq!(lines(&notes, pid).len(), 1, "it is said once");
        notes.write("gate");
        assert_eq!(server.until_job(&first, "failed").await["outcome"], "timed-out");
        server.until_job(&second, "succeeded").await;
    }
}

#[tokio::test]
async fn abort_ends_in_time_and_says_what_is_left() {
    let notes = Notes::new();
    let mut server = start(&notes, &["--timeout", "600"], &other(&notes));
    let job = server.submit("").await;
    let pid = notes.pids("pids", 1).await[0];
    server.signal(Signal::TERM);
    until_refused(&server).await;
    let begun = std::time::Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(143));
    assert!(begun.elapsed() < std::time::Duration::from_secs(15));
    assert!(alive(pid));
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
    let lines = lines(&notes, pid);
    let last = lines.last().unwrap();
    for word in ["ERROR", &job, &format!("user={OTHER}"), "left running"] {
        assert!(last.contains(word), "no {word} in {lines:?}");
    }
}

#[tokio::test]
async fn what_a_command_of_another_user_leaves_in_its_group_is_waited_for() {
    let notes = Notes::new();
    let options = ["--workers", "1", "--grace", "0.2"];
    let script =
        format!("{} </dev/null >/dev/null 2>&1 & {}", other(&notes), notes.wait_for("pids"));
    let server = start(&notes, &options, &script);
    let job = server.submit("").await;
    let pid = notes.pids("pids", 1).await[0];
    until("a word in the log", || !lines(&notes, pid).is_empty()).await;
    assert_eq!(server.job(&job).await["state"], "running");
    notes.write("gate");
    server.until_job(&job, "succeeded").await;
    assert!(!alive(pid));
}
