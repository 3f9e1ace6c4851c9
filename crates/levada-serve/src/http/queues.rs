//! `/queues` and `/q/{queue}`: how full, how busy, how fast.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;

use super::app::{App, Client};
use super::lookup::{self, to_the_end};
use super::outcome::{refused, unreadable};
use super::path::Path;
use super::problem::Problem;
use super::state::Time;
use crate::config::Durability;
use crate::job::{JobId, JobState};
use crate::jobs::active::JobQueue;
use crate::jobs::lifecycle::accept::NotAgain;
use crate::jobs::registry::Job;
use crate::jobs::shared::{ClusterState, Member};
use crate::store::condition::Condition;
use crate::store::{Filter, StoreError, StoreErrorKind};

/// The service and its queues.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    status: &'static str,
    version: &'static str,
    store: &'static str,
    uptime_seconds: f64,
    queues: Vec<QueueState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterJson>,
}

/// The cluster that the service is a part of.
#[derive(Debug, Serialize)]
struct ClusterJson {
    name: String,
    durability: Durability,
    members: Vec<MemberJson>,
}

#[derive(Debug, Serialize)]
struct MemberJson {
    since: Time,
    #[serde(flatten)]
    member: Member,
}

impl ClusterJson {
    fn of(cluster: ClusterState) -> Self {
        let members = cluster.members.into_iter();
        let members = members.map(|(since, member)| MemberJson { since: Time(since), member });
        let (name, durability) = (cluster.name, cluster.durability);
        Self { name, durability, members: members.collect() }
    }
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
    fn of(queue: &JobQueue) -> Self {
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
        store: match app.jobs.store.condition() {
            Condition::Well => "ok",
            Condition::Full { error, .. } if error.kind == StoreErrorKind::Away => "away",
            Condition::Full { .. } => "full",
            Condition::Failed(_) => "failed",
        },
        uptime_seconds: rounded(app.started.elapsed().as_secs_f64()),
        queues: app.jobs.registry.all_queues().iter().map(|queue| QueueState::of(queue)).collect(),
        cluster: app.jobs.cluster.as_ref().map(|cluster| ClusterJson::of(cluster.state())),
    }
}

pub(crate) async fn all(State(app): State<Arc<App>>) -> Response {
    Json(overview(&app)).into_response()
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path,
) -> Result<Response, Problem> {
    Ok(Json(QueueState::of(&*lookup::queue(&app, &name)?)).into_response())
}

/// How many failed jobs are looked up at once.
const PAGE: usize = 200;
/// How long one request goes on with running jobs again. Clients do not wait much longer without a
/// word.
const ENOUGH: Duration = Duration::from_secs(20);

/// Runs every failed job of a queue again, the oldest first, as far as there is room and time.
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Path(name): Path,
    Extension(Client(client)): Extension<Client>,
) -> Result<Response, Problem> {
    lookup::queue(&app, &name)?;
    let began = Instant::now();
    let mut failed = failed(&app, name).await.map_err(|error| unreadable(&error))?;
    let (mut retried, mut left, mut refusal) = (0_usize, 0_usize, None);
    while refusal.is_none()
        && began.elapsed() < ENOUGH
        && let Some(id) = failed.pop()
    {
        match to_the_end(Arc::clone(&app.jobs.lifecycle).run_again(id, client.clone())).await? {
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
            let body = Json(json!({ "retried": retried, "left": left + failed.len() }));
            Ok((StatusCode::ACCEPTED, body).into_response())
        }
    }
}

/// The failed jobs of a queue, the newest first.
async fn failed(app: &App, queue: String) -> Result<Vec<JobId>, StoreError> {
    let (queue, state) = (Some(queue), Some(JobState::Failed));
    let mut filter = Filter { queue, state, before: None, limit: PAGE };
    let mut ids = Vec::new();
    loop {
        let page = app.jobs.registry.list(filter.clone()).await?;
        ids.extend(page.jobs.iter().map(Job::id));
        let Some(last) = page.next else {
            return Ok(ids);
        };
        filter.before = Some(last);
    }
}
