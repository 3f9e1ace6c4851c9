//! The jobs that this process holds a lease of.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use levada::oneshot;

use crate::job::JobId;
use crate::sync::lock;

/// What becomes of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The end of its job is stored.
    Done,
    /// Its job runs again, after a pause.
    Retry(Duration),
    /// Another worker takes it.
    GiveBack,
}

#[derive(Debug, Default)]
pub(super) struct HeldJobs(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    jobs: HashMap<JobId, Held>,
    /// The number of the last lease.
    last: u64,
}

#[derive(Debug)]
struct Held {
    /// The number of the lease.
    holding: u64,
    /// The sequence number of the record that this process wrote or read last.
    sequence: u64,
    verdict: oneshot::Sender<Verdict>,
}

impl HeldJobs {
    /// A number for another lease.
    pub(super) fn number(&self) -> u64 {
        let mut table = lock(&self.0);
        table.last += 1;
        table.last
    }

    /// The job is held from now on, under the lease of this number; what becomes of its ticket.
    pub(super) fn hold(
        &self,
        id: JobId,
        holding: u64,
        sequence: u64,
    ) -> oneshot::Receiver<Verdict> {
        let (verdict, said) = oneshot::channel();
        lock(&self.0).jobs.insert(id, Held { holding, sequence, verdict });
        said
    }

    /// The job is not held any more: this lease of it is lost.
    pub(super) fn lose(&self, id: JobId, holding: u64) {
        let mut table = lock(&self.0);
        if table.jobs.get(&id).is_some_and(|held| held.holding == holding) {
            table.jobs.remove(&id);
        }
    }

    /// Says what becomes of the ticket. The job is not held any more.
    pub(super) fn say(&self, id: JobId, verdict: Verdict) {
        if let Some(held) = lock(&self.0).jobs.remove(&id) {
            // An error means that the lease is lost.
            let _ = held.verdict.send(verdict);
        }
    }

    /// How many jobs this process holds.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).jobs.len()
    }

    /// Whether this process holds the job.
    pub(super) fn has(&self, id: JobId) -> bool {
        lock(&self.0).jobs.contains_key(&id)
    }

    /// The sequence number of the record that this process wrote last, if it has the job under this
    /// lease.
    pub(super) fn sequence(&self, id: JobId, holding: u64) -> Option<u64> {
        let table = lock(&self.0);
        let held = table.jobs.get(&id).filter(|held| held.holding == holding)?;
        Some(held.sequence)
    }

    /// This process wrote the record of a job.
    pub(super) fn wrote(&self, id: JobId, sequence: u64) {
        if let Some(held) = lock(&self.0).jobs.get_mut(&id) {
            held.sequence = sequence;
        }
    }
}
