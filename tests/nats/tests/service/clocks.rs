//! Wall clocks that are wrong, and that step.

use crate::member::Member;
use crate::site::Site;
use levada_nats_test::{Server, until};
use serde_json::Value;
use std::time::{Duration, SystemTime};

const HOURS: i64 = 3_600;
const DAYS: i64 = 24 * HOURS;

/// The end of a job that this worker ran after its clock stepped by so many seconds.
async fn ended_at_another_time(front_end: &Member, worker: &Member, step: i64) -> Value {
    worker.clock().step(step);
    until("a job of another time", async || {
        let id = front_end.submit("x").await;
        let job = front_end.ended_job(&id).await;
        let (created, finished) = (time(&job["created_at"]), time(&job["finished_at"]));
        let is_there = if step < 0 { finished < created } else { finished > created + MINUTE };
        if is_there { Ok(job) } else { Err(job) }
    })
    .await
}

const MINUTE: Duration = Duration::from_secs(60);

fn time(text: &Value) -> SystemTime {
    humantime::parse_rfc3339(text.as_str().unwrap()).unwrap()
}

#[tokio::test]
#[ignore = "wants libfaketime: run `cargo xtask nats --deep`"]
async fn a_job_is_kept_although_the_clock_of_its_worker_is_wrong() {
    let (server, site) = (Server::start().await, Site::new(&[]).with_clocks());
    let (a, b) = (site.front_end(&server.url()), site.front_end(&server.url()));
    let worker = site.worker(&server.url());
    let behind = ended_at_another_time(&a, &worker, -40 * DAYS).await;
    let id = behind["id"].as_str().unwrap();
    // It is kept for a week, by the clock of the servers.
    let in_six_days = SystemTime::now() + MINUTE * 60 * 24 * 6;
    for front_end in [&a, &b] {
        let shown = front_end.ended_job(id).await;
        assert!(time(&shown["expires_at"]) > in_six_days, "{shown}");
    }
    // Also after a start, which reads it anew.
    b.kill();
    b.restart().await;
    assert!(time(&b.ended_job(id).await["expires_at"]) > in_six_days);
    assert_eq!(b.result(id).await, "x 1");
}

#[tokio::test]
#[ignore = "wants libfaketime: run `cargo xtask nats --deep`"]
async fn a_pause_is_no_longer_than_one_can_be_whatever_the_clock_of_a_worker_says() {
    let (server, site) = (Server::start().await, Site::new(&[]).with_clocks());
    let front_end = site.front_end(&server.url());
    let ahead = site.worker(&server.url());
    ended_at_another_time(&front_end, &ahead, 2 * HOURS).await;
    let id = front_end.submit_to("/q/later", "one attempts 2").await;
    front_end.job(&id, &["retrying"]).await;
    ahead.kill();
    let _right = site.worker(&server.url());
    // Not after two hours.
    assert_eq!(front_end.result(&id).await, "one 2");
}
