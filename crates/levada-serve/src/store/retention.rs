//! What is given up, and when: jobs that expired, and inputs, outputs and standard error when there are too many.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::warn;

use super::layout;
use super::writer::Writer;
use super::{Change, Found, Store, StoreError, Unreadable, on_a_thread};
use crate::jobs::record::{JobId, Moment, Record};

/// How many jobs one commit gives up at most, so that others do not wait for it long.
const BATCH: usize = 256;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many bytes inputs, outputs and standard error of all jobs that ended may take.
    pub(crate) max_bytes: u64,
}

/// How many jobs were forgotten, and of how many input, output and standard error were given up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) forgotten: usize,
    pub(crate) emptied: usize,
}

/// Gives up what is not to be kept any longer.
#[derive(Debug)]
pub(crate) struct Sweeper {
    store: Arc<dyn Store>,
    writer: Writer,
    /// The jobs that were found to be damaged: they stay, and nobody is told twice.
    unreadable: HashSet<JobId>,
}

impl Sweeper {
    pub(crate) fn new(store: Arc<dyn Store>, writer: Writer) -> Self {
        Self { store, writer, unreadable: HashSet::new() }
    }

    /// Forgets what expired, then gives up inputs, outputs and standard error of the jobs that ended first until the rest
    /// is within the limits: at most 256 jobs of each, so again and again until nothing was given up.
    ///
    /// A job that is run again meanwhile stays, although it is counted. But one that has expired must not be accepted to
    /// be run again: if this comes first, the store has nothing that could be.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// What was given up by then stays so.
    pub(crate) async fn sweep(&mut self, now: Moment, limits: Limits) -> Result<Swept, StoreError> {
        let expired = on_a_thread(&self.store, move |store| store.expired(now, BATCH)).await?;
        let expired = self.readable(expired);
        let forgotten = expired.len();
        self.commit(expired.iter().map(|job| Change::Forget { id: job.id }).collect()).await?;

        let (oldest, kept) = on_a_thread(&self.store, |store| store.heaviest(BATCH)).await?;
        let heavy = too_much(self.readable(oldest), kept, limits);
        let emptied = heavy.len();
        self.commit(heavy.into_iter().map(empty).collect()).await?;
        Ok(Swept { forgotten, emptied })
    }

    fn readable(&mut self, found: Vec<Found>) -> Vec<Record> {
        let mut readable = Vec::with_capacity(found.len());
        for job in found {
            match job {
                Ok(record) => readable.push(record),
                Err(Unreadable { id, error }) if self.unreadable.insert(id) => {
                    warn!(job = %id, %error, "a job cannot be read, and stays in the store");
                }
                Err(_) => {}
            }
        }
        readable
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.commit(changes).await
    }
}

/// As many of the `oldest` as have to be emptied, of those that together take `kept` bytes.
fn too_much(mut oldest: Vec<Record>, kept: u64, limits: Limits) -> Vec<Record> {
    let mut excess = kept.saturating_sub(limits.max_bytes);
    let enough = oldest.iter().position(|job| {
        let before = excess;
        excess = excess.saturating_sub(layout::kept_bytes(job));
        before == 0
    });
    oldest.truncate(enough.unwrap_or(oldest.len()));
    oldest
}

fn empty(mut record: Record) -> Change {
    record.emptied = true;
    record.stderr_tail = String::new();
    record.revision += 1;
    Change::Empty { record }
}
