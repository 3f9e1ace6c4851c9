//! `GET /metrics`: text that Prometheus reads, and numbers that agree with what was done.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Notes, Server, sh};

/// Each sample by its name and labels, and the kind of each metric. Every line must be one of the
/// format's.
fn parse(text: &str) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let (mut samples, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    let mut helped = BTreeSet::new();
    let lines: Vec<_> = text.lines().collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(*last, "# EOF");
    for line in lines {
        if let Some(about) = line.strip_prefix("# ") {
            let (what, rest) = about.split_once(' ').unwrap();
            let (name, value) = rest.split_once(' ').unwrap();
            match what {
                "TYPE" => {
                    let before = kinds.insert(name.to_owned(), value.to_owned());
                    assert_eq!(before, None, "{line} comes twice");
                }
                "HELP" => {
                    assert!(!value.is_empty(), "{line}");
                    assert!(helped.insert(name.to_owned()), "{line} comes twice");
                }
                "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let known = kinds.keys().any(|kind| name.starts_with(kind.as_str()));
        assert!(known && name.starts_with("levada_"), "{line}: nothing was said of it before");
        assert!(series.contains('{') == series.ends_with('}'), "{line}");
        let before = samples.insert(series.to_owned(), value.parse().unwrap());
        assert_eq!(before, None, "{line} is there twice");
    }
    (samples, kinds)
}

/// Jobs that succeed, fail, run twice, are refused, run, wait, and are cancelled.
async fn everything_happens(notes: &Notes) -> Server {
    let script = format!(
        "read how; [ $how = wait ] && {{ {}; exit 0; }}; exit $how",
        notes.wait_for("gate")
    );
    let config = format!(
        "[queue.default]\n{}\nworkers = 2\ncapacity = 3\nmax_body = 10\n\
         retry = {{ max_attempts = 2, backoff = 0.01 }}\n[queue.idle]\ncommand = [\"true\"]\n",
        sh(&script)
    );
    let server = Server::configured(notes, &[], &config);
    for (code, status) in [(0, 200), (0, 200), (3, 500), (75, 503)] {
        assert_eq!(server.post(format!("{code}\n")).await.status, status);
    }
    server.post("longer than ten bytes").await.problem(413, "body-too-large");
    server.ask("POST", "/q/none", &[], "").await.problem(404, "no-queue");
    for _ in 0..2 {
        server.submit("wait\n").await;
    }
    server.until_queue("default", "running", 2).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(server.submit("wait\n").await);
    }
    server.post("").await.problem(503, "queue-full");
    server.ask("DELETE", &format!("/jobs/{}", waiting[2]), &[], "").await;
    server.until_queue("default", "cancelled", 1).await;
    server
}

#[tokio::test]
async fn numbers_agree_with_what_was_done() {
    let notes = Notes::new();
    let server = everything_happens(&notes).await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let (samples, kinds) = parse(answer.text());
    assert!(
        answer.header("content-type").starts_with("application/openmetrics-text; version=1.0.0")
    );
    for (series, value) in [
        ("levada_jobs_total{queue=\"default\",outcome=\"succeeded\"}", 2),
        ("levada_jobs_total{queue=\"default\",outcome=\"failed\"}", 2),
        ("levada_jobs_total{queue=\"default\",outcome=\"cancelled\"}", 1),
        ("levada_retries_total{queue=\"default\"}", 1),
        ("levada_rejected_total{queue=\"default\",reason=\"body-too-large\"}", 1),
        ("levada_rejected_total{queue=\"default\",reason=\"queue-full\"}", 1),
        ("levada_rejected_total{queue=\"\",reason=\"no-queue\"}", 1),
        ("levada_queue_depth{queue=\"default\"}", 2),
        ("levada_queue_depth{queue=\"idle\"}", 0),
        ("levada_queue_capacity{queue=\"default\"}", 3),
        ("levada_workers{queue=\"default\"}", 2),
        ("levada_workers_busy{queue=\"default\"}", 2),
        ("levada_workers_busy{queue=\"idle\"}", 0),
        ("levada_retrying{queue=\"default\"}", 0),
        // Every start of a run ends a wait; five runs are over, one of them with another after it.
        ("levada_job_queue_seconds_count{queue=\"default\"}", 7),
        ("levada_job_queue_seconds_bucket{le=\"+Inf\",queue=\"default\"}", 7),
        ("levada_job_run_seconds_count{queue=\"default\"}", 5),
        ("levada_store_failed", 0),
        ("levada_draining", 0),
    ] {
        let found = samples.get(series);
        assert_eq!(found, Some(&f64::from(value)), "{series} in {}", answer.text());
    }
    for (name, kind) in [
        ("levada_jobs", "counter"),
        ("levada_rejected", "counter"),
        ("levada_job_queue_seconds", "histogram"),
        ("levada_job_run_seconds", "histogram"),
        ("levada_queue_depth", "gauge"),
        ("levada_queue_capacity", "gauge"),
        ("levada_workers_busy", "gauge"),
        ("levada_store_commit_seconds", "histogram"),
        ("levada_store_batch_size", "histogram"),
        ("levada_channel_depth", "gauge"),
        ("levada_channel_sent", "counter"),
        ("levada_blocked_seconds", "counter"),
        ("levada_suspected_deadlocks", "gauge"),
    ] {
        assert_eq!(kinds.get(name).map(String::as_str), Some(kind), "{name}");
    }
    // Each job was put on disk at least when it was accepted, and when it ended.
    let commits = samples["levada_store_commit_seconds_count"];
    assert!(commits >= 10.0 && samples["levada_store_batch_size_sum"] >= 14.0, "{}", answer.text());
    assert_eq!(samples["levada_store_batch_size_count"], commits);
    assert!(samples["levada_store_commit_seconds_sum"] > 0.0);
    // The line of the queue is a channel. A job that is cancelled in it goes through it like the
    // others.
    let of_jobs = |name: &str| {
        let start = format!("{name}{{channel=\"jobs\",kind=\"mpmc\",");
        let found: Vec<_> =
            samples.iter().filter(|(series, _)| series.starts_with(&start)).collect();
        assert_eq!(found.len(), 1, "{name}: both queues are one series");
        *found[0].1
    };
    assert_eq!(
        (of_jobs("levada_channel_sent_total"), of_jobs("levada_channel_depth")),
        (10.0, 3.0)
    );
    notes.write("gate");
    server.until_queue("default", "succeeded", 6).await;
    let (samples, _) = parse(server.get("/metrics").await.text());
    assert_eq!(samples["levada_queue_depth{queue=\"default\"}"], 0.0);
}
