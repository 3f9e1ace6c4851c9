//! The HTTP interface: what `docs/http.md` says, and `openapi.json`. Knows no processes.

mod app;
mod channels;
mod events;
mod guard;
mod headers;
mod health;
mod jobs;
mod lookup;
mod meta;
mod openapi;
mod outcome;
mod page;
mod path;
mod problem;
mod queues;
mod state;
mod submit;
mod upload;
mod utf8;
mod wait;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

pub(crate) use self::app::App;
use self::app::Rejection;
use self::problem::{method_not_allowed, not_found};
use crate::config::Role;
use crate::server::Connection;

pub(crate) fn router(app: Arc<App>, role: Role) -> Router {
    let routes = match role {
        Role::FrontEnd => of_clients(),
        Role::Worker => Router::new(),
    };
    routes
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/channels", get(channels::report))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), tell_rejections))
        .layer(from_fn_with_state(Arc::clone(&app), guard::identify))
        .layer(from_fn_with_state(Arc::clone(&app), begin_and_end))
        .with_state(app)
}

/// What a worker has not.
fn of_clients() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page::index).post(submit::to_default))
        .route("/page/{file}", get(page::file))
        .route("/page/channels/{*path}", get(page::of_channels))
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
        .route("/openapi.json", get(openapi::document))
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
        if let Some(queue) = queue.and_then(|name| app.jobs.registry.queue(name)) {
            queue.counts.rejected.add_one();
        }
        app.jobs.reporter.rejected(queue, reason);
    }
    response
}
