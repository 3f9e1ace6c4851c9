//! Jobs that several processes share: where they wait instead of in this process's own line, and
//! which processes these are.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::active::ActiveJob;
use super::events::JobEvent;
use crate::config::{Durability, Role};
use crate::job::{JobId, Moment};

/// The cluster, as this process knows it.
pub(crate) trait Cluster: Debug + Send + Sync {
    fn state(&self) -> ClusterState;
}

/// A cluster and its processes.
#[derive(Debug)]
pub(crate) struct ClusterState {
    pub(crate) name: String,
    pub(crate) durability: Durability,
    /// Those that live, and since when; those that joined first at the front.
    pub(crate) members: Vec<(Moment, Member)>,
}

/// A process of a cluster, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) kind: Role,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) version: String,
    /// It ends the jobs that it runs, and takes no more.
    pub(crate) draining: bool,
    /// How many jobs it runs at the same time.
    pub(crate) seats: usize,
    /// How many it has now.
    pub(crate) running: usize,
}

/// The line that several processes share, and their events. Nothing here waits.
pub(crate) trait SharedLine: Debug + Send + Sync {
    /// Whether this process has the job under this lease.
    fn has(&self, job: JobId, holding: Option<u64>) -> bool;

    /// The end of a job is recorded.
    fn done(&self, job: JobId);

    /// The next attempt of a job is recorded: after the pause a worker of any process takes it.
    /// Whether the job was this process's until now.
    fn retry(&self, job: JobId, pause: Duration) -> bool;

    /// The job that this process was to run goes back undone.
    fn give_back(&self, job: JobId);

    /// The process that runs the job is to stop it.
    fn stop(&self, job: JobId);

    /// A client of this process watches what the job's command writes.
    fn listen(&self, job: &Arc<ActiveJob>);

    /// Tells all processes what happened.
    fn emit(&self, event: &JobEvent<'_>);
}
