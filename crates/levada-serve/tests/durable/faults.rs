//! A disk that is full, and folders that are no store.

use std::fs;
use std::io::{Read, Write};
#[cfg(target_os = "linux")]
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::Line;
use crate::service::Service;
use crate::support::{Answer, levada, until, within};

/// The options of a service with a store in this folder that gives back what it gets.
fn options(store: &Path) -> Vec<String> {
    running(store, &["cat"])
}

/// The same with this command.
fn running(store: &Path, command: &[&str]) -> Vec<String> {
    let store = store.to_str().unwrap();
    let words = ["serve", "--listen", "127.0.0.1:0", "--store", store, "--workers", "2", "--"];
    words.iter().chain(command).map(|word| (*word).to_owned()).collect()
}

async fn start(mut command: std::process::Command) -> (Service, Line) {
    command.env("RUST_LOG", "off");
    let mut service = Service::spawn(command);
    let address = service.address().await.expect("it starts");
    (service, Line::new(address))
}

async fn start_on(store: &Path) -> (Service, Line) {
    let mut command = levada();
    command.args(options(store));
    start(command).await
}

/// More than half a page of the database, so that the room for it is used up soon.
fn body(number: usize) -> Bytes {
    (0..40_000).map(|byte| (byte * 7 + number) as u8).collect::<Vec<u8>>().into()
}

async fn post(line: &Line, number: usize) -> Answer {
    line.send("POST", "/", &[], body(number)).await.expect("an answer")
}

/// No file may be larger than a few MiB: the system refuses to write on, as it does when the disk
/// is full.
#[tokio::test]
async fn limit_on_files_refuses_what_is_too_large_and_nothing_else() {
    let store = TempDir::new().unwrap();
    let (service, line) = start(on_a_small_disk(store.path(), &["wc", "-c"])).await;
    let mut done = 0;
    let refused = loop {
        assert!(done < 1000, "the limit is not one");
        let answer = post(&line, done).await;
        // 202: it ran, but there is no room for its end, which is written when there is.
        if ![200, 202].contains(&answer.status.as_u16()) {
            break answer;
        }
        done += 1;
    };
    assert!(done > 5, "it does not fit anything: {refused:?}");
    refused.problem(507, "store-full");
    assert_eq!(line.get("/health").await.unwrap().status, 200);
    // There is room for what is smaller, which it finds by itself.
    let small = async || line.send("POST", "/", &[], Bytes::from_static(b"small")).await.unwrap();
    within(async { while small().await.status != 200 {} }).await;
    assert_eq!(line.get("/ready").await.unwrap().status, 200);
    assert!(service.stop().await.success());
}

/// The command of a service that gives back what it gets, after the shell has set this limit.
fn limited(limit: &str, store: &Path, command: &[&str]) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!(r#"{limit} && exec "$0" "$@""#)]).arg(levada().get_program());
    shell.args(["serve", "--listen", "127.0.0.1:0", "--header-timeout", "10m", "--workers", "2"]);
    shell.args(["--max-connections", "500", "--store"]).arg(store).arg("--").args(command);
    shell
}

/// More connections than there are descriptors for.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn running_out_of_descriptors_does_not_end_the_accepting() {
    let folder = TempDir::new().unwrap();
    let (store, log) = (folder.path().join("store"), folder.path().join("log"));
    let mut command = limited("ulimit -n 128", &store, &["cat"]);
    command.env("RUST_LOG", "warn").stderr(fs::File::create(&log).unwrap());
    let mut service = Service::spawn(command);
    let address = service.address().await.expect("it starts");
    let figures = "500 connections and 2 workers need 556 file descriptors, but the limit is 128";
    // The log is written by a thread of its own.
    until("the service to say so", || fs::read_to_string(&log).unwrap().contains(figures)).await;
    // One that is there before the others, and whose request has begun: it makes room for none.
    let body = vec![b'x'; 100_000];
    let mut accepted = TcpStream::connect(address).unwrap();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nPrefer: respond-async\r\nConnection: close\r\n\
                Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n";
    accepted.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    accepted.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    // What it inherited may have greater numbers.
    let descriptor =
        |number: usize| fs::read_link(format!("/proc/{}/fd/{number}", service.id())).ok();
    let sockets = || {
        let links = (0..128).filter_map(descriptor);
        links.filter(|link| link.to_str().is_some_and(|link| link.starts_with("socket:"))).count()
    };
    let before = sockets();
    let reading: Vec<_> = (0..150).map(|_| TcpStream::connect(address).unwrap()).collect();
    for mut reader in &reading {
        reader.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        reader.set_nonblocking(true).unwrap();
    }
    // A connection that has no answer yet is idle, and would give its descriptor away.
    let answered = || {
        let is_read = |reader: &&TcpStream| matches!(reader.peek(&mut [0]), Ok(1));
        reading.iter().filter(is_read).count()
    };
    until("every descriptor to be used", || {
        (0..128).all(|number| descriptor(number).is_some()) && sockets() == before + answered()
    })
    .await;
    accepted.write_all(&body).unwrap();
    let mut answer = String::new();
    accepted.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let files = fs::read_dir(store.join("bodies")).unwrap().count();
    assert_eq!(files, 0, "there was a descriptor left");

    drop(reading);
    let line = Line::kept_alive(address);
    assert_eq!(line.get("/ready").await.unwrap().status, 200);
    // Commands cannot be started before the descriptors are free.
    let ran = async || {
        line.send("POST", "/", &[], Bytes::from(body.clone())).await.unwrap().status == 200
    };
    within(async { while !ran().await {} }).await;
    assert!(service.stop().await.success());
}

/// Commands inherit it: it is raised to what is needed, and no further.
#[tokio::test]
async fn the_limit_of_open_files_is_raised_to_what_is_needed() {
    let store = TempDir::new().unwrap();
    let command = limited("ulimit -Sn 64", store.path(), &["sh", "-c", "ulimit -Sn"]);
    let (service, line) = start(command).await;
    assert_eq!(post(&line, 0).await.body, (500 + 4 * 2 + 48 + 512).to_string() + "\n");
    service.kill().await;
}

/// Starts a service that cannot start, and returns what it says.
async fn refusal(store: &Path) -> String {
    let mut command = Command::from(levada());
    let output = command.args(options(store)).kill_on_drop(true).output();
    let output = within(output).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("levada: cannot open the store in "), "{said}");
    assert!(said.contains(store.to_str().unwrap()), "{said}");
    said
}

#[tokio::test]
async fn store_of_another_process_is_left_alone() {
    let store = TempDir::new().unwrap();
    let (service, line) = start_on(store.path()).await;
    let said = refusal(store.path()).await;
    assert!(said.contains("another process uses it"), "{said}");
    assert_eq!(post(&line, 1).await.status, 200);
    service.kill().await;
    // As soon as the other one is gone, it can be used.
    let (service, line) = start_on(store.path()).await;
    assert_eq!(post(&line, 1).await.status, 200);
    service.kill().await;
}

#[tokio::test]
async fn folder_that_cannot_be_written_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    refusal(&file).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    // Not even the superuser can make folders there.
    let system = if cfg!(target_os = "linux") { "/sys/levada" } else { "/System/levada" };
    refusal(Path::new(system)).await;
    // The superuser is not bound by permissions.
    if !rustix::process::geteuid().is_root() {
        let store = folder.path().join("read-only");
        fs::create_dir(&store).unwrap();
        fs::set_permissions(&store, fs::Permissions::from_mode(0o500)).unwrap();
        let said = refusal(&store).await;
        assert!(said.contains("Permission denied"), "{said}");
    }
}

#[tokio::test]
async fn damaged_database_is_refused_and_left_as_it_is() {
    let store = TempDir::new().unwrap();
    let (service, line) = start_on(store.path()).await;
    for number in 0..20 {
        assert_eq!(post(&line, number).await.status, 200);
    }
    service.kill().await;
    let path = store.path().join("jobs.redb");
    let sound = fs::read(&path).unwrap();
    let mut beginning = sound.clone();
    beginning[..4096].fill(0xAB);
    let half = sound[..sound.len() / 2].to_vec();
    let text = b"this is no database\n".repeat(1000);
    for damaged in [beginning, half, text, vec![0; sound.len()]] {
        fs::write(&path, &damaged).unwrap();
        let said = refusal(store.path()).await;
        assert!(said.contains("damaged"), "{said}");
        assert!(fs::read(&path).unwrap() == damaged, "it was changed: {said}");
    }
    fs::write(&path, &sound).unwrap();
    let (service, line) = start_on(store.path()).await;
    let jobs = line.get("/jobs").await.unwrap().json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 20);
    service.kill().await;
}

/// A service with a store in this folder and this command, and no room for files of more than a few
/// MiB.
fn on_a_small_disk(store: &Path, command: &[&str]) -> std::process::Command {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"ulimit -f 8000 && exec "$0" "$@""#]);
    shell.arg(levada().get_program()).args(running(store, command));
    shell
}

/// What a service on a broken disk does: one whose folder for large outputs is gone, while a job
/// with one ran.
#[tokio::test]
async fn store_that_fails_ends_the_service_and_no_job_has_failed() {
    let folder = TempDir::new().unwrap();
    let (store, gate) = (folder.path().join("store"), folder.path().join("gate"));
    let script = format!(
        "[ $LEVADA_CONTENT_TYPE != x/gated ] || until [ -e {} ]; do sleep 0.01; done; cat; cat /dev/zero | head -c 100000",
        gate.display()
    );
    let command = ["sh", "-c", &script];
    let mut levada_on = levada();
    levada_on.args(running(&store, &command)).env("RUST_LOG", "warn");
    levada_on.stderr(fs::File::create(folder.path().join("log")).unwrap());
    let mut service = Service::spawn(levada_on);
    let line = Line::new(service.address().await.expect("it starts"));
    let post = |number| {
        let line = line.clone();
        let gated = [("Content-Type", "x/gated")];
        tokio::spawn(async move { line.send("POST", "/", &gated, body(number)).await })
    };
    let first = post(7);
    let runs = async || {
        let jobs = line.get("/jobs?state=running").await.unwrap().json();
        Some(jobs["jobs"][0]["id"].as_str()?.to_owned())
    };
    let id = within(async {
        loop {
            if let Some(id) = runs().await {
                return id;
            }
        }
    })
    .await;
    let (path, events) = (format!("/jobs/{id}"), format!("/jobs/{id}/events"));
    let result = format!("{path}/result");
    let stream = tokio::net::TcpStream::connect(line.address()).await.unwrap();
    let mut stream = crate::sse::Events::open_at(stream, &events, None).await;
    assert_eq!(stream.next().await.unwrap().name, "state");

    let second = post(8);
    within(async { while line.get("/q/default").await.unwrap().json()["running"] != 2 {} }).await;
    fs::remove_dir_all(store.join("bodies")).unwrap();
    fs::write(&gate, "").unwrap();
    let mut told = Vec::new();
    while let Some(event) = stream.next().await {
        told.push(event.name);
    }
    assert!(!told.contains(&"finished".to_owned()), "{told:?}");
    // By itself.
    assert_eq!(service.ended().await.code(), Some(1));
    for client in [first, second] {
        let answer = within(client).await.unwrap();
        assert!(answer.is_none_or(|answer| answer.status == 503), "told of an end");
    }
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    let expected = ["the store has failed", "bodies", "No such file", "restart the service"];
    assert!(expected.iter().all(|part| errors[0].contains(part)), "{log}");

    let mut larger = levada();
    larger.args(running(&store, &command));
    let (service, line) = start(larger).await;
    let wait = [("Prefer", "wait=30")];
    let answer = line.send("GET", &result, &wait, Bytes::new()).await.unwrap();
    assert!(answer.status == 200 && answer.body.starts_with(&body(7)), "{}", answer.status);
    service.kill().await;
}

/// The service reports an output as lost if its file was removed behind its back.
#[tokio::test]
async fn output_whose_file_is_gone_is_lost_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let (store, log) = (folder.path().join("store"), folder.path().join("log"));
    let mut command = levada();
    command.args(options(&store)).env("RUST_LOG", "warn");
    command.stderr(fs::File::create(&log).unwrap());
    let mut service = Service::spawn(command);
    let line = Line::new(service.address().await.expect("it starts"));
    let body = Bytes::from(vec![b'x'; 100_000]);
    let answer = line.send("POST", "/", &[], body.clone()).await.unwrap();
    let id = answer.header("levada-job-id").to_owned();
    for file in fs::read_dir(store.join("bodies")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    for _ in 0..2 {
        let lost = line.get(&format!("/jobs/{id}/result")).await.unwrap();
        assert_eq!(lost.problem(410, "result-lost")["job_id"], id);
        let state = line.get(&format!("/jobs/{id}")).await.unwrap().json();
        assert_eq!(state["state"], "succeeded");
    }
    assert_eq!(line.get("/ready").await.unwrap().status, 200);
    assert_eq!(line.send("POST", "/", &[], body).await.unwrap().status, 200);
    assert!(service.stop().await.success());
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(said.matches("the output of a job is lost").count(), 1, "{said}");
    assert!(said.contains(&id), "{said}");
}
