//! Whether the process answers, whether it takes jobs, and its numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::app::{App, Client};
use super::outcome::{draining, store_failed};
use super::problem::Problem;
use crate::config::Role;
use crate::jobs::active::JobQueue;
use crate::metrics::{Gauges, QueueGauges, ReloadGauges};

pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(crate) async fn ready(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
) -> Result<Json<Value>, Problem> {
    if app.jobs.is_draining() {
        return Err(draining());
    }
    match app.jobs.store.condition().refusal() {
        // What exactly, with the paths of files, is not for everyone.
        Some(error) if client.is_stranger() => {
            Err(store_failed(error).detail("No new jobs are accepted."))
        }
        Some(error) => Err(store_failed(error)),
        None => Ok(Json(json!({ "status": "ready" }))),
    }
}

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let openmetrics =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, openmetrics)], app.jobs.reporter.metrics.text(&gauges(&app)))
        .into_response()
}

fn gauges(app: &App) -> Gauges {
    let condition = app.jobs.store.condition();
    let reloads = app.settings.reloads.borrow();
    let queue = |queue: &Arc<JobQueue>| {
        let config = queue.config();
        QueueGauges {
            name: queue.name.clone(),
            depth: queue.depth(),
            capacity: config.capacity,
            workers: config.workers,
            running: queue.counts.running(),
            retrying: queue.counts.retrying(),
        }
    };
    Gauges {
        queues: app.jobs.registry.all_queues().iter().map(queue).collect(),
        reloads: ReloadGauges {
            ok: reloads.ok,
            refused: reloads.refused,
            last_was_refused: reloads.last_error.is_some(),
        },
        draining: app.jobs.is_draining(),
        store_full: condition.is_full(),
        store_failed: condition.failure().is_some(),
        members: app.jobs.cluster.as_ref().map_or_else(Vec::new, |cluster| {
            let members = cluster.state().members;
            let kind = |kind| members.iter().filter(|(_, member)| member.kind == kind).count();
            vec![("front-end", kind(Role::FrontEnd)), ("worker", kind(Role::Worker))]
        }),
    }
}
