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
pub(super) struct HeldJobs(Mutex<HashMap<JobId, Held>>);

#[derive(Debug)]
struct Held {
    /// The sequence number of the record that this process wrote or read last.
    sequence: u64,
    verdict: oneshot::Sender<Verdict>,
}

impl HeldJobs {
    /// The job is held from now on; what becomes of its ticket.
    pub(super) fn hold(&self, id: JobId, sequence: u64) -> oneshot::Receiver<Verdict> {
        let (verdict, said) = oneshot::channel();
        lock(&self.0).insert(id, Held { sequence, verdict });
        said
    }

    /// The job is not held any more: its lease is lost.
    pub(super) fn lose(&self, id: JobId) {
        lock(&self.0).remove(&id);
    }

    /// Says what becomes of the ticket. The job is not held any more.
    pub(super) fn say(&self, id: JobId, verdict: Verdict) {
        if let Some(held) = lock(&self.0).remove(&id) {
            // An error means that the lease is lost.
            let _ = held.verdict.send(verdict);
        }
    }

    /// Whether this process holds the job.
    pub(super) fn has(&self, id: JobId) -> bool {
        lock(&self.0).contains_key(&id)
    }

    /// The sequence number of the record that this process wrote last, if it holds the job.
    pub(super) fn sequence(&self, id: JobId) -> Option<u64> {
        lock(&self.0).get(&id).map(|held| held.sequence)
    }

    /// This process wrote the record of a job.
    pub(super) fn wrote(&self, id: JobId, sequence: u64) {
        if let Some(held) = lock(&self.0).get_mut(&id) {
            held.sequence = sequence;
        }
    }
}
