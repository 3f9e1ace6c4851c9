//! `GET /channels` and SIGUSR1: what the channels inside the process are doing.

use std::fs::File;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Notes, Server, until};

/// The report, once its thread has looked at the channels for a while.
async fn report(server: &Server) -> Value {
    loop {
        let answer = server.get("/channels").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json");
        let report = answer.json();
        if report["window"]["samples"].as_u64() > Some(20) {
            return report;
        }
    }
}

fn named<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut rows = report["channels"].as_array().unwrap().iter();
    rows.find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[tokio::test]
async fn the_channels_of_the_service_have_names_and_figures() {
    let notes = Notes::new();
    let server = Server::script(&["--workers", "1"], &format!("{}; cat", notes.wait_for("gate")));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.submit("job").await);
    }
    server.until_queue("default", "running", 1).await;
    let waiting = report(&server).await;
    assert_eq!((&waiting["version"], &waiting["program"]["name"]), (&1.into(), &"levada".into()));
    let jobs = named(&waiting, "jobs");
    assert_eq!(
        (&jobs["kind"], &jobs["depth"], &jobs["sent"]),
        (&"mpmc".into(), &2.into(), &3.into())
    );
    // A channel is there from its first use on: that of the job which runs.
    assert_eq!(named(&waiting, "job states")["instances"], 1);
    notes.write("gate");
    for id in &ids {
        server.until_ended(id).await;
    }
    let done = report(&server).await;
    assert_eq!(named(&done, "jobs")["depth"], 0);
    let mut ended = done["ended"].as_array().unwrap().iter();
    let states = ended.find(|ended| ended["name"] == "job states").unwrap();
    // Each was running, and succeeded.
    assert_eq!((&states["channels"], &states["sent"]), (&3.into(), &6.into()), "{states}");
    let wait = &named(&done, "store")["waiters"][0];
    assert_eq!((&wait["op"], &wait["count"]), (&"recv".into(), &1.into()), "{done:#}");
    assert_eq!(done["deadlocks"], Value::Array(Vec::new()));
    assert_eq!(done["findings"], Value::Array(Vec::new()));
    // No channel stands in the report by the path of a file alone; of the oneshots only that.
    for row in done["channels"].as_array().unwrap() {
        assert!(row["name"].is_string(), "{row:#}");
    }
}

#[tokio::test]
async fn the_report_is_text_as_well() {
    let server = Server::start(&["--store", "memory"], &["cat"]);
    assert_eq!(server.post("job").await.text(), "job");
    let text = server.get("/channels?format=text").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(text.text().starts_with("levada: levada (pid "), "{}", text.text());
    assert!(text.text().contains("  events (broadcast, 0 of "), "{}", text.text());
    let folded = server.get("/channels?format=folded").await;
    assert!(folded.text().contains("store;recv;"), "{}", folded.text());
    assert_eq!(server.get("/channels?format=json").await.json()["version"], 1);
    for query in ["format=xml", "format=", "format=json&format=text", "depth=1"] {
        let problem = server.get(&format!("/channels?{query}")).await.problem(400, "bad-query");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_dump_is_one_event_of_the_log() {
    let notes = Notes::new();
    let log = File::create(notes.path("log")).unwrap();
    let server = Server::start_as(&["--log-format", "json"], &["cat"], |levada| {
        levada.env("RUST_LOG", "info").stderr(log);
    });
    assert_eq!(server.post("job").await.text(), "job");
    server.signal(Signal::USR1);
    until("SIGUSR1", || notes.read("log").contains("SIGUSR1") && notes.read("log").ends_with('\n'))
        .await;
    let log = notes.read("log");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let dump = events.iter().filter_map(|event| event["message"].as_str());
    let dump = dump.filter(|message| message.starts_with("SIGUSR1"));
    let dump = dump.collect::<Vec<_>>();
    assert_eq!(dump.len(), 1, "{log}");
    assert!(dump[0].contains("\nchannels\n"), "{}", dump[0]);
}
