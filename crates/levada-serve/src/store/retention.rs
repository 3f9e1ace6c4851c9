//! What is given up, and when: jobs that expired, and inputs and outputs when there are too many.

use std::sync::Arc;

use super::layout;
use super::writer::Writer;
use super::{Change, Store, StoreError};
use crate::jobs::record::{Moment, Record};

/// How many jobs one commit gives up at most, so that others do not wait for it long.
const BATCH: usize = 256;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many bytes the inputs and outputs of all jobs that ended may take.
    pub(crate) max_bytes: u64,
}

/// What was given up, as it was before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) forgotten: Vec<Record>,
    pub(crate) emptied: Vec<Record>,
}

/// Forgets what expired, then gives up inputs and outputs of the jobs that ended first until the rest is within the
/// limits: at most 256 jobs of each, so again and again until nothing was given up.
///
/// A job that is run again meanwhile stays, although it is in the answer. But one that has expired must not be accepted
/// to be run again: if this comes first, the store has nothing that could be.
///
/// # Errors
/// Those of the store.
///
/// # Cancel safety
/// What was given up by then stays so.
pub(crate) async fn sweep(
    store: &Arc<dyn Store>,
    writer: &Writer,
    now: Moment,
    limits: Limits,
) -> Result<Swept, StoreError> {
    let forgotten = blocking(store, move |store| store.expired(now, BATCH)).await?;
    if !forgotten.is_empty() {
        writer.commit(forgotten.iter().map(|job| Change::Forget { id: job.id }).collect()).await?;
    }
    let (oldest, kept) = blocking(store, |store| store.heaviest(BATCH)).await?;
    let emptied = too_much(oldest, kept, limits);
    if !emptied.is_empty() {
        writer.commit(emptied.iter().map(|job| empty(job.clone())).collect()).await?;
    }
    Ok(Swept { forgotten, emptied })
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
    record.revision += 1;
    Change::Empty { record }
}

async fn blocking<T: Send + 'static>(
    store: &Arc<dyn Store>,
    ask: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || ask(&*store))
        .await
        .unwrap_or_else(|error| Err(StoreError::io(format!("the store was not asked: {error}"))))
}
