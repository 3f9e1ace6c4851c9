//! The records of the jobs, as this process knows them: those of all jobs in a front end, those
//! that it holds in a worker.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::job::{JobId, Record};
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};
use crate::sync::lock;

/// The tables of a store in memory, without bodies, and the sequence number of each record.
#[derive(Debug, Default)]
pub(super) struct Replica {
    pub(super) tables: MemoryStore,
    newest: Mutex<HashMap<JobId, Newest>>,
}

/// The newest record of a job.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    sequence: u64,
    /// This process wrote it, and shows it by itself.
    is_own: bool,
}

impl Replica {
    /// Takes a record over, unless a newer one is here. Whether it did.
    pub(super) fn put(
        &self,
        sequence: u64,
        record: &Record,
        is_own: bool,
    ) -> Result<bool, StoreError> {
        let mut newest = lock(&self.newest);
        let known = newest.entry(record.id).or_default();
        if known.sequence >= sequence {
            return Ok(false);
        }
        *known = Newest { sequence, is_own };
        // Under the lock: the newest one is put last.
        self.tables.put(record)?;
        Ok(true)
    }

    /// Whether this process wrote the newest record of a job.
    pub(super) fn is_own(&self, id: JobId) -> bool {
        lock(&self.newest).get(&id).is_some_and(|newest| newest.is_own)
    }

    /// The record of a job and its sequence number.
    pub(super) fn get(&self, id: JobId) -> Result<Option<(u64, Record)>, StoreError> {
        let newest = lock(&self.newest);
        let Some(Newest { sequence, .. }) = newest.get(&id).copied() else { return Ok(None) };
        Ok(self.tables.record(id)?.map(|record| (sequence, record)))
    }

    /// The job is forgotten, or no longer this process's.
    pub(super) fn forget(&self, id: JobId) -> Result<(), StoreError> {
        let mut newest = lock(&self.newest);
        newest.remove(&id);
        self.tables.erase(id)
    }
}
