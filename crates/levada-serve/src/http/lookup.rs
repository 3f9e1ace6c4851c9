//! Finds the job or the queue that a path names, or says that there is none.

use std::sync::Arc;

use axum::http::StatusCode;

use super::app::App;
use super::outcome::{internal, unreadable};
use super::problem::Problem;
use crate::job::JobId;
use crate::jobs::active::JobQueue;
use crate::jobs::registry::Job;

/// The job of this id, if there is one.
pub(super) async fn find(app: &App, id: &str) -> Result<Job, Problem> {
    let id = parse(id)?;
    let found = app.jobs.registry.find(id).await.map_err(|error| unreadable(&error).job(id))?;
    found.ok_or_else(|| no_job(&id.to_string()))
}

/// The queue of this name, if there is one.
pub(super) fn queue(app: &App, name: &str) -> Result<Arc<JobQueue>, Problem> {
    app.jobs.registry.queue(name).ok_or_else(|| no_queue(app, name))
}

/// Goes on when the client hangs up meanwhile: nothing that was begun with a job is left half done.
pub(super) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(change).await.map_err(|_| internal("Changing the job failed."))
}

pub(super) fn parse(id: &str) -> Result<JobId, Problem> {
    id.parse().map_err(|_| no_job(id))
}

pub(super) fn no_job(id: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-job",
        "There is no such job",
        format!("There is no job {id:?}; finished jobs are deleted after some time."),
    )
}

fn no_queue(app: &App, name: &str) -> Problem {
    let names: Vec<_> =
        app.jobs.registry.all_queues().iter().map(|queue| queue.name.clone()).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-queue",
        "There is no such queue",
        format!("There is no queue {name:?}; there are: {}.", names.join(", ")),
    )
}
