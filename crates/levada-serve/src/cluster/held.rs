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
    /// Nothing after it was said, or after the lease was lost: the job is about to leave.
    verdict: Option<oneshot::Sender<Verdict>>,
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
        lock(&self.0).jobs.insert(id, Held { holding, sequence, verdict: Some(verdict) });
        said
    }

    /// This lease is lost: nothing more is recorded under it.
    pub(super) fn lose(&self, id: JobId, holding: u64) {
        let mut table = lock(&self.0);
        if let Some(held) = table.jobs.get_mut(&id).filter(|held| held.holding == holding) {
            held.verdict = None;
        }
    }

    /// Says what becomes of the ticket. Nothing more is recorded under its lease. Whether that is
    /// not lost.
    pub(super) fn say(&self, id: JobId, verdict: Verdict) -> bool {
        let mut table = lock(&self.0);
        let said = table.jobs.get_mut(&id).and_then(|held| held.verdict.take());
        said.is_some_and(|said| said.send(verdict).is_ok())
    }

    /// Nothing is left of this lease: from now on the job may be taken again.
    pub(super) fn leave(&self, id: JobId, holding: u64) {
        let mut table = lock(&self.0);
        if table.jobs.get(&id).is_some_and(|held| held.holding == holding) {
            table.jobs.remove(&id);
        }
    }

    /// Whether this process has the job, also if it is about to leave.
    pub(super) fn has_any(&self, id: JobId) -> bool {
        lock(&self.0).jobs.contains_key(&id)
    }

    /// How many jobs this process holds.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).jobs.len()
    }

    /// Whether this process holds the job.
    pub(super) fn has(&self, id: JobId) -> bool {
        lock(&self.0).jobs.get(&id).is_some_and(|held| held.verdict.is_some())
    }

    /// The sequence number of the record that this process wrote last, if it has the job under this
    /// lease.
    pub(super) fn sequence(&self, id: JobId, holding: u64) -> Option<u64> {
        let table = lock(&self.0);
        let held = table.jobs.get(&id).filter(|held| held.holding == holding)?;
        held.verdict.is_some().then_some(held.sequence)
    }

    /// This process wrote the record of a job.
    pub(super) fn wrote(&self, id: JobId, sequence: u64) {
        if let Some(held) = lock(&self.0).jobs.get_mut(&id) {
            held.sequence = sequence;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_leaves_is_not_taken_again_and_records_nothing() {
        let (held, id) = (HeldJobs::default(), JobId::next());
        let lease = held.number();
        let mut said = held.hold(id, lease, 7);
        assert_eq!(held.sequence(id, lease), Some(7));
        held.lose(id, lease);
        assert_eq!(held.sequence(id, lease), None);
        assert!(said.try_recv().is_err(), "nothing is said");
        assert_eq!((held.has(id), held.has_any(id)), (false, true));
        // Too late.
        assert!(!held.say(id, Verdict::Done));
        held.wrote(id, 8);
        assert_eq!(held.sequence(id, lease), None);
        held.leave(id, lease);
        assert!(!held.has_any(id));
    }

    #[test]
    fn a_lease_says_nothing_about_a_later_one() {
        let (held, id) = (HeldJobs::default(), JobId::next());
        let (first, second) = (held.number(), held.number());
        drop(held.hold(id, first, 1));
        held.leave(id, first);
        let mut said = held.hold(id, second, 2);
        held.lose(id, first);
        held.leave(id, first);
        assert_eq!((held.sequence(id, first), held.sequence(id, second)), (None, Some(2)));
        assert!(held.say(id, Verdict::GiveBack));
        assert_eq!(said.try_recv(), Ok(Verdict::GiveBack));
        assert_eq!((held.has(id), held.has_any(id)), (false, true));
    }
}
