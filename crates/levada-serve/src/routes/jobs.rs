//! `POST /`: a request becomes a job, and the job's outcome the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::app::Service;
use crate::jobs::feed::Happened;
use crate::jobs::job::{End, Job, JobId, Outcome, Ticket, Unanswered};
use crate::jobs::queue::Refused;
use crate::problem::{JOB_ID, Problem};

/// Gives out the ids of jobs.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    fn next(&self) -> JobId {
        // ORDERING: Relaxed, no pair: only the number itself matters, and each is given out once.
        JobId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

pub(crate) async fn submit(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let (id, ticket) = accept(&service, request).await.inspect_err(|problem| {
        service.feed.tell(&Happened::Rejected { reason: problem.kind() });
    })?;
    match ticket.wait(service.args.wait).await {
        Ok(outcome) => answer(&service, outcome, id),
        Err(Unanswered::NotStarted) => Err(not_started(&service)),
        Err(Unanswered::Lost) => Err(lost()),
    }
    .map_err(|problem| problem.job(id))
}

/// Takes a place in the queue, reads the body, and puts the job in its place.
async fn accept(service: &Service, request: Request) -> Result<(JobId, Ticket), Problem> {
    if announced(request.headers()).is_some_and(|length| length > service.args.max_body) {
        return Err(body_too_large(service));
    }
    let place = service.entrance.reserve().map_err(|refused| match refused {
        Refused::Full => queue_full(service),
        Refused::Closed => draining(service),
    })?;
    let input = read(service, request.into_body()).await?;
    let id = service.ids.next();
    let (job, ticket) = Job::new(id, input);
    service.feed.tell(&Happened::Accepted { job: id });
    place.put(job);
    Ok((id, ticket))
}

/// The length of the body, if the client says it beforehand.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(service: &Service, body: Body) -> Result<Bytes, Problem> {
    let body = Limited::new(body, service.args.max_body).collect();
    match timeout(service.args.body_timeout, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(body_too_large(service)),
        Ok(Err(error)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "body-unreadable",
            "The body could not be read",
            format!("Reading the request's body failed: {error}."),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body-timeout",
            "The body took too long",
            format!("The body was not here within {:?}.", service.args.body_timeout),
        )),
    }
}

/// The exit code and signal are in the extension members, so programs need not read the detail.
fn answer(service: &Service, outcome: Outcome, id: JobId) -> Result<Response, Problem> {
    let problem = match outcome.end {
        End::Exited(0) => {
            let content_type = service.args.content_type.clone();
            let headers = [(header::CONTENT_TYPE, content_type), (JOB_ID, id.0.into())];
            return Ok((headers, outcome.stdout).into_response());
        }
        End::Exited(code) => {
            let detail = format!("The command ended with exit code {code}.");
            failed(service, status_of(code), detail).exit_code(code)
        }
        End::Signalled(signal) => {
            let detail = format!("The command was ended by signal {signal}.");
            failed(service, StatusCode::INTERNAL_SERVER_ERROR, detail).signal(signal)
        }
        End::TimedOut => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "The command took too long",
            format!("The command ran longer than {:?} and was stopped.", service.args.timeout),
        ),
        End::OutputTooLarge => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "output-too-large",
            "The command wrote too much",
            format!(
                "The command wrote more than {} bytes to its standard output and was stopped.",
                service.args.max_output
            ),
        ),
        End::NotRun(error) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "command-not-run",
            "The command could not be run",
            format!("The system says: {error}."),
        ),
        End::Aborted => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "aborted",
            "The service was told to stop at once",
            "The command was killed before it ended, or not started.",
        ),
        End::Abandoned => unreachable!("a job is abandoned only when nobody waits for its answer"),
    };
    Err(problem.stderr_tail(outcome.stderr_tail))
}

fn failed(service: &Service, status: StatusCode, detail: String) -> Problem {
    let problem = Problem::new(status, "command-failed", "The command failed", detail);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return problem.retry_after(retry_after(service));
    }
    problem
}

/// What a command says with its exit code, by the names of `sysexits.h`.
fn status_of(exit_code: i32) -> StatusCode {
    match exit_code {
        64 => StatusCode::BAD_REQUEST,              // EX_USAGE
        65 => StatusCode::UNPROCESSABLE_ENTITY,     // EX_DATAERR
        66 => StatusCode::NOT_FOUND,                // EX_NOINPUT
        69 | 75 => StatusCode::SERVICE_UNAVAILABLE, // EX_UNAVAILABLE, EX_TEMPFAIL
        77 => StatusCode::FORBIDDEN,                // EX_NOPERM
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn retry_after(service: &Service) -> u32 {
    service.pace.retry_after(service.entrance.depth())
}

fn body_too_large(service: &Service) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        format!("The body may have at most {} bytes.", service.args.max_body),
    )
}

fn queue_full(service: &Service) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "queue-full",
        "The queue is full",
        format!("All {} places are taken; the job was not accepted.", service.args.queue),
    )
    .retry_after(retry_after(service))
}

fn not_started(service: &Service) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "wait-exceeded",
        "No worker was free in time",
        format!(
            "The job waited {:?} for a worker and was withdrawn; it will not run.",
            service.args.wait
        ),
    )
    .retry_after(retry_after(service))
}

pub(crate) fn draining(service: &Service) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "draining",
        "The service is shutting down",
        "No more jobs are accepted; those that were are being finished.",
    )
    .retry_after(retry_after(service))
}

fn lost() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "The service failed",
        "The worker failed while it had the job; how far the command came is not known.",
    )
}
