//! `/queues` and `/q/{queue}`: how full, how busy, how fast.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;

use super::outcome::{refused, store_failed};
use super::path::Path;
use super::problem::Problem;
use super::{App, Client, jobs};
use crate::jobs::queue::Queue;
use crate::jobs::record::State as Stage;
use crate::jobs::service::{Job, NotAgain};
use crate::store::Filter;

/// The service and its queues.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    status: &'static str,
    version: &'static str,
    store: &'static str,
    uptime_seconds: f64,
    queues: Vec<QueueState>,
}

/// One queue.
#[derive(Debug, Serialize)]
struct QueueState {
    name: String,
    status: &'static str,
    capacity: usize,
    queued: usize,
    retrying: usize,
    running: usize,
    workers: usize,
    priority: i8,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_seconds: Option<f64>,
    jobs_per_second: f64,
    retry_after: u32,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    rejected: u64,
    kept_failed: u64,
}

impl QueueState {
    fn of(queue: &Queue) -> Self {
        let config = queue.config();
        let (queued, oldest) = queue.waiting();
        let counts = &queue.counts;
        Self {
            name: queue.name.clone(),
            status: if queue.is_closed() { "closed" } else { "open" },
            capacity: config.capacity,
            queued,
            retrying: counts.retrying(),
            running: counts.running(),
            workers: config.workers,
            priority: config.priority,
            oldest_seconds: oldest.map(|age| rounded(age.as_secs_f64())),
            jobs_per_second: rounded(queue.pace.throughput()),
            retry_after: queue.pace.soonest(queue.depth()),
            succeeded: counts.succeeded.get(),
            failed: counts.failed.get(),
            cancelled: counts.cancelled.get(),
            rejected: counts.rejected.get(),
            kept_failed: counts.kept_failed.get(),
        }
    }
}

/// To milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

pub(super) fn overview(app: &App) -> Overview {
    Overview {
        status: if app.jobs.is_draining() { "draining" } else { "running" },
        version: env!("CARGO_PKG_VERSION"),
        store: if app.jobs.store_failure().is_some() { "failed" } else { "ok" },
        uptime_seconds: rounded(app.started.elapsed().as_secs_f64()),
        queues: app.jobs.all_queues().iter().map(|queue| QueueState::of(queue)).collect(),
    }
}

pub(crate) async fn all(State(app): State<Arc<App>>) -> Response {
    let no_cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (no_cache, Json(overview(&app))).into_response()
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path,
) -> Result<Response, Problem> {
    let queue = app.jobs.queue(&name).ok_or_else(|| jobs::no_queue(&app, &name))?;
    let no_cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    Ok((no_cache, Json(QueueState::of(&queue))).into_response())
}

/// How many jobs are run again by one request at most.
const MOST: usize = 10_000;

/// Runs every failed job of a queue again, the oldest first, as far as there is room.
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Path(name): Path,
    Extension(Client(client)): Extension<Client>,
) -> Result<Response, Problem> {
    if app.jobs.queue(&name).is_none() {
        return Err(jobs::no_queue(&app, &name));
    }
    let filter =
        Filter { queue: Some(name), state: Some(Stage::Failed), before: None, limit: MOST };
    let page = app.jobs.list(filter).await.map_err(|error| store_failed(&error))?;
    let (mut retried, mut left, mut refusal) = (0_usize, 0_usize, None);
    for id in page.jobs.iter().rev().map(Job::id) {
        if refusal.is_some() {
            left += 1;
            continue;
        }
        match jobs::to_the_end(Arc::clone(&app.jobs).run_again(id, client.clone())).await? {
            Ok(Some(_)) => retried += 1,
            Ok(None) | Err(NotAgain::Not(_)) => {}
            Err(NotAgain::NoInput) => left += 1,
            Err(NotAgain::Refused(why)) => {
                left += 1;
                refusal = Some(why);
            }
        }
    }
    match refusal {
        Some(why) if retried == 0 => Err(refused(&app, why)),
        _ => {
            let body = Json(json!({ "retried": retried, "left": left }));
            Ok((StatusCode::ACCEPTED, body).into_response())
        }
    }
}
