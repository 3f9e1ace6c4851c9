//! How what is asked for is found in the tables: the same on disk and in memory.

use std::ops::Range;

use bytes::Bytes;

use super::layout::{self, AFTER_ALL_IDS, AFTER_ALL_PLACES, KEPT_BYTES, Table};
use super::{Filter, Found, StoreError, StoreErrorKind, Unreadable};
use crate::job::{JobId, JobState, Moment, Record};

#[cfg(test)]
impl<T: Read + ?Sized> Read for &T {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        (**self).get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        (**self).scan(table, keys, from, limit)
    }
}

/// Tables at one point in time.
pub(super) trait Read {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The first entries of a range of keys, or its last ones, the last one first.
    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;
}

pub(super) type Entry = (Vec<u8>, Bytes);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Last,
}

/// How many jobs are looked up at once.
const PAGE: usize = 1_000;

const STATES: [JobState; 6] = [
    JobState::Queued,
    JobState::Running,
    JobState::Retrying,
    JobState::Succeeded,
    JobState::Failed,
    JobState::Cancelled,
];

pub(super) fn record(tables: &impl Read, id: JobId) -> Result<Option<Record>, StoreError> {
    tables.get(Table::Jobs, &id.to_bytes())?.map(|value| layout::decode(&value)).transpose()
}

pub(super) fn by_key(tables: &impl Read, name: &[u8]) -> Result<Option<Record>, StoreError> {
    match tables.get(Table::Keys, name)? {
        Some(id) => Ok(Some(indexed(tables, layout::id_at_end(&id)?)?)),
        None => Ok(None),
    }
}

pub(super) fn unfinished(tables: &impl Read) -> Result<Vec<Record>, StoreError> {
    let mut ids = Vec::new();
    for queue in queues(tables)? {
        for state in STATES.into_iter().filter(|state| !state.has_ended()) {
            ids.extend(newest_in(tables, &queue, state, &AFTER_ALL_IDS, usize::MAX)?);
        }
    }
    ids.sort_unstable();
    ids.into_iter().map(|id| indexed(tables, id)).collect()
}

pub(super) fn list(tables: &impl Read, filter: &Filter) -> Result<Vec<Record>, StoreError> {
    let before = filter.before.map_or(AFTER_ALL_IDS.to_vec(), |id| id.to_bytes().to_vec());
    if filter.queue.is_none() && filter.state.is_none() {
        let jobs = tables.scan(Table::Jobs, up_to(&before), Side::Last, filter.limit)?;
        return jobs.iter().map(|(_, value)| layout::decode(value)).collect();
    }
    let queues = match &filter.queue {
        Some(queue) => vec![queue.clone()],
        None => queues(tables)?,
    };
    // There are few queues: `limit` of each and of each state is little more than what is shown.
    let mut ids = Vec::new();
    for queue in queues {
        for state in STATES.into_iter().filter(|state| filter.state.is_none_or(|f| f == *state)) {
            ids.extend(newest_in(tables, &queue, state, &before, filter.limit)?);
        }
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(filter.limit);
    ids.into_iter().map(|id| indexed(tables, id)).collect()
}

pub(super) fn kept_failed(tables: &impl Read, queue: &str) -> Result<u64, StoreError> {
    let mut kept = 0;
    let mut before = AFTER_ALL_IDS.to_vec();
    loop {
        let ids = newest_in(tables, queue, JobState::Failed, &before, PAGE)?;
        let Some(oldest) = ids.last() else { return Ok(kept) };
        before = oldest.to_bytes().to_vec();
        for id in ids {
            let record = tables.get(Table::Jobs, &id.to_bytes())?;
            // One that cannot be read cannot be run again.
            let is_kept = record.is_some_and(|value| layout::is_emptied(&value) == Ok(false));
            kept += u64::from(is_kept);
        }
    }
}

pub(super) fn expired(
    tables: &impl Read,
    now: Moment,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    first_of(tables, Table::Expiry, Vec::new(), now, limit)
}

pub(super) fn expiring_after(
    tables: &impl Read,
    time: Moment,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    let from = layout::moment_key(time, &AFTER_ALL_IDS);
    first_of(tables, Table::Expiry, from, Moment(u64::MAX), limit)
}

pub(super) fn heaviest(tables: &impl Read, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
    let first = first_of(tables, Table::Kept, Vec::new(), Moment(u64::MAX), limit)?;
    Ok((first, kept_bytes(tables)?))
}

pub(super) fn kept_bytes(tables: &impl Read) -> Result<u64, StoreError> {
    tables.get(Table::Meta, KEPT_BYTES)?.map_or(Ok(0), |value| layout::number(&value))
}

/// The queues that have a job, by asking for the first key behind those of the last queue.
fn queues(tables: &impl Read) -> Result<Vec<String>, StoreError> {
    let mut queues = Vec::new();
    let mut from = Vec::new();
    while let [(place, _)] =
        &tables.scan(Table::Places, &from[..]..&AFTER_ALL_PLACES[..], Side::First, 1)?[..]
    {
        let queue = layout::queue_of_place(place)?;
        from = layout::after_queue(queue);
        queues.push(queue.to_owned());
    }
    Ok(queues)
}

fn up_to(end: &[u8]) -> Range<&[u8]> {
    &[]..end
}

fn newest_in(
    tables: &impl Read,
    queue: &str,
    state: JobState,
    before: &[u8],
    limit: usize,
) -> Result<Vec<JobId>, StoreError> {
    let from = layout::place_key(queue, state, &[]);
    let to = layout::place_key(queue, state, before);
    let places = tables.scan(Table::Places, &from[..]..&to[..], Side::Last, limit)?;
    places.iter().map(|(place, _)| layout::id_at_end(place)).collect()
}

/// The first `limit` jobs of an index by time, from a key on, that can be read, and those before
/// them that cannot.
fn first_of(
    tables: &impl Read,
    index: Table,
    mut from: Vec<u8>,
    until: Moment,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    let end = layout::moment_key(until, &AFTER_ALL_IDS);
    let (mut found, mut missing) = (Vec::new(), limit);
    while missing > 0 {
        let entries = tables.scan(index, &from[..]..&end[..], Side::First, missing)?;
        let Some((last, _)) = entries.last() else { break };
        from = [&last[..], &[0]].concat();
        for (key, _) in &entries {
            let id = layout::id_at_end(key)?;
            match indexed(tables, id) {
                Ok(record) => {
                    missing -= 1;
                    found.push(Ok(record));
                }
                Err(error) if error.kind == StoreErrorKind::Corrupt => {
                    found.push(Err(Unreadable { id, error }));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

/// The record of a job that an index names.
fn indexed(tables: &impl Read, id: JobId) -> Result<Record, StoreError> {
    record(tables, id)?.ok_or_else(|| {
        StoreError::corrupt(format!("an index names the job {id}, which is not there"))
    })
}
