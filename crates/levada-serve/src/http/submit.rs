//! `POST /` and `POST /q/{queue}`: a request becomes a job, and the job's outcome the answer.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use levada::oneshot;

use super::app::{App, Client, Rejection};
use super::headers::{Preferences, content_length, responded_async, traceparent, waited};
use super::lookup;
use super::meta::RequestMeta;
use super::outcome::{accepted_answer, answer_with_output, given_up, internal, refused};
use super::path::Path;
use super::problem::{JOB_ID, Problem};
use super::upload::{Upload, receive, too_large};
use super::wait::until_ended;
use crate::config::{DEFAULT_QUEUE, OnDisconnect};
use crate::jobs::active::{ActiveJob, JobQueue};
use crate::jobs::lifecycle::Lifecycle;
use crate::jobs::lifecycle::accept::{Accepted, Submission};
use crate::jobs::registry::Job;
use crate::telemetry::{RequestInfo, Span};

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
    let meta = RequestMeta::read(request.headers(), &config)?;
    if content_length(request.headers()).is_some_and(|length| length > config.max_body) {
        return Err(too_large(&config));
    }
    let admitted = app.jobs.admission.admit(queue, client.clone());
    let admitted = admitted.map_err(|refusal| refused(app, refusal))?;
    let Upload { body, digest } =
        receive(app, queue, &config, meta.key.is_some(), request.into_body()).await?;
    let key = meta.idempotency_key(&client, &queue.name, digest);
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
