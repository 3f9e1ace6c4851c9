//! Waits for the end of a job, or for its next change, as long as a client wants.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use tokio::time::timeout;

use super::app::App;
use super::headers::has_already;
use super::lookup::find;
use super::problem::Problem;
use super::state::tag;
use crate::jobs::active::{ActiveJob, JobView};
use crate::jobs::registry::Job;
use crate::jobs::service::Jobs;

/// What is seen of the job at its end, unless that takes longer than `wait`, or longer than this
/// process lives.
pub(super) async fn until_ended(
    jobs: &Jobs,
    active: &ActiveJob,
    wait: Duration,
) -> Option<JobView> {
    let mut view = active.watch();
    let end = async {
        tokio::select! {
            end = view.wait_for(JobView::is_final) => return end.ok().map(|view| view.clone()),
            () = jobs.shutdown.draining() => {}
        }
        // From here on, what does not run will not run in this process.
        let stays = |view: &JobView| !jobs.runs_while_draining(view.record.state);
        let seen = view.wait_for(|view| view.is_final() || stays(view)).await.ok()?;
        seen.is_final().then(|| seen.clone())
    };
    timeout(wait, end).await.ok().flatten()
}

/// The job when it is no longer as the client knows it, or has ended; or else after `wait`.
pub(super) async fn until_changed(
    app: &App,
    job: Job,
    headers: &HeaderMap,
    wait: Duration,
) -> Result<Job, Problem> {
    let knows = headers.contains_key(header::IF_NONE_MATCH);
    if knows && !has_already(headers, &tag(&job.view())) {
        return Ok(job);
    }
    let active = match &job {
        Job::Active(active) if active.view().abandoned.is_none() => active,
        _ => return elsewhere(app, job, wait).await,
    };
    if knows {
        let mut view = active.watch();
        let news = view.wait_for(|view| view.is_final() || !has_already(headers, &tag(view)));
        // In time or not: what is seen now is the answer.
        at_most(app, wait, news).await;
    } else {
        drop(until_ended(&app.jobs, active, wait).await);
    }
    // A job whose end is only seen here any more.
    let view = active.view();
    Ok(if view.is_final() { Job::Past(view.into_record()) } else { job })
}

/// The job as soon as something happens to it, or else after `wait`. This process does not run the
/// job, since its queue is not configured: only a reload with the queue, or a cancel, changes it.
/// Returns at once if the job has ended.
pub(super) async fn elsewhere(app: &App, job: Job, wait: Duration) -> Result<Job, Problem> {
    // First listen, then look.
    let mut events = app.jobs.reporter.events.subscribe(None).events;
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
