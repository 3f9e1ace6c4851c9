//! The HTTP interface: what `docs/http.md` says, and `openapi.json`. Knows no processes.

mod events;
mod guard;
mod health;
mod jobs;
mod openapi;
mod outcome;
mod page;
mod path;
mod prefer;
mod problem;
mod queues;
mod state;
mod submit;
mod upload;
mod utf8;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

use self::problem::Problem;
use crate::jobs::feed::Happened;
use crate::jobs::record::JobId;
use crate::jobs::service::Jobs;
use crate::server::Connection;
use crate::settings::Settings;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) started: Instant,
    /// The jobs whose output was found to be lost, each of which is logged once.
    pub(crate) lost: Mutex<HashSet<JobId>>,
}

impl App {
    pub(crate) fn new(jobs: Arc<Jobs>, settings: Arc<Settings>) -> Self {
        Self { jobs, settings, started: Instant::now(), lost: Mutex::default() }
    }
}

/// The client that sent a request: the name of its token, or else its address.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) String);

impl Client {
    /// It has no token, and clients need one for most.
    pub(crate) fn is_stranger(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a request did not become a job, for those who count that.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) queue: Option<String>,
    pub(crate) reason: &'static str,
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::index).post(submit::to_default))
        .route("/page/{file}", get(page::file))
        .route("/q/{queue}", get(queues::one).post(submit::to_queue))
        .route("/q/{queue}/retry", post(queues::retry))
        .route("/queues", get(queues::all))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::status).delete(jobs::cancel))
        .route("/jobs/{id}/result", get(jobs::result))
        .route("/jobs/{id}/stderr", get(jobs::stderr))
        .route("/jobs/{id}/events", get(events::of_job))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/events", get(events::of_all))
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::document))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), tell_rejections))
        .layer(from_fn_with_state(Arc::clone(&app), guard::identify))
        .layer(from_fn_with_state(Arc::clone(&app), begin_and_end))
        .with_state(app)
}

/// What holds for every request and every answer. What jobs read and write, and what is known of
/// them, stays out of caches; the page says for itself how it may be kept, as it is the same for
/// everyone.
async fn begin_and_end(
    State(app): State<Arc<App>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard::refusal(&app, &connection, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Tells and counts the requests that did not become a job.
async fn tell_rejections(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Rejection { queue, reason }) = response.extensions().get() {
        let queue = queue.as_deref();
        if let Some(queue) = queue.and_then(|name| app.jobs.queue(name)) {
            queue.counts.rejected.add_one();
        }
        app.jobs.metrics.rejected(queue, reason);
        app.jobs.feed.tell(&Happened::Rejected { queue, reason });
    }
    response
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "Not found",
        format!("{:?} is not a path; POST / runs the command.", uri.path()),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed",
        format!("{} does not support {method}; see the Allow header.", uri.path()),
    )
}
