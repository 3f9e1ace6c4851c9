//! What the system lacks for a moment: the jobs wait for it, and none fails.

use std::fs::{File, OpenOptions};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tokio::io::AsyncWriteExt;

use crate::support::{Notes, Server, read_to_close, until, within};

/// Starts a service that writes what it does to the file `log`.
fn start(notes: &Notes, options: &[&str], command: &[&str]) -> Server {
    let log = File::create(notes.path("log")).unwrap();
    Server::start_as(options, command, |levada| {
        levada.env("RUST_LOG", "info").env("NO_COLOR", "1").stderr(log);
    })
}

/// How many lines of the log have this.
fn logged(notes: &Notes, what: &str) -> usize {
    notes.read("log").lines().filter(|line| line.contains(what)).count()
}

const BEGINS: &str = "cannot start commands at the moment";
const ENDS: &str = "commands can be started again";

/// From now on the service can open no file more; or it can again, with the limit that is given
/// back.
fn limit_files(server: &Server, limit: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(server.pid().cast_signed());
    // The hard limit stays: it was inherited from this process.
    let limits = Rlimit { current: limit, ..getrlimit(Resource::Nofile) };
    prlimit(pid, Resource::Nofile, limits).unwrap().current
}

/// A service with two workers whose jobs wait for the file `gate`, and a connection to it.
async fn busy(notes: &Notes, options: &[&str]) -> (Server, Vec<String>) {
    let script = format!("{}; cat", notes.wait_for("gate"));
    let options = [&["--workers", "2"], options].concat();
    let server = start(notes, &options, &["sh", "-c", &script]);
    let mut ids = Vec::new();
    for number in 0..20 {
        // Every other one is in a file.
        let body = number.to_string().repeat(if number % 2 == 0 { 1 } else { 100_000 });
        ids.push(server.submit(body).await);
    }
    server.until_progress(&[("running", 2)]).await;
    (server, ids)
}

#[tokio::test]
async fn descriptors_that_are_used_up_fail_no_job() {
    let notes = Notes::new();
    let (server, ids) = busy(&notes, &["--max-attempts", "1"]).await;
    let limit = limit_files(&server, Some(3));
    notes.write("gate");
    until("the shortage", || logged(&notes, BEGINS) == 1).await;
    for id in &ids[..2] {
        server.until_job(id, "succeeded").await;
    }
    // Those that have a worker are not lost to who does not want them any more.
    server.until_job(&ids[2], "running").await;
    assert_eq!(server.ask("DELETE", &format!("/jobs/{}", ids[2]), &[], "").await.status, 202);
    server.until_job(&ids[2], "cancelled").await;
    server.until_job(&ids[4], "running").await;
    assert_eq!(logged(&notes, ENDS), 0);
    limit_files(&server, limit);
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| *number != 2) {
        let job = server.until_job(id, "succeeded").await;
        assert_eq!(job["attempt"], 1, "{job}");
        let result = server.get(&format!("/jobs/{id}/result")).await;
        assert!(result.text().starts_with(&number.to_string()));
    }
    assert_eq!((logged(&notes, BEGINS), logged(&notes, ENDS)), (1, 1), "{}", notes.read("log"));
}

#[tokio::test]
async fn the_end_does_not_wait_for_the_system() {
    let notes = Notes::new();
    let store = notes.at("store");
    let (mut server, ids) = busy(&notes, &["--store", &store]).await;
    limit_files(&server, Some(3));
    notes.write("gate");
    until("the shortage", || logged(&notes, BEGINS) == 1).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    let server = start(&notes, &["--store", &store], &["cat"]);
    for id in &ids {
        server.until_job(id, "succeeded").await;
    }
}

#[tokio::test]
async fn what_is_only_in_memory_waits_until_the_abort() {
    let notes = Notes::new();
    let (mut server, _) = busy(&notes, &["--store", "memory"]).await;
    // Its connection is accepted before the shortage.
    let mut client = server.begin(2).await;
    client.write_all(b"hi").await.unwrap();
    limit_files(&server, Some(3));
    notes.write("gate");
    until("the shortage", || logged(&notes, BEGINS) == 1).await;
    server.signal(Signal::TERM);
    crate::shutdown::until_refused(&server).await;
    server.signal(Signal::TERM);
    let answer = read_to_close(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(":interrupted"), "{answer}");
    assert_eq!(server.exit().await.code(), Some(143));
}

#[tokio::test]
async fn a_program_that_is_being_written_is_waited_for() {
    for mode in ["process", "lines"] {
        let notes = Notes::new();
        let program = notes.at("program");
        std::fs::copy("/bin/cat", &program).unwrap();
        let options = ["--mode", mode, "--max-attempts", "1", "--timeout", "1"];
        let server = start(&notes, &options, &[&program]);
        let writing = OpenOptions::new().append(true).open(&program).unwrap();
        let client = tokio::spawn(server.request("POST", "/", "deployed\n"));
        until("the shortage", || logged(&notes, BEGINS) == 1).await;
        // Longer than a command may run: it does not run yet.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        drop(writing);
        assert_eq!(within(client).await.unwrap().unwrap().text(), "deployed\n");
        assert_eq!((logged(&notes, BEGINS), logged(&notes, ENDS)), (1, 1));
    }
}

#[tokio::test]
async fn a_program_that_is_away_is_tried_again_as_often_as_a_job_may_run() {
    let notes = Notes::new();
    let (program, away) = (notes.at("program"), notes.at("away"));
    std::fs::copy("/bin/cat", &program).unwrap();
    let config = format!(
        "[queue.default]\ncommand = [{program:?}]\nretry = {{ max_attempts = 500, backoff = 0.02, factor = 1 }}\n"
    );
    let server = Server::configured(&notes, &[], &config);
    std::fs::rename(&program, &away).unwrap();
    let id = server.submit("back").await;
    let retrying = server.until_job(&id, "retrying").await;
    assert_eq!(retrying["outcome"], "not-run", "{retrying}");
    std::fs::rename(&away, &program).unwrap();
    server.until_job(&id, "succeeded").await;
}
