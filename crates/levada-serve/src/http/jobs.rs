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

use super::app::{App, Client};
use super::headers::{Preferences, has_already, waited};
use super::lookup::{find, no_job, parse, to_the_end};
use super::outcome::{
    accepted_answer, answer_with_output, given_up, refused, store_problem, unreadable,
};
use super::path::Path;
use super::problem::{JOB_ID, Problem, bad_query};
use super::state::{JobJson, tag, tag_header};
use super::wait::{elsewhere, until_changed, until_ended};
use crate::job::JobState;
use crate::jobs::active::JobView;
use crate::jobs::lifecycle::accept::NotAgain;
use crate::jobs::lifecycle::cancel::Cancelled;
use crate::jobs::registry::Job;
use crate::jobs::registry::Page;
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
        job = until_changed(&app, job, &headers, wait).await?;
    }
    let view = job.view();
    let mut response = if has_already(&headers, &tag(&view)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(JobJson::of(&job)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag_header(&view));
    waited(&mut response, wait);
    Ok(response)
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
        Job::Active(active) => until_ended(&app.jobs, active, wait.unwrap_or_default()).await,
        Job::Past(record) => record.state.has_ended().then(|| job.view()),
    };
    let mut response = match view {
        None => accepted_answer(&app, &job),
        Some(view) => {
            answer_with_output(&app, view).await.unwrap_or_else(IntoResponse::into_response)
        }
    };
    waited(&mut response, wait);
    Ok(response)
}

pub(crate) async fn stderr(State(app): State<Arc<App>>, Path(id): Path) -> Answer {
    let JobView { record, .. } = find(&app, &id).await?.view();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, text),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (JOB_ID, record.id.header()),
    ];
    Ok((headers, record.stderr_tail.clone()).into_response())
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, Path(id): Path) -> Answer {
    let id = parse(&id)?;
    let lifecycle = Arc::clone(&app.jobs.lifecycle);
    let cancelled = to_the_end(async move { lifecycle.cancel(id).await }).await?;
    let cancelled = cancelled.map_err(|error| store_problem(&app, &error).job(id))?;
    if matches!(cancelled, Some(Cancelled::TooLate))
        && let Some(problem) = given_up(&app, &find(&app, &id.to_string()).await?)
    {
        return Err(problem);
    }
    match cancelled {
        None => Err(no_job(&id.to_string())),
        Some(Cancelled::Ended(view)) => Ok(Json(JobJson::seen(view)).into_response()),
        Some(Cancelled::Stopping(view)) => {
            Ok((StatusCode::ACCEPTED, Json(JobJson::seen(view))).into_response())
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
    match to_the_end(Arc::clone(&app.jobs.lifecycle).run_again(id, client)).await? {
        Ok(None) => Err(no_job(&id.to_string())),
        Ok(Some(active)) => Ok(accepted_answer(&app, &Job::Active(active))),
        Err(NotAgain::Not(state)) => {
            let detail = match state {
                JobState::Succeeded => "The job succeeded.",
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
    state: Option<JobState>,
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
    let Page { jobs, next } =
        app.jobs.registry.list(filter).await.map_err(|error| unreadable(&error))?;
    let mut body = json!({ "jobs": jobs.iter().map(JobJson::of).collect::<Vec<_>>() });
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
