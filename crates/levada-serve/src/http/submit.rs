//! `POST /` and `POST /q/{queue}`: a request becomes a job, and the job's outcome the answer.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use levada::oneshot;
use sha2::{Digest, Sha256};

use super::app::{App, Client, Rejection};
use super::headers::{
    IDEMPOTENCY_KEY, Preferences, content_length, idempotency_key, is_traceparent, responded_async,
    traceparent, waited,
};
use super::lookup;
use super::outcome::{accepted_answer, answer_with_output, given_up, internal, refused};
use super::path::Path;
use super::problem::{JOB_ID, Problem, bad_header};
use super::upload::{Upload, receive, too_large};
use super::wait::until_ended;
use crate::config::{DEFAULT_QUEUE, OnDisconnect, QueueConfig};
use crate::job::IdempotencyKey;
use crate::jobs::active::ActiveJob;
use crate::jobs::active::JobQueue;
use crate::jobs::lifecycle::Lifecycle;
use crate::jobs::lifecycle::accept::{Accepted, Submission};
use crate::jobs::registry::Job;
use crate::telemetry::{RequestInfo, Span};

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

pub(crate) async fn to_default(
    app: State<Arc<App>>,
    client: Extension<Client>,
    request: Request,
) -> Response {
    to_queue(app, Path(DEFAULT_QUEUE.to_owned()), client, request).await
}

pub(crate) async fn to_queue(
    State(app): State<Arc<App>>,
    Path(name): Path,
    Extension(client): Extension<Client>,
    request: Request,
) -> Response {
    let queue = match lookup::queue(&app, &name) {
        Ok(queue) => queue,
        Err(problem) => return rejected(problem, None),
    };
    let span = app.jobs.reporter.tracing.begin_request(&RequestInfo {
        queue: &name,
        path: request.uri().path(),
        is_tls: app.settings.tls.is_some(),
        parent: traceparent(request.headers()),
    });
    let preferences = Preferences::of(request.headers());
    let answer = match accept(&app, &queue, client, request, &span).await {
        Ok((accepted, withdraw)) => respond(&app, &queue, accepted, withdraw, preferences).await,
        Err(problem) => rejected(problem, Some(name)),
    };
    let job = answer.headers().get(JOB_ID).and_then(|id| id.to_str().ok());
    span.answered(answer.status().as_u16(), job);
    answer
}

fn rejected(problem: Problem, queue: Option<String>) -> Response {
    let reason = problem.kind();
    let mut response = problem.into_response();
    response.extensions_mut().insert(Rejection { queue, reason });
    response
}

/// What a request says besides its body.
struct RequestMeta {
    input_type: Option<String>,
    key: Option<String>,
    trace: Option<String>,
}

/// Takes a place in the queue, reads the body, and puts the job on disk. Also says whether the job
/// is to be cancelled when its client stops waiting.
async fn accept(
    app: &Arc<App>,
    queue: &Arc<JobQueue>,
    Client(client): Client,
    request: Request,
    span: &Span,
) -> Result<(Accepted, bool), Problem> {
    let config = queue.config();
    let meta = understand(request.headers(), &config)?;
    if content_length(request.headers()).is_some_and(|length| length > config.max_body) {
        return Err(too_large(&config));
    }
    let admitted = app.jobs.admission.admit(queue, client.clone());
    let admitted = admitted.map_err(|refusal| refused(app, refusal))?;
    let Upload { body, digest } =
        receive(app, queue, &config, meta.key.is_some(), request.into_body()).await?;
    let key = meta.key.as_deref().zip(digest);
    let key = key.map(|(key, body)| identify(&client, &queue.name, key, &meta, &body));
    let withdraw = key.is_none() && config.on_disconnect == OnDisconnect::Cancel;
    let trace = span.traceparent().or(meta.trace);
    let submission = Submission { input: body, input_type: meta.input_type, trace, key };

    // A task of its own: a client that goes away in the middle does not leave a job half accepted.
    let (reply, accepted) = oneshot::channel();
    let lifecycle = Arc::clone(&app.jobs.lifecycle);
    tokio::spawn(async move {
        let accepted = Arc::clone(&lifecycle).accept(admitted, submission).await;
        if let Err(Ok(Accepted::New(active))) = reply.send(accepted)
            && withdraw
        {
            drop(lifecycle.cancel(active.id).await);
        }
    });
    let accepted = accepted.await.map_err(|_| internal("Accepting the job failed."))?;
    accepted.map(|accepted| (accepted, withdraw)).map_err(|refusal| refused(app, refusal))
}

fn understand(headers: &HeaderMap, config: &QueueConfig) -> Result<RequestMeta, Problem> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "The body has a Content-Encoding; send it without one.";
        return Err(unsupported(detail)
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    let input_type = match headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(text)) => Some(text.to_owned()),
        Some(Err(_)) => {
            return Err(bad_header("Content-Type has characters that a media type cannot have."));
        }
    };
    if !config.accepts(headers.get(header::CONTENT_TYPE)) {
        let types = config.accept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let detail = format!(
            "The queue accepts {types}, not {:?}.",
            input_type.as_deref().unwrap_or("application/octet-stream")
        );
        let types = HeaderValue::try_from(types).unwrap_or(HeaderValue::from_static("*/*"));
        return Err(unsupported(detail).header(ACCEPT_POST, types));
    }
    let key = match headers.get(IDEMPOTENCY_KEY) {
        Some(value) => Some(idempotency_key(value)?),
        None if config.require_key => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency-key-missing",
                "The request has no key",
                "The queue requires an Idempotency-Key header on every submission.",
            ));
        }
        None => None,
    };
    // W3C Trace Context: what is malformed is ignored.
    let trace = traceparent(headers).filter(|text| is_traceparent(text));
    Ok(RequestMeta { input_type, key, trace: trace.map(str::to_owned) })
}

/// What makes this request the same as another; `body` is the digest of its body.
fn identify(
    client: &str,
    queue: &str,
    key: &str,
    meta: &RequestMeta,
    body: &[u8; 32],
) -> IdempotencyKey {
    let of = |parts: &[&[u8]]| -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    };
    let input_type = meta.input_type.as_deref().unwrap_or_default();
    IdempotencyKey {
        name: of(&[client.as_bytes(), queue.as_bytes(), key.as_bytes()]),
        content: of(&[input_type.as_bytes(), body]),
    }
}

/// Waits for the outcome as long as the client and the queue want, and answers.
async fn respond(
    app: &App,
    queue: &JobQueue,
    accepted: Accepted,
    withdraw: bool,
    preferences: Preferences,
) -> Response {
    let job = match accepted {
        Accepted::New(active) => Job::Active(active),
        Accepted::Again(job) => job,
    };
    let most = queue.config().wait;
    let wait = preferences.wait.map(|wait| wait.min(most));
    let view = match &job {
        // Not even if it has ended meanwhile: the client counts on the address.
        Job::Active(_) if preferences.respond_async => None,
        Job::Active(active) => {
            let client = Waiting { lifecycle: &app.jobs.lifecycle, active, withdraw };
            let view = until_ended(&app.jobs, active, wait.unwrap_or(most)).await;
            client.answered();
            view
        }
        Job::Past(record) if record.state.has_ended() => Some(job.view()),
        Job::Past(_) => match given_up(app, &job) {
            Some(problem) => return problem.into_response(),
            None => None,
        },
    };
    let is_over = view.is_some();
    let mut response = match view {
        // A repeated request finds the output in the store.
        Some(view) => {
            answer_with_output(app, view).await.unwrap_or_else(IntoResponse::into_response)
        }
        None => accepted_answer(app, &job),
    };
    match preferences.respond_async {
        true if !is_over => responded_async(&mut response),
        true => {}
        false => waited(&mut response, wait),
    }
    response
}

/// A client that waits for a job. Dropped before there is an answer, it withdraws the job if that
/// is wanted.
struct Waiting<'a> {
    lifecycle: &'a Arc<Lifecycle>,
    active: &'a Arc<ActiveJob>,
    withdraw: bool,
}

impl Waiting<'_> {
    fn answered(mut self) {
        self.withdraw = false;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.withdraw {
            let (lifecycle, id) = (Arc::clone(self.lifecycle), self.active.id);
            tokio::spawn(async move { lifecycle.cancel(id).await });
        }
    }
}

fn unsupported(detail: impl Into<String>) -> Problem {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Problem::new(status, "unsupported-type", "The type of the body is not accepted", detail)
}
