//! `GET /health`: the process answers. `GET /ready`: it takes jobs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::Service;
use crate::problem::Problem;
use crate::routes::jobs::draining;

pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    if service.shutdown.is_draining() {
        return Err(draining(&service));
    }
    Ok(Json(json!({ "status": "ready" })))
}
