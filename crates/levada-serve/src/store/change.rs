//! What a change does to the tables: the same on disk and in memory.

use bytes::Bytes;

use super::body::Body;
use super::layout::{self, Entries, KEPT_BYTES, Table};
use super::query::{self, Read};
use super::{Change, Lease, StoreError};
use crate::job::{JobId, Record};

/// Tables that can be changed, and show their changes at once.
pub(super) trait Write: Read {
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError>;

    /// For inputs and outputs.
    fn put_body(&mut self, table: Table, key: &[u8], body: &Body) -> Result<(), StoreError>;

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError>;
}

pub(super) fn apply(tables: &mut impl Write, change: &Change) -> Result<(), StoreError> {
    let id = change.id();
    let key = id.to_bytes();
    let old = query::record(tables, id)?;
    if !is_meant_for(change, old.as_ref()) {
        return Ok(());
    }
    if let Some(old) = &old {
        unindex(tables, old)?;
    }
    match change {
        Change::Accept { record, input } => {
            debug_assert_eq!(record.input_bytes, input.len(), "the record of {id}");
            tables.put_body(Table::Inputs, &key, input)?;
            tables.remove(Table::Outputs, &key)?;
            index(tables, record)
        }
        Change::Update { record } | Change::Again { record } | Change::Keep { record } => {
            index(tables, record)
        }
        Change::Finish { record, output } => {
            debug_assert_eq!(record.output_bytes, output.len(), "the record of {id}");
            tables.put_body(Table::Outputs, &key, output)?;
            index(tables, record)
        }
        Change::Empty { record } => {
            tables.remove(Table::Inputs, &key)?;
            tables.remove(Table::Outputs, &key)?;
            index(tables, record)
        }
        Change::Forget { .. } => {
            tables.remove(Table::Inputs, &key)?;
            tables.remove(Table::Outputs, &key)?;
            tables.remove(Table::Jobs, &key)
        }
    }
}

/// Keeps a record as it is, whatever was there before; without input and output.
#[cfg(feature = "nats")]
pub(super) fn replace(tables: &mut impl Write, record: &Record) -> Result<(), StoreError> {
    if let Some(old) = query::record(tables, record.id)? {
        unindex(tables, &old)?;
    }
    index(tables, record)
}

/// Forgets a record, whatever its state.
#[cfg(feature = "nats")]
pub(super) fn erase(tables: &mut impl Write, id: JobId) -> Result<(), StoreError> {
    if let Some(old) = query::record(tables, id)? {
        unindex(tables, &old)?;
        tables.remove(Table::Jobs, &id.to_bytes())?;
    }
    Ok(())
}

/// Whether the change is one for the job as it is.
pub(super) fn is_meant_for(change: &Change, old: Option<&Record>) -> bool {
    match change {
        Change::Accept { .. } => true,
        Change::Update { .. } | Change::Finish { .. } => old.is_some(),
        Change::Again { record } => old.is_some_and(|old| {
            old.state.has_ended() && !old.emptied && old.revision < record.revision
        }),
        Change::Empty { record } | Change::Keep { record } => {
            old.is_some_and(|old| old.state.has_ended() && old.revision < record.revision)
        }
        Change::Forget { .. } => old.is_some_and(|old| old.state.has_ended()),
    }
}

/// Keeps a record, and makes it found.
fn index(tables: &mut impl Write, record: &Record) -> Result<(), StoreError> {
    let id = record.id.to_bytes();
    let entries = Entries::of(record);
    tables.put(Table::Jobs, &id, layout::encode(record))?;
    tables.put(Table::Places, &entries.place, Bytes::new())?;
    if let Some(key) = &record.key {
        tables.put(Table::Keys, &key.name, Bytes::copy_from_slice(&id))?;
    }
    if let Some(at) = entries.expiry {
        tables.put(Table::Expiry, &at, Bytes::new())?;
    }
    if let Some((end, bytes)) = entries.kept {
        tables.put(Table::Kept, &end, layout::number_value(bytes))?;
        let all = query::kept_bytes(tables)?.saturating_add(bytes);
        tables.put(Table::Meta, KEPT_BYTES, layout::number_value(all))?;
    }
    Ok(())
}

/// The opposite of [`index`], but for the record.
fn unindex(tables: &mut impl Write, record: &Record) -> Result<(), StoreError> {
    let entries = Entries::of(record);
    tables.remove(Table::Places, &entries.place)?;
    if let Some(key) = &record.key {
        // Another job may have come with the same one.
        let owner = tables.get(Table::Keys, &key.name)?;
        if owner.is_some_and(|owner| *owner == record.id.to_bytes()) {
            tables.remove(Table::Keys, &key.name)?;
        }
    }
    if let Some(at) = entries.expiry {
        tables.remove(Table::Expiry, &at)?;
    }
    if let Some((end, _)) = entries.kept {
        // What was added for it, which was less before standard error counted.
        let added = tables.get(Table::Kept, &end)?;
        let bytes = added.map_or(Ok(0), |value| layout::number(&value))?;
        tables.remove(Table::Kept, &end)?;
        let all = query::kept_bytes(tables)?.saturating_sub(bytes);
        tables.put(Table::Meta, KEPT_BYTES, layout::number_value(all))?;
    }
    Ok(())
}

impl Change {
    pub(crate) fn id(&self) -> JobId {
        match self {
            Self::Accept { record, .. }
            | Self::Update { record }
            | Self::Again { record }
            | Self::Finish { record, .. }
            | Self::Empty { record }
            | Self::Keep { record } => record.id,
            Self::Forget { id } => *id,
        }
    }

    /// The job, and the lease under which it is changed.
    pub(crate) fn lease(&self) -> Lease {
        let holding = match self {
            Self::Accept { record, .. }
            | Self::Update { record }
            | Self::Again { record }
            | Self::Finish { record, .. }
            | Self::Empty { record }
            | Self::Keep { record } => record.holding,
            Self::Forget { .. } => None,
        };
        (self.id(), holding)
    }

    /// How much of its memory is up to the job: of what clients and commands sent.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Accept { input, .. } => input.in_memory(),
            Self::Finish { record, output } => output.in_memory() + record.stderr_tail.len(),
            Self::Update { record }
            | Self::Again { record }
            | Self::Empty { record }
            | Self::Keep { record } => record.stderr_tail.len(),
            Self::Forget { .. } => 0,
        }
    }
}
