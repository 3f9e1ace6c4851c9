//! The router, and what the handlers share.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::cli::ServeArgs;
use crate::guard::refuse_foreign_pages;
use crate::jobs::feed::Feed;
use crate::jobs::pace::Pace;
use crate::jobs::queue::Entrance;
use crate::problem::Problem;
use crate::routes::{events, health, jobs};
use crate::shutdown::Shutdown;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) args: ServeArgs,
    pub(crate) entrance: Entrance,
    pub(crate) feed: Arc<Feed>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) ids: jobs::Ids,
    pub(crate) shutdown: Shutdown,
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", post(jobs::submit))
        .route("/events", get(events::stream))
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&service), refuse_foreign_pages))
        .with_state(service)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "There is nothing here",
        format!("{:?} is not a path; POST / runs the command.", uri.path()),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed here",
        format!("{} does not answer {method}; see the Allow header.", uri.path()),
    )
}
