//! What is given up, and when: jobs that expired, and inputs, outputs and standard error when there
//! are too many.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::warn;

use super::clock::PROBATION;
use super::layout;
use super::writer::Writer;
use super::{Change, Filter, Found, Store, StoreError, Unreadable, on_a_thread};
use crate::config::Retention;
use crate::job::{JobId, Moment, Record};

/// How many jobs one commit gives up at most, so that others do not wait for it long.
const BATCH: usize = 256;

/// How many of them when the disk is full: there is room for a commit of so many.
const FEW: usize = 16;

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
    /// The jobs that were found to be damaged: they stay, and each is logged once.
    unreadable: HashSet<JobId>,
}

impl Sweeper {
    pub(crate) fn new(store: Arc<dyn Store>, writer: Writer) -> Self {
        Self { store, writer, unreadable: HashSet::new() }
    }

    /// Forgets what expired, then gives up inputs, outputs and standard error of the jobs that
    /// ended first until the rest is within the limits: at most 256 jobs of each, so again and
    /// again until nothing was given up. Without the time, nothing expires.
    ///
    /// A job that is run again meanwhile stays, although it is counted. But one that has expired
    /// must not be accepted to be run again: if this comes first, the store has nothing that could
    /// be.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// What was given up by then stays so.
    pub(crate) async fn sweep(
        &mut self,
        now: Option<Moment>,
        limits: &Retention,
    ) -> Result<Swept, StoreError> {
        let batch = if self.writer.condition().borrow().is_full() { FEW } else { BATCH };
        let mut forgotten = 0;
        if let Some(now) = now {
            let expired = on_a_thread(&self.store, move |store| store.expired(now, batch)).await?;
            let expired = self.readable(expired);
            forgotten = expired.len();
            self.commit(expired.iter().map(|job| Change::Forget { id: job.id }).collect()).await?;
            self.bring_forward(now, limits, batch).await?;
        }

        let (oldest, kept) = on_a_thread(&self.store, move |store| store.heaviest(batch)).await?;
        let heavy = too_much(self.readable(oldest), kept, limits.max_bytes);
        let emptied = heavy.len();
        self.commit(heavy.into_iter().map(empty).collect()).await?;
        Ok(Swept { forgotten, emptied })
    }

    /// What would be kept for longer than any job is, as it ended while the clock ran ahead, is
    /// kept for as long as if it ended now.
    async fn bring_forward(
        &mut self,
        now: Moment,
        limits: &Retention,
        batch: usize,
    ) -> Result<(), StoreError> {
        // The clock may have been corrected a little.
        let latest = now.after(limits.jobs.max(limits.failed)).after(PROBATION);
        let read = move |store: &dyn Store| store.expiring_after(latest, batch);
        let late = on_a_thread(&self.store, read).await?;
        let change = |mut record: Record| {
            record.keep_until(now.after(limits.keep(record.state)));
            Change::Keep { record: Arc::new(record) }
        };
        let late = self.readable(late);
        self.commit(late.into_iter().map(change).collect()).await
    }

    fn readable(&mut self, found: Vec<Found>) -> Vec<Record> {
        let mut readable = Vec::with_capacity(found.len());
        for job in found {
            match job {
                Ok(record) => readable.push(record),
                Err(Unreadable { id, error }) if self.unreadable.insert(id) => {
                    warn!(job = %id, %error, "cannot read a damaged job; it stays in the store");
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

/// The latest time that the store knows of.
pub(crate) async fn latest(store: &Arc<dyn Store>) -> Option<Moment> {
    let newest = Filter { limit: 1, ..Filter::default() };
    // One that cannot be read says nothing.
    let newest = on_a_thread(store, move |store| store.list(&newest)).await.ok()?;
    newest.first().map(|job| job.finished_at.unwrap_or(job.created_at))
}

/// As many of the `oldest` as have to be emptied, of those that together take `kept` bytes.
fn too_much(mut oldest: Vec<Record>, kept: u64, max_bytes: u64) -> Vec<Record> {
    let mut excess = kept.saturating_sub(max_bytes);
    let enough = oldest.iter().position(|job| {
        let before = excess;
        excess = excess.saturating_sub(layout::kept_bytes(job));
        before == 0
    });
    oldest.truncate(enough.unwrap_or(oldest.len()));
    oldest
}

fn empty(mut record: Record) -> Change {
    record.empty();
    Change::Empty { record: Arc::new(record) }
}
