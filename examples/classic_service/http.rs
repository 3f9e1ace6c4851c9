//! The HTTP interface.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use levada::broadcast::{self, error::Lagged};
use levada::mpsc::error::TrySendError;
use levada::watch;
use levada_work::actor::{Address, AskError};
use levada_work::batch::Batcher;
use levada_work::shutdown::Signal;

use crate::config::Config;
use crate::database::Query;
use crate::reading::Reading;
use crate::writer::Written;

/// How long a client waits for the database.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What the handlers share. Each connection has a clone, for as long as it is open.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) queue: Batcher<Reading>,
    pub(crate) database: Address<Query>,
    /// Weak, so that a connection does not keep the event streams open.
    pub(crate) events: broadcast::WeakSender<Written>,
    pub(crate) config: watch::Sender<Config>,
    pub(crate) signal: Signal,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/readings", post(submit))
        .route("/readings/{sensor}", get(latest))
        .route("/events", get(events))
        .route("/config", get(show_config).put(change_config))
        .with_state(app)
}

/// 202 means: it is in the queue, and will be written. 503 means: it is not.
async fn submit(State(app): State<App>, body: String) -> Response {
    let reading = match Reading::parse(&body) {
        Ok(reading) => reading,
        Err(reason) => return (StatusCode::BAD_REQUEST, reason).into_response(),
    };
    match app.queue.try_send(reading) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(TrySendError::Full(_)) => unavailable(&app, "the queue is full"),
        Err(TrySendError::Closed(_)) => unavailable(&app, "the service is stopping"),
    }
}

fn unavailable(app: &App, reason: &'static str) -> Response {
    let seconds = app.config.borrow().retry_after_seconds.to_string();
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds)], reason).into_response()
}

async fn latest(State(app): State<App>, Path(sensor): Path<String>) -> Response {
    match app.database.ask_timeout(Query::Latest, sensor, ANSWER_LIMIT).await {
        Ok(Some(reading)) => reading.as_str().to_owned().into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(AskError::Busy(_)) => unavailable(&app, "the database is busy"),
        Err(AskError::TimedOut) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Err(AskError::Gone(_) | AskError::Unanswered) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// What is written from now on, as server-sent events.
async fn events(State(app): State<App>) -> Response {
    let Some(events) = app.events.upgrade() else {
        return unavailable(&app, "the service is stopping");
    };
    // The name is in the log if this client is what a stop waits for.
    let Ok(guard) = app.signal.try_track("event reader") else {
        return unavailable(&app, "the service is stopping");
    };
    let stream = events.subscribe().into_stream().map(move |item| {
        let _open = &guard; // Moved into the stream, and dropped with it.
        Ok::<_, Infallible>(match item {
            Ok(Written { row, commit, reading }) => Event::default()
                .event("written")
                .id(row.to_string())
                .data(format!("{commit} {}", reading.as_str())),
            Err(Lagged(missed)) => Event::default().event("lagged").data(missed.to_string()),
        })
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

async fn show_config(State(app): State<App>) -> String {
    app.config.borrow().to_string()
}

/// All changes of a request take effect, or none.
async fn change_config(State(app): State<App>, body: String) -> Response {
    let mut result = Ok(());
    app.config.send_if_modified(|config| match config.with(&body) {
        Ok(changed) if changed != *config => {
            *config = changed;
            true
        }
        Ok(_same) => false,
        Err(reason) => {
            result = Err(reason);
            false
        }
    });
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
    }
}
