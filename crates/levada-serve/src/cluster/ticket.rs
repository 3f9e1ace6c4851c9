//! What stands in a queue for a job.

use serde::{Deserialize, Serialize};

use crate::job::Record;

/// What stands in a queue for a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// As it was when the ticket was made. The one in the stream of records may be newer.
    pub(super) record: Record,
    /// In place of one that is lost with its stream: the worker that runs the job by that one has
    /// it no more.
    #[serde(default)]
    pub(super) replaces: bool,
}
