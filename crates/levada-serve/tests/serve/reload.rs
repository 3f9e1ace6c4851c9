//! The configuration can change while the service runs.

use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{LONG, Notes, Server, sh, until, within};

/// A server whose log goes to the file `log`.
fn logged(notes: &Notes, config: &str) -> Server {
    std::fs::write(notes.path("levada.toml"), config).unwrap();
    let log = std::fs::File::create(notes.path("log")).unwrap();
    let none: &[&str] = &[];
    Server::start_as(&["--config", &notes.at("levada.toml")], none, |levada| {
        levada.env("RUST_LOG", "info").stderr(Stdio::from(log));
    })
}

/// Another file in the place of the configuration, as editors do it.
pub(crate) fn rewrite(notes: &Notes, config: &str) {
    std::fs::write(notes.path("new.toml"), config).unwrap();
    std::fs::rename(notes.path("new.toml"), notes.path("levada.toml")).unwrap();
}

#[tokio::test]
async fn workers_places_and_commands_change() {
    let notes = Notes::new();
    let config = |workers: u8, capacity: u8, word: &str| {
        let script = sh(&format!(
            "echo run >> {}; {}; echo {word}",
            notes.at("runs"),
            notes.wait_for("gate")
        ));
        format!("[queue.default]\n{script}\nworkers = {workers}\ncapacity = {capacity}\n")
    };
    let server = logged(&notes, &config(1, 2, "old"));
    let first = server.submit("").await;
    server.until_job(&first, "running").await;
    let mut ids = vec![server.submit("").await, server.submit("").await];
    server.post("").await.problem(503, "queue-full");

    // More workers take what waits, and there is room for more.
    rewrite(&notes, &config(3, 4, "new"));
    server.until_progress(&[("workers", 3), ("capacity", 4), ("running", 3), ("queued", 0)]).await;
    for _ in 0..4 {
        ids.push(server.submit("").await);
    }
    server.post("").await.problem(503, "queue-full");

    // Fewer: running and waiting jobs stay, and new ones are refused until there is room again.
    rewrite(&notes, &config(1, 1, "newest"));
    server.until_progress(&[("workers", 1), ("capacity", 1), ("running", 3), ("queued", 4)]).await;
    server.post("").await.problem(503, "queue-full");
    notes.write("gate");
    let result = async |id: &str| {
        server.until_job(id, "succeeded").await;
        server.get(&format!("/jobs/{id}/result")).await.text().to_owned()
    };
    assert_eq!(result(&first).await, "old\n", "what runs is not changed");
    for (number, id) in ids.iter().enumerate() {
        let word = if number < 2 { "new\n" } else { "newest\n" };
        assert_eq!(result(id).await, word);
    }
    assert_eq!(notes.read("runs").lines().count(), 7);
    std::fs::remove_file(notes.path("gate")).unwrap();
    let last = [server.submit("").await];
    server.until_job(&last[0], "running").await;
    server.submit("").await;
    server.until_progress(&[("running", 1), ("queued", 1)]).await;
    notes.write("gate");
    server.until_progress(&[("succeeded", 9), ("running", 0), ("queued", 0)]).await;
}

#[tokio::test]
async fn queues_come_go_and_come_back() {
    let notes = Notes::new();
    let gated = sh(&format!("{}; cat", notes.wait_for("gate")));
    let a = "[queue.a]\ncommand = [\"cat\"]\n";
    let b = format!("[queue.b]\n{gated}\nworkers = 1\n");
    let server = logged(&notes, a);
    server.get("/q/b").await.problem(404, "no-queue");
    rewrite(&notes, &format!("{a}{b}"));
    within(async { while server.get("/q/b").await.status != 200 {} }).await;
    let ids = [server.submit_to("/q/b", "1").await, server.submit_to("/q/b", "2").await];
    server.until_queue("b", "running", 1).await;

    rewrite(&notes, a);
    server.until_queue("b", "status", "closed").await;
    let closed = server.ask("POST", "/q/b", &[], "").await;
    closed.problem(410, "queue-closed");
    let both = server.queue("b").await;
    assert_eq!((&both["running"], &both["queued"]), (&1.into(), &1.into()), "it has them still");
    notes.write("gate");
    for (id, text) in ids.iter().zip(["1", "2"]) {
        server.until_job(id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), text);
    }
    let answer = server.ask("POST", "/q/a", &[], "others go on").await;
    assert_eq!(answer.text(), "others go on");

    rewrite(&notes, &format!("{a}{b}"));
    server.until_queue("b", "status", "open").await;
    assert_eq!(server.ask("POST", "/q/b", &[], "3").await.text(), "3");
    assert_eq!(server.queue("b").await["succeeded"], 3);
}

#[tokio::test]
async fn bad_file_is_refused_with_its_mistakes_and_the_old_one_stays() {
    let notes = Notes::new();
    let config =
        |workers: &str| format!("[queue.default]\ncommand = [\"cat\"]\nworkers = {workers}\n");
    let server = logged(&notes, &config("1"));
    rewrite(&notes, &(config("0") + "prioritty = 1\n"));
    until("both mistakes", || {
        let log = notes.read("log");
        log.contains("levada.toml:3:1: queue.default.workers = 0")
            && log.contains("levada.toml:4:1: queue.default.prioritty: there is no such key")
    })
    .await;
    let metrics = server.get("/metrics").await.text().to_owned();
    for line in ["levada_files_refused 1\n", "levada_reloads_total{result=\"refused\"} 1\n"] {
        assert!(metrics.contains(line), "no {line:?} in {metrics}");
    }
    assert_eq!(server.queue("default").await["workers"], 1);
    assert_eq!(server.post("still").await.text(), "still");
    rewrite(&notes, &config("2"));
    server.until_queue("default", "workers", 2).await;
    std::fs::remove_file(notes.path("levada.toml")).unwrap();
    until("a missing file", || notes.read("log").contains("levada.toml: cannot read it")).await;
    assert_eq!(server.queue("default").await["workers"], 2);
    rewrite(&notes, &config("3"));
    server.until_queue("default", "workers", 3).await;
}

#[tokio::test]
async fn hang_up_reads_what_cannot_be_seen_to_change() {
    let (notes, elsewhere) = (Notes::new(), Notes::new());
    let config =
        |workers: u8| format!("[queue.default]\ncommand = [\"cat\"]\nworkers = {workers}\n");
    std::fs::write(elsewhere.path("real"), config(1)).unwrap();
    symlink(elsewhere.path("real"), notes.path("levada.toml")).unwrap();
    let none: &[&str] = &[];
    let server = Server::start(&["--config", &notes.at("levada.toml")], none);
    std::fs::write(elsewhere.path("real"), config(2)).unwrap();
    server.signal(Signal::HUP);
    server.until_queue("default", "workers", 2).await;
    assert_eq!(server.post("still").await.text(), "still", "it is no reason to end");
}

/// This service does not run the job, but it has not ended: a client that waits keeps waiting.
async fn has_not_ended(server: &Server, id: &str) {
    let (path, wait) = (format!("/jobs/{id}"), [("Prefer", "wait=1")]);
    let result = format!("{path}/result");
    assert_eq!(server.get(&result).await.status, 202);
    let tag = server.get(&path).await.header("etag").to_owned();
    let known = [wait[0], ("If-None-Match", tag.as_str())];
    for (path, headers, status) in
        [(&result, &wait[..], 202), (&path, &wait, 200), (&path, &known, 304)]
    {
        let began = Instant::now();
        let answer = server.ask("GET", path, headers, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(began.elapsed() >= Duration::from_secs(1), "{path} {headers:?}");
    }
    // A client that knows another state gets the current one at once.
    let (began, known) = (Instant::now(), [("Prefer", "wait=600"), ("If-None-Match", "\"other\"")]);
    assert_eq!(server.ask("GET", &path, &known, "").await.status, 200);
    assert!(began.elapsed() < LONG / 2);
}

/// It can be cancelled, and waiting clients get the answer.
async fn is_cancelled(server: &Server, id: &str) {
    let (path, wait) = (format!("/jobs/{id}"), [("Prefer", "wait=600")]);
    let state = tokio::spawn(server.request_with("GET", &path, &wait, ""));
    let result = tokio::spawn(server.request_with("GET", &format!("{path}/result"), &wait, ""));
    // Whether it was cancelled before or after the two began to wait, they are answered.
    let cancelled = server.ask("DELETE", &path, &[], "").await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["state"]), (200, &"cancelled".into()));
    assert_eq!(within(state).await.unwrap().unwrap().json()["state"], "cancelled");
    within(result).await.unwrap().unwrap().problem(409, "cancelled");
    server.ask("DELETE", &path, &[], "").await.problem(409, "already-ended");
}

#[tokio::test]
async fn jobs_of_a_removed_queue_wait_for_it_across_a_restart() {
    let notes = Notes::new();
    let store = notes.at("store");
    let both = format!(
        "[queue.a]\ncommand = [\"cat\"]\n[queue.b]\n{}\nworkers = 1\n",
        sh(&format!("{}; cat", notes.wait_for("gate")))
    );
    let server = Server::configured(&notes, &["--store", &store], &both);
    let ids = [server.submit_to("/q/b", "1").await, server.submit_to("/q/b", "2").await];
    let unwanted = server.submit_to("/q/b", "3").await;
    server.until_queue("b", "running", 1).await;
    // The first signal lets what runs go on; dropping sends another one, which kills it.
    drop(server);
    let config = "[queue.a]\ncommand = [\"cat\"]\n";
    let server = Server::configured(&notes, &["--store", &store], config);
    server.get("/q/b").await.problem(404, "no-queue");
    assert_eq!(server.job(&ids[1]).await["state"], "queued");
    has_not_ended(&server, &ids[1]).await;
    is_cancelled(&server, &unwanted).await;
    notes.write("gate");
    drop(server);
    let server = Server::configured(&notes, &["--store", &store], &both);
    for (id, text) in ids.iter().zip(["1", "2"]) {
        server.until_job(id, "succeeded").await;
        assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), text);
    }
}

#[tokio::test]
async fn a_job_that_waits_to_run_runs_as_the_new_file_says() {
    let notes = Notes::new();
    let gated = sh(&notes.wait_for("gate"));
    let config = |workers: u8, word: &str| {
        let b = sh(&format!("echo {word}"));
        format!("max_running = 1\n[queue.a]\n{gated}\n[queue.b]\n{b}\nworkers = {workers}\n")
    };
    let server = Server::configured(&notes, &[], &config(1, "old"));
    server.submit_to("/q/a", "").await;
    server.until_queue("a", "running", 1).await;
    let id = server.submit_to("/q/b", "").await;
    rewrite(&notes, &config(2, "new"));
    server.until_queue("b", "workers", 2).await;
    notes.write("gate");
    server.until_job(&id, "succeeded").await;
    assert_eq!(server.get(&format!("/jobs/{id}/result")).await.text(), "new\n");
}
