//! Whether the process answers, whether it takes jobs, and its numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::outcome::{draining, store_failed};
use super::problem::Problem;
use super::{App, Client};

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
    match app.jobs.condition().refusal() {
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
    (
        [(header::CONTENT_TYPE, openmetrics)],
        app.jobs.metrics.text(&app.jobs, &app.settings.reloads.borrow()),
    )
        .into_response()
}
