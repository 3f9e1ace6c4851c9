//! `/jobs`: what became of them, and what may still become of them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::outcome::{answer, given_up, internal, no_output, refused, store_problem, unreadable};
use super::path::Path;
use super::prefer::{Preferences, has_already, waited};
use super::problem::{JOB_ID, Problem};
use super::state::{JobState, tag, tag_header};
use super::submit::outcome;
use super::{App, Client};
use crate::job::{JobId, State as Stage};
use crate::jobs::list::Page;
use crate::jobs::live::View;
use crate::jobs::service::{Cancelled, Job, NotAgain};
use crate::store::Filter;

/// How long a request for a state can wait for a change at most.
const LONGEST_POLL: Duration = Duration::from_secs(60);
/// How many jobs a list shows unless asked, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

type Answer = Result<Response, Problem>;

pub(crate) async fn status(
    State(app): State<Arc<App>>,
    Path(id): Path,
    headers: HeaderMap,
) -> Answer {
    let mut job = find(&app, &id).await?;
    let wait = Preferences::of(&headers).wait.map(|wait| wait.min(LONGEST_POLL));
    if let Some(wait) = wait {
        job = later(&app, job, &headers, wait).await?;
    }
    let view = job.view();
    let mut response = if has_already(&headers, &tag(&view)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(JobState::of(&job)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag_header(&view));
    waited(&mut response, wait);
    Ok(response)
}

/// The job when it is no longer as the client knows it, or has ended; or else after `wait`.
async fn later(app: &App, job: Job, headers: &HeaderMap, wait: Duration) -> Result<Job, Problem> {
    let knows = headers.contains_key(header::IF_NONE_MATCH);
    if knows && !has_already(headers, &tag(&job.view())) {
        return Ok(job);
    }
    let live = match &job {
        Job::Live(live) if live.view().fault.is_none() => live,
        _ => return elsewhere(app, job, wait).await,
    };
    if knows {
        let mut view = live.watch();
        let news = view.wait_for(|view| view.is_final() || !has_already(headers, &tag(view)));
        // In time or not: what is seen now is the answer.
        at_most(app, wait, news).await;
    } else {
        drop(outcome(&app.jobs, live, wait).await);
    }
    // A job whose end is only seen here any more.
    let view = live.view();
    Ok(if view.is_final() { Job::Past(view.into_record()) } else { job })
}

/// The job as soon as something happens to it, or else after `wait`. This process does not run the
/// job, since its queue is not configured: only a reload with the queue, or a cancel, changes it.
/// Returns at once if the job has ended.
async fn elsewhere(app: &App, job: Job, wait: Duration) -> Result<Job, Problem> {
    // First listen, then look.
    let mut events = app.jobs.feed.subscribe(None).events;
    let id = job.id();
    let job = find(app, &id.to_string()).await?;
    if job.state().has_ended() {
        return Ok(job);
    }
    // A subscriber that lags looks at the job, too.
    let happens = async { while events.recv().await.is_ok_and(|event| event.job != Some(id)) {} };
    at_most(app, wait, happens).await;
    find(app, &id.to_string()).await
}

/// Waits for something, but not longer than this, nor when the service shuts down.
async fn at_most(app: &App, wait: Duration, something: impl Future) {
    tokio::select! {
        _ = timeout(wait, something) => {}
        () = app.jobs.shutdown.draining() => {}
    }
}

pub(crate) async fn result(
    State(app): State<Arc<App>>,
    Path(id): Path,
    headers: HeaderMap,
) -> Answer {
    let mut job = find(&app, &id).await?;
    let wait = Preferences::of(&headers).wait.map(|wait| wait.min(LONGEST_POLL));
    if let Some(problem) = given_up(&app, &job) {
        return Err(problem);
    }
    if let (Job::Past(_), Some(wait)) = (&job, wait) {
        job = elsewhere(&app, job, wait).await?;
    }
    let view = match &job {
        Job::Live(live) => outcome(&app.jobs, live, wait.unwrap_or_default()).await,
        Job::Past(record) => record.state.has_ended().then(|| job.view()),
    };
    let mut response = match view {
        None => accepted(&app, &job),
        Some(view) => {
            answer_with_output(&app, view).await.unwrap_or_else(IntoResponse::into_response)
        }
    };
    waited(&mut response, wait);
    Ok(response)
}

/// As [`answer`], with the output from the store if it is not at hand.
pub(super) async fn answer_with_output(app: &App, mut view: View) -> Answer {
    if view.record.state == Stage::Succeeded && view.output.is_none() && !view.record.emptied {
        let id = view.record.id;
        view.output = app.jobs.output(id).await.map_err(|error| no_output(app, id, &error))?;
    }
    answer(app, view)
}

pub(crate) async fn stderr(State(app): State<Arc<App>>, Path(id): Path) -> Answer {
    let View { record, .. } = find(&app, &id).await?.view();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, text),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (JOB_ID, record.id.header()),
    ];
    Ok((headers, record.stderr_tail.clone()).into_response())
}

/// `202`: the job goes on, and where to ask for it.
pub(super) fn accepted(app: &App, job: &Job) -> Response {
    let View { record, .. } = job.view();
    let soon = app.jobs.queue(&record.queue).map_or(1, |queue| queue.retry_after());
    let place = HeaderValue::try_from(format!("/jobs/{}", record.id)).expect("an id");
    let headers = [
        (header::LOCATION, place),
        (header::RETRY_AFTER, soon.into()),
        (JOB_ID, record.id.header()),
    ];
    (StatusCode::ACCEPTED, headers, Json(JobState::of(job))).into_response()
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, Path(id): Path) -> Answer {
    let id = parse(&id)?;
    let jobs = Arc::clone(&app.jobs);
    let cancelled = to_the_end(async move { jobs.cancel(id).await }).await?;
    let cancelled = cancelled.map_err(|error| store_problem(&app, &error).job(id))?;
    if matches!(cancelled, Some(Cancelled::TooLate))
        && let Some(problem) = given_up(&app, &find(&app, &id.to_string()).await?)
    {
        return Err(problem);
    }
    match cancelled {
        None => Err(no_job(&id.to_string())),
        Some(Cancelled::Ended(view)) => Ok(Json(JobState::seen(view)).into_response()),
        Some(Cancelled::Stopping(view)) => {
            Ok((StatusCode::ACCEPTED, Json(JobState::seen(view))).into_response())
        }
        Some(Cancelled::TooLate) => Err(Problem::new(
            StatusCode::CONFLICT,
            "already-ended",
            "The job has ended",
            "A finished job cannot be cancelled.",
        )
        .job(id)),
    }
}

pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Path(id): Path,
    Extension(Client(client)): Extension<Client>,
) -> Answer {
    let id = parse(&id)?;
    match to_the_end(Arc::clone(&app.jobs).run_again(id, client)).await? {
        Ok(None) => Err(no_job(&id.to_string())),
        Ok(Some(live)) => Ok(accepted(&app, &Job::Live(live))),
        Err(NotAgain::Not(state)) => {
            let detail = match state {
                Stage::Succeeded => "The job succeeded.",
                _ => "The job has not ended.",
            };
            let status = StatusCode::CONFLICT;
            Err(Problem::new(status, "not-retryable", "The job cannot be run again", detail)
                .job(id))
        }
        Err(NotAgain::NoInput) => Err(Problem::new(
            StatusCode::GONE,
            "input-gone",
            "The input is no longer kept",
            "The job's input was deleted to free space, or because of its age.",
        )
        .job(id)),
        Err(NotAgain::Refused(refusal)) => Err(refused(&app, refusal)),
    }
}

/// Which jobs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    queue: Option<String>,
    state: Option<Stage>,
    limit: Option<usize>,
    before: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer {
    let Query(wanted) = wanted.map_err(|rejection| bad_query(&rejection.body_text()))?;
    let limit = wanted.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(bad_query(&format!("limit is {limit}; give a number from 1 to {MOST}")));
    }
    let before = match &wanted.before {
        None => None,
        Some(id) => Some(
            id.parse()
                .map_err(|_| bad_query(&format!("before is {id:?}, which is not a job id")))?,
        ),
    };
    let filter = Filter { queue: wanted.queue.clone(), state: wanted.state, before, limit };
    let Page { jobs, next } = app.jobs.list(filter).await.map_err(|error| unreadable(&error))?;
    let mut body = json!({ "jobs": jobs.iter().map(JobState::of).collect::<Vec<_>>() });
    if let Some(last) = next {
        let mut next = format!("/jobs?before={last}&limit={limit}");
        if let Some(queue) = wanted.queue {
            next += &format!("&queue={queue}");
        }
        if let Some(state) = wanted.state {
            next += &format!(
                "&state={}",
                serde_json::to_value(state).unwrap_or_default().as_str().unwrap_or_default()
            );
        }
        body["next"] = next.into();
    }
    Ok(Json(body).into_response())
}

/// The job of this id, if there is one.
pub(super) async fn find(app: &App, id: &str) -> Result<Job, Problem> {
    let id = parse(id)?;
    let found = app.jobs.find(id).await.map_err(|error| unreadable(&error).job(id))?;
    found.ok_or_else(|| no_job(&id.to_string()))
}

/// Goes on when the client hangs up meanwhile: nothing that was begun with a job is left half done.
pub(super) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(change).await.map_err(|_| internal("Changing the job failed."))
}

fn parse(id: &str) -> Result<JobId, Problem> {
    id.parse().map_err(|_| no_job(id))
}

fn no_job(id: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-job",
        "There is no such job",
        format!("There is no job {id:?}; finished jobs are deleted after some time."),
    )
}

pub(super) fn no_queue(app: &App, name: &str) -> Problem {
    let names: Vec<_> = app.jobs.all_queues().iter().map(|queue| queue.name.clone()).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-queue",
        "There is no such queue",
        format!("There is no queue {name:?}; there are: {}.", names.join(", ")),
    )
}

fn bad_query(detail: &str) -> Problem {
    let status = StatusCode::BAD_REQUEST;
    Problem::new(status, "bad-query", "The query is invalid", format!("{detail}."))
}
