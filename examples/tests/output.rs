//! Runs every example as a process and checks its exit code and the lines a reader is promised.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Only a hung example ever takes this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Each example with lines that its output must contain, in this order.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "work_queue",
        &[
            "4 senders: 20 jobs accepted",
            "sender 0: 5 jobs done",
            "sender 3: 5 jobs done",
            "out of order: 0",
            "60 words counted",
        ],
    ),
    (
        "bounded_vs_unbounded",
        &[
            "bounded: at most 16 frames waited, 16 KiB",
            "unbounded: at most 1000 frames waited, 1000 KiB",
            "unbounded: at the last send, 1000 of 1000 frames were still to be handled",
        ],
    ),
    (
        "batching_worker",
        &[
            "flush (size): 4 records",
            "flush (time): 3 records",
            "flush (demand): 2 records",
            "asked for a flush: 2 records are safe now",
            "flush (shutdown): 2 records",
            "accepted 11, written 11",
        ],
    ),
    (
        "try_send_errors",
        &[
            "accepted",
            "accepted",
            "busy: job 3 came back, try again later",
            "the worker takes job 1",
            "accepted",
            "gone: job 4 came back, give up",
            "the worker takes job 2",
            "the worker takes job 3",
        ],
    ),
    (
        "actor",
        &[
            "after 3 callers: alice has 150",
            "after a transfer: bob has 40",
            "refused: 1000 wanted, only 40 there",
            "a caller left without waiting for its answer",
            "accepted, then dropped: Err(Unanswered)",
            "sent after the end: Err(Gone)",
            "requests skipped because the caller had left: 1",
        ],
    ),
    (
        "event_bus",
        &[
            "nobody listens: Shipped { order: 0 }",
            "3 services listen",
            "billing: 3 payments, 6000 cents, 0 events missed",
            "shipping: [2] shipped, [1, 3] still to ship, 0 events missed",
            "newsletter: Ada (order 1), Grace (order 2), Edsger (order 3), 0 events missed",
        ],
    ),
    (
        "lagging_subscriber",
        &[
            "missed 6 changes",
            "copied the stock at change 10",
            "change 11 applied",
            "replica: {\"bolts\": 25, \"nuts\": 25}",
            "the replica is right",
        ],
    ),
    (
        "lossless_fan_out",
        &[
            "watchdog: archive is 4 changes behind, and is evicted",
            "archive: evicted, and begins again",
            "page: Err(Lagged(18))",
            "page: Ok(18)",
            "index: 22 changes, and none missed",
        ],
    ),
    (
        "newest_wins",
        &[
            "evicted: 91 degrees",
            "evicted: 92 degrees",
            "evicted: 93 degrees",
            "sensor: 5 readings, of which 3 are not shown",
            "display: 94 degrees",
            "display: 95 degrees",
            "display: too hot",
        ],
    ),
    (
        "queue_in_bytes",
        &[
            "server: room for 10 KiB of a thumbnail",
            "queue: 98 of 100 KiB",
            "server: a picture: no available capacity",
            "disk: a page with 90 KiB",
            "server: room for 5000 KiB of a video",
            "queue: 5000 of 100 KiB",
            "queue: 9000 of 10000 KiB",
            "disk: 9098 KiB in all",
        ],
    ),
    (
        "control_before_data",
        &[
            "main: 64 rows, and the lane is full",
            "writer: flushes 0 rows",
            "writer: stops with 64 rows in the queue",
            "main: another row is refused: true",
            "main: 0 rows are missing",
        ],
    ),
    (
        "batches_in_bytes",
        &[
            "accepted: 16 records of 10 KiB, and the queue is full",
            "refused: 10 KiB come back",
            "upload: 6 records, 60 KiB",
            "upload: 6 records, 60 KiB",
            "upload: 4 records, 40 KiB",
            "upload: 1 records, 200 KiB",
            "flushed: 17 records in 4 batches",
            "uploaded: 18 records",
        ],
    ),
    (
        "pool_with_lanes",
        &[
            "crawler: 4 pages, and its lane is full",
            "visitors: 5 pages wait, with 3 free places",
            "render: page 2 for the visitor",
            "render: page 0 for the crawler",
            "render: page 4 for the visitor",
            "render: page 1 for the crawler",
            "render: page 3 for the crawler",
            "visitors: another page is refused: true",
        ],
    ),
    (
        "live_config",
        &[
            "reload: changed",
            "limiter: 100 -> 50",
            "reload: nothing new",
            "reload refused, the old configuration stays: \
             line \"requests_per_second = lots\": expected a number above 0",
            "limiter: 50 -> 200",
            "limiter ended with 200",
            "logger ended with true",
        ],
    ),
    (
        "shutdown_and_progress",
        &[
            "progress: 1 done, 2 to go",
            "the intake is closed",
            "drained: every accepted job is done",
        ],
    ),
    (
        "batch_commits",
        &[
            "refused: there is an empty key: nothing of this batch is written",
            "36 keys are on disk",
            "36 committed, 1 failed",
        ],
    ),
    (
        "ask_an_actor",
        &[
            "db is at 10.0.0.2",
            "db is at 10.0.0.2 (cached)",
            "backup takes too long",
            "1 name is cached",
            "look-ups that were given up: 1",
            "the actor is gone; the request was not accepted; it is still here: Some(\"web\")",
        ],
    ),
    (
        "resizable_pool",
        &[
            "1 worker: 35 pages wait after 4.5 s",
            "a job panicked: page 13 cannot be converted",
            "8 workers: 19 wait after 6.5 s, 8 run",
            "all are done after 16.5 s",
            "closed: page 41 came back",
            "jobs were not done: 2 aborted, 3 left in the queue: pages [3, 4, 5]",
        ],
    ),
    (
        "crawler",
        &[
            "after 0.25 s: 4 pages are being read, 0 wait",
            "100 pages after 1.5 s",
            "100 pages, and the pool has ended",
        ],
    ),
    (
        "two_phase_shutdown",
        &[
            "stop: 4 still running: 3 connection, 1 reporter",
            "after 4 s: 2 still running: 1 connection, 1 reporter",
            "connection 6 is cut off",
            "the report is written",
            "6 connections were accepted; 0 still running",
        ],
    ),
    ("mutex_is_enough", &["/: 100", "/about: 25"]),
    (
        "without_tokio",
        &["mpsc and oneshot: 1 + .. + 100 = 5050", "broadcast: the sum is ready", "watch: done"],
    ),
];

/// `cargo WORDS --quiet` in the workspace, as `cargo xtask test` builds it.
fn cargo(words: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(words).arg("--quiet").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}

/// Runs an example that is built, as the README tells the reader.
fn run(name: &str) -> Output {
    let mut child = cargo(&["run", "--example", name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo starts");
    let start = Instant::now();
    while child.try_wait().expect("the child can be asked").is_none() {
        if start.elapsed() > DEADLINE {
            child.kill().expect("the child can be killed");
            let output = child.wait_with_output().expect("the child can be waited for");
            panic!("{name} did not end within {DEADLINE:?}: {output:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("the output can be read")
}

/// The first of `lines` that `output` does not have after the ones before it.
fn first_missing<'a>(output: &str, lines: &[&'a str]) -> Option<&'a str> {
    let mut printed = output.lines();
    lines.iter().copied().find(|line| !printed.any(|candidate| candidate == *line))
}

#[test]
fn every_example_prints_what_it_promises() {
    let examples = EXAMPLES.iter().flat_map(|(name, _)| ["--example", name]);
    let build: Vec<_> = ["build"].into_iter().chain(examples).collect();
    let built = cargo(&build).status().expect("cargo starts");
    assert!(built.success(), "an example does not build: {built}");

    let mut failures = Vec::new();
    for (name, lines) in EXAMPLES {
        let output = run(name);
        let stdout = String::from_utf8_lossy(&output.stdout);
        let missing = first_missing(&stdout, lines);
        if !output.status.success() || missing.is_some() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            failures.push(format!(
                "{name}: {}, missing line: {missing:?}\n--- stdout\n{stdout}--- stderr\n{stderr}",
                output.status
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_example_is_checked() {
    let folder = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the folder can be read");
    let files: BTreeSet<String> = folder
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "readme")
        .collect();
    let checked: BTreeSet<String> = EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, checked);
}

#[test]
fn missing_lines_are_found() {
    assert_eq!(first_missing("a\nb\n", &["a", "b"]), None);
    assert_eq!(first_missing("a\nb\n", &["b", "a"]), Some("a"));
    assert_eq!(first_missing("a\n", &["a", "a"]), Some("a"));
    assert_eq!(first_missing("", &["a"]), Some("a"));
}
