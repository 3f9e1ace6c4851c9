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
    sequences: Mutex<HashMap<JobId, u64>>,
}

impl Replica {
    /// Takes a record over, unless a newer one is here. Whether it did.
    pub(super) fn put(&self, sequence: u64, record: &Record) -> Result<bool, StoreError> {
        let mut sequences = lock(&self.sequences);
        let known = sequences.entry(record.id).or_default();
        if *known >= sequence {
            return Ok(false);
        }
        *known = sequence;
        // Under the lock: the newest one is put last.
        self.tables.put(record)?;
        Ok(true)
    }

    /// The record of a job and its sequence number.
    pub(super) fn get(&self, id: JobId) -> Result<Option<(u64, Record)>, StoreError> {
        let sequences = lock(&self.sequences);
        let Some(sequence) = sequences.get(&id) else { return Ok(None) };
        Ok(self.tables.record(id)?.map(|record| (*sequence, record)))
    }

    /// The job is forgotten, or no longer this process's.
    pub(super) fn forget(&self, id: JobId) -> Result<(), StoreError> {
        let mut sequences = lock(&self.sequences);
        sequences.remove(&id);
        self.tables.erase(id)
    }
}
