//! From how a job ended to an answer, and from a refusal to a problem.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use tracing::error;

use super::app::App;
use super::problem::{JOB_ID, Problem};
use super::state::JobJson;
use crate::job::{FailureStatus, JobId, JobState, Outcome, Record};
use crate::jobs::active::JobQueue;
use crate::jobs::active::{Abandoned, JobView};
use crate::jobs::admission::Refusal;
use crate::jobs::registry::Job;
use crate::store::body::Body;
use crate::store::{StoreError, StoreErrorKind};
use crate::sync::lock;

/// The answer to who waits for a job that has ended, or whose run came to nothing.
pub(crate) fn answer(app: &App, view: JobView) -> Result<Response, Problem> {
    let id = view.record.id;
    if let Some(why) = view.abandoned {
        return Err(abandoned(app, why).job(id));
    }
    match view.record.state {
        JobState::Succeeded => match view.output {
            Some(output) => Ok(success(&view.record, output)),
            None => Err(result_gone().job(id)),
        },
        JobState::Cancelled => Err(Problem::new(
            StatusCode::CONFLICT,
            "cancelled",
            "The job was cancelled",
            "The job was cancelled before it ended; its output was discarded.",
        )
        .job(id)),
        _ => Err(failed(app, &view.record)),
    }
}

/// As [`answer`], with the output from the store if it is not at hand.
pub(super) async fn answer_with_output(app: &App, mut view: JobView) -> Result<Response, Problem> {
    if view.record.state == JobState::Succeeded && view.output.is_none() && !view.record.emptied {
        let id = view.record.id;
        view.output =
            app.jobs.registry.output(id).await.map_err(|error| no_output(app, id, &error))?;
    }
    answer(app, view)
}

/// `202`: the job goes on, and where to ask for it.
pub(super) fn accepted_answer(app: &App, job: &Job) -> Response {
    let JobView { record, .. } = job.view();
    let soon = app.jobs.registry.queue(&record.queue).map_or(1, |queue| queue.retry_after());
    let place = HeaderValue::try_from(format!("/jobs/{}", record.id)).expect("an id");
    let headers = [
        (header::LOCATION, place),
        (header::RETRY_AFTER, soon.into()),
        (JOB_ID, record.id.header()),
    ];
    (StatusCode::ACCEPTED, headers, Json(JobJson::of(job))).into_response()
}

/// Why nothing more becomes of this job in this process, although it has not ended.
pub(super) fn given_up(app: &App, job: &Job) -> Option<Problem> {
    let view = job.view();
    let problem = match (view.abandoned, job) {
        (Some(why), _) => abandoned(app, why),
        // It is in no line: either its queue is not configured, or its end could not be stored.
        (None, Job::Past(record)) if !record.state.has_ended() => {
            store_failed(&app.jobs.store.failure()?)
        }
        _ => return None,
    };
    Some(problem.job(view.record.id))
}

fn success(record: &Record, output: Body) -> Response {
    let content_type = record
        .output_type
        .as_deref()
        .and_then(|text| HeaderValue::from_str(text).ok())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let place = HeaderValue::try_from(format!("/jobs/{}/result", record.id)).expect("an id");
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_LOCATION, place),
        // The output is the command's; no browser takes it for a page of this service.
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
        (JOB_ID, record.id.header()),
    ];
    match output {
        Body::Memory(bytes) => (headers, bytes).into_response(),
        file => {
            let length = [(header::CONTENT_LENGTH, HeaderValue::from(file.len()))];
            (headers, length, stream(record.id, file)).into_response()
        }
    }
}

/// A body that is read as the client takes it.
fn stream(id: JobId, body: Body) -> axum::body::Body {
    axum::body::Body::from_stream(try_unfold(body.pieces(), move |mut pieces| async move {
        let piece = pieces.next().await;
        let piece = piece.inspect_err(
            |error| error!(job = %id, %error, "a response was cut off: cannot read the output"),
        )?;
        Ok::<_, StoreError>((!piece.is_empty()).then_some((piece, pieces)))
    }))
}

fn result_gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "result-gone",
        "The output is no longer kept",
        "The job succeeded; its output was deleted to free space, or because of its age.",
    )
}

fn abandoned(app: &App, why: Abandoned) -> Problem {
    match (why, app.jobs.store.failure()) {
        (Abandoned::NotStored, Some(error)) => store_failed(&error),
        (Abandoned::NotStored, None) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-failed",
            "The outcome could not be stored",
            "The job ran, but its outcome is not on the disk; it runs again after a restart.",
        ),
        (Abandoned::Interrupted, _) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "interrupted",
            "The service stopped before the job ended",
            if app.jobs.store.is_durable() {
                "The job did not end; it runs again after a restart."
            } else {
                "The job did not end; it is lost, because the service keeps jobs only in memory."
            },
        ),
    }
}

/// The exit code and signal are in the extension members, so programs need not read the detail.
fn failed(app: &App, record: &Record) -> Problem {
    let internal = StatusCode::INTERNAL_SERVER_ERROR;
    let runs = match record.attempt {
        1 => String::new(),
        n => format!(" It was run {n} times."),
    };
    let problem = match record.outcome {
        Some(Outcome::TimedOut) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "The command took too long",
            format!("The command exceeded its time limit and was stopped.{runs}"),
        ),
        Some(Outcome::OutputTooLarge) => Problem::new(
            internal,
            "output-too-large",
            "The command's output is too large",
            format!(
                "The command wrote more than is allowed to standard output, and was stopped.{runs}"
            ),
        ),
        Some(Outcome::NotRun) => Problem::new(
            internal,
            "command-not-run",
            "The command could not be run",
            format!("The system says: {}.", record.fault.as_deref().unwrap_or("nothing")),
        ),
        Some(Outcome::OutOfStep) => Problem::new(
            internal,
            "command-out-of-step",
            "The command is out of step with its jobs",
            format!(
                "The process broke the protocol: {}. Its answer may belong to another job, so it is not shown, and the process was replaced. \
                 The command has to write one line for each line that it reads (mode = \"lines\"), or one frame for \
                 each frame (mode = \"frames\").",
                record.fault.as_deref().unwrap_or("it is not known")
            ),
        ),
        Some(Outcome::Interrupted) => Problem::new(
            internal,
            "interrupted-too-often",
            "The service died whenever the job ran",
            format!(
                "The service died {} times in a row while the job ran, without being asked to stop. \
                 The job may be the cause, so it is not retried automatically.",
                record.interruptions
            ),
        ),
        _ => {
            let status = record.status.map_or(internal, status_of);
            let end = match (record.exit_code, record.signal) {
                (Some(code), _) => format!("The command ended with exit code {code}."),
                (None, Some(signal)) => format!("The command was killed by signal {signal}."),
                (None, None) => "The command did not end by itself.".to_owned(),
            };
            let problem = Problem::new(status, "command-failed", "The command failed", end + &runs);
            match app.jobs.registry.queue(&record.queue) {
                Some(queue) if status == StatusCode::SERVICE_UNAVAILABLE => {
                    problem.retry_after(queue.retry_after())
                }
                _ => problem,
            }
        }
    };
    problem
        .job(record.id)
        .run(record.attempt, record.exit_code, record.signal)
        .stderr_tail(record.stderr_tail.clone())
}

/// The status of the answer to a client whose job has failed.
fn status_of(failure: FailureStatus) -> StatusCode {
    match failure {
        FailureStatus::Temporary => StatusCode::SERVICE_UNAVAILABLE,
        FailureStatus::Configured(number) => {
            StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

pub(crate) fn refused(app: &App, refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Full(queue) => full(app, &queue),
        Refusal::OverQuota(queue) => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "quota-exceeded",
            "Too many unfinished jobs",
            "This client has reached its limit of unfinished jobs; the job was not accepted.",
        )
        .retry_after(queue.retry_after()),
        Refusal::Closed => Problem::new(
            StatusCode::GONE,
            "queue-closed",
            "The queue is closed",
            "The queue is no longer in the configuration; it only finishes what it has.",
        ),
        Refusal::Draining => draining(),
        Refusal::KeyReused(id) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "The key belongs to another request",
            "A request with the same Idempotency-Key had another body or type. Use a new key.",
        )
        .job(id),
        Refusal::Store(error) => store_problem(app, &error),
    }
}

fn full(app: &App, queue: &JobQueue) -> Problem {
    let places = queue.config().capacity;
    Problem::new(
        app.settings.service.full_status,
        "queue-full",
        "The queue is full",
        format!("All {places} places of {:?} are taken; the job was not accepted.", queue.name),
    )
    .retry_after(queue.retry_after())
}

/// How soon there may be room on the disk again, in seconds.
const ROOM: u32 = 10;
/// How soon another process may have taken over, in seconds.
const NEXT_PROCESS: u32 = 5;

pub(crate) fn draining() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "draining",
        "The service is shutting down",
        "No new jobs are accepted.",
    )
    .retry_after(NEXT_PROCESS)
}

/// What cannot be written, or read.
pub(crate) fn store_problem(app: &App, error: &StoreError) -> Problem {
    let is_written = error.kind.passes() || app.jobs.store.failure().is_some();
    if is_written { store_failed(error) } else { unreadable(error) }
}

/// What cannot be written.
pub(crate) fn store_failed(error: &StoreError) -> Problem {
    match error.kind {
        StoreErrorKind::Full => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "store-full",
            "The disk is full",
            format!("No new jobs are accepted: {error}. The service accepts jobs again when there is room."),
        )
        .retry_after(ROOM),
        StoreErrorKind::Away => away(format!(
            "No new jobs are accepted: {error}. The service accepts jobs again when the NATS servers answer."
        )),
        StoreErrorKind::TooLarge
        | StoreErrorKind::Passing
        | StoreErrorKind::Io
        | StoreErrorKind::Corrupt
        | StoreErrorKind::Taken
        | StoreErrorKind::NoPlace => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-failed",
            "The store failed",
            format!("Jobs cannot be stored: {error}. The service is stopping."),
        ),
    }
}

/// The servers that keep jobs do not answer.
fn away(detail: String) -> Problem {
    let (status, title) = (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer");
    Problem::new(status, "store-away", title, detail).retry_after(NEXT_PROCESS)
}

/// What cannot be read.
pub(crate) fn unreadable(error: &StoreError) -> Problem {
    match error.kind {
        StoreErrorKind::Full
        | StoreErrorKind::TooLarge
        | StoreErrorKind::Passing
        | StoreErrorKind::Io
        | StoreErrorKind::Taken
        | StoreErrorKind::NoPlace => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-failed",
            "The store cannot be read",
            format!("The system says: {error}."),
        ),
        StoreErrorKind::Away => away(format!("The result cannot be read now: {error}.")),
        StoreErrorKind::Corrupt => internal(format!("The store is damaged: {error}.")),
    }
}

fn result_lost(error: &StoreError) -> Problem {
    Problem::new(
        StatusCode::GONE,
        "result-lost",
        "The output is lost",
        format!("The job succeeded, but its output is no longer there: {error}."),
    )
}

/// Why the service cannot send an output that should be there. A lost output is logged once.
pub(crate) fn no_output(app: &App, id: JobId, error: &StoreError) -> Problem {
    let problem = match error.kind {
        StoreErrorKind::Corrupt => {
            if lock(&app.lost).insert(id) {
                error!(job = %id, %error, "the output of a job is lost");
            }
            result_lost(error)
        }
        StoreErrorKind::Full
        | StoreErrorKind::TooLarge
        | StoreErrorKind::Passing
        | StoreErrorKind::Io
        | StoreErrorKind::Away
        | StoreErrorKind::Taken
        | StoreErrorKind::NoPlace => unreadable(error),
    };
    problem.job(id)
}

/// Something here is not as it should be.
pub(crate) fn internal(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed", detail)
}
