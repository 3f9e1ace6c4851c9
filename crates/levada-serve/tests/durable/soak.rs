//! The service works on and on, and neither it nor its store grows.
//!
//! `LEVADA_JOBS` says how many jobs it does.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Line;
use crate::kill::number;
use crate::service::Service;
use crate::support::{levada, until, within};

const CLIENTS: usize = 16;
/// As many rounds, each with a look at the service at its end.
const ROUNDS: usize = 16;
/// After so many of them, all jobs are forgotten before the next one begins: how much is kept at
/// once does not hang on how fast the machine is.
const TOGETHER: usize = 4;

/// What the service holds at rest.
#[derive(Debug, Clone, Copy)]
struct Held {
    memory: u64,
    descriptors: usize,
    store: u64,
}

fn look(process: u32, store: &Path) -> Held {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory: u64 = memory.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    let store = fs::metadata(store.join("jobs.redb")).unwrap().len();
    Held { memory: memory * 1024, descriptors, store }
}

/// How many children there are, running or not reaped.
fn children(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default())
        .map(|children| children.split_whitespace().count())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_memory_nor_store_grow() {
    let jobs = usize::try_from(number("LEVADA_JOBS", 5_000)).unwrap();
    let store = TempDir::new().unwrap();
    let mut command = levada();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--keep-jobs", "100ms", "--workers", "4"])
        .args(["--header-timeout", "10m", "--store"])
        .arg(store.path())
        .args(["--", "cat"])
        .env("RUST_LOG", "error");
    let mut service = Service::spawn(command);
    let line = Line::kept_alive(service.address().await.expect("it starts"));
    let process = service.id();
    let mut held = Vec::new();
    for round in 0..ROUNDS {
        work(&line, jobs / ROUNDS).await;
        until("every command to be reaped", || children(process) == 0).await;
        held.push(look(process, store.path()));
        println!("round {round}: {:?}", held[round]);
        if (round + 1) % TOGETHER == 0 {
            within(all_forgotten(&line)).await;
        }
    }
    let (early, late) = held.split_at(ROUNDS / 2);
    let most = |of: fn(&Held) -> u64| (most_of(early, of), most_of(late, of));
    let (before, after) = most(|held| held.memory);
    assert!(after < before + before / 4 + (8 << 20), "memory: {before} bytes, then {after}");
    let (before, after) = most(|held| held.descriptors as u64);
    // Some of what the clients hold open.
    assert!(after <= before + 4, "descriptors: {before}, then {after}");
    let (before, after) = most(|held| held.store);
    assert!(after <= before * 3, "store: {before} bytes, then {after}");
    assert!(service.stop().await.success());
}

async fn all_forgotten(line: &Line) {
    while line.get("/jobs?limit=1").await.unwrap().json()["jobs"] != json!([]) {
        sleep(Duration::from_millis(20)).await;
    }
}

fn most_of(held: &[Held], of: fn(&Held) -> u64) -> u64 {
    held.iter().map(of).max().unwrap()
}

/// Sends so many jobs, some of them with a body of a few KiB, and checks what comes back.
async fn work(line: &Line, jobs: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (line, next) = (line.clone(), Arc::clone(&next));
        clients.spawn(async move {
            loop {
                // ORDERING: Relaxed, no pair: only hands out numbers.
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= jobs {
                    return;
                }
                let body = Bytes::from(vec![b'x'; number % 50 * 100]);
                let answer = line.send("POST", "/", &[], body.clone()).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.body, body);
            }
        });
    }
    clients.join_all().await;
}
