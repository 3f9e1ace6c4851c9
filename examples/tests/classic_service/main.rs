//! The example `classic_service` over real sockets: in this process with a database that the test
//! plays, and as a process that gets signals.
#![cfg(unix)]

#[path = "../../classic_service/config.rs"]
mod config;
#[path = "../../classic_service/database.rs"]
mod database;
#[path = "../../classic_service/http.rs"]
mod http;
#[path = "../../classic_service/reading.rs"]
mod reading;
#[path = "../../classic_service/service.rs"]
mod service;
#[path = "../../classic_service/writer.rs"]
mod writer;

mod client;
mod guide;
mod requests;
mod signals;

use std::fs;
use std::time::Duration;

use tokio::time::timeout;

/// Only a hang ever takes this long.
const DEADLINE: Duration = Duration::from_secs(180);

async fn within_deadline<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("it does not hang")
}

/// A large value: an event with it is larger than the socket buffer of a slow reader.
fn large_value() -> String {
    "x".repeat(64 << 10)
}

/// So many large readings fill the sockets of a client that does not read, and an event queue of
/// `events`, with much to spare.
fn enough_to_lag(events: usize) -> usize {
    let buffers = fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap_or_default();
    let largest = buffers.split_whitespace().next_back().and_then(|bytes| bytes.parse().ok());
    events + 2 * largest.unwrap_or(4 << 20) / large_value().len()
}
