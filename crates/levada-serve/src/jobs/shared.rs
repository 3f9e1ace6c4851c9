//! Jobs that several processes share: where they wait instead of in this process's own line.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::active::ActiveJob;
use super::events::JobEvent;
use crate::job::JobId;

/// The line that several processes share, and their events. Nothing here waits.
pub(crate) trait SharedLine: Debug + Send + Sync {
    /// Whether this process has the job under this lease.
    fn has(&self, job: JobId, holding: Option<u64>) -> bool;

    /// The end of a job is recorded.
    fn done(&self, job: JobId);

    /// The next attempt of a job is recorded: after the pause a worker of any process takes it.
    fn retry(&self, job: JobId, pause: Duration);

    /// The job that this process was to run goes back undone.
    fn give_back(&self, job: JobId);

    /// The process that runs the job is to stop it.
    fn stop(&self, job: JobId);

    /// A client of this process watches what the job's command writes.
    fn listen(&self, job: &Arc<ActiveJob>);

    /// Tells all processes what happened.
    fn emit(&self, event: &JobEvent<'_>);
}
