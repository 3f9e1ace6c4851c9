//! A store that ends with the process.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;

use super::body::{Body, BodyFile};
use super::change::{self, Write};
use super::layout::Table;
use super::query::{self, Entry, Read, Side};
use super::{Change, Durability, Filter, Found, Store, StoreError};
use crate::job::{JobId, Moment, Record};

#[derive(Default)]
pub(crate) struct MemoryStore {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables([BTreeMap<Vec<u8>, Bytes>; Table::ALL.len()]);

impl Read for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0[table as usize].get(key).cloned())
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = (Bound::Included(keys.start), Bound::Excluded(keys.end));
        let range = self.0[table as usize].range::<[u8], _>(keys);
        let owned = |(key, value): (&Vec<u8>, &Bytes)| (key.clone(), value.clone());
        Ok(match from {
            Side::First => range.take(limit).map(owned).collect(),
            Side::Last => range.rev().take(limit).map(owned).collect(),
        })
    }
}

impl Write for Tables {
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError> {
        // A copy has no spare room, and is not part of something larger: a body is often a piece of
        // the buffer of its connection.
        self.0[table as usize].insert(key.to_vec(), Bytes::copy_from_slice(&value));
        Ok(())
    }

    fn put_body(&mut self, table: Table, key: &[u8], body: &Body) -> Result<(), StoreError> {
        match body {
            Body::Memory(bytes) => self.put(table, key, bytes.clone()),
            Body::File(_) => Err(StoreError::io("a store in memory has no files")),
        }
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.0[table as usize].remove(key);
        Ok(())
    }
}

impl MemoryStore {
    /// Keeps a record that another process wrote.
    #[cfg(feature = "nats")]
    pub(crate) fn put(&self, record: &Record) -> Result<(), StoreError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        change::replace(&mut *tables, record)
    }

    /// Forgets a record that is no longer of interest here.
    #[cfg(feature = "nats")]
    pub(crate) fn erase(&self, id: JobId) -> Result<(), StoreError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        change::erase(&mut *tables, id)
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn never_blocks(&self) -> bool {
        true
    }

    fn commit(&self, changes: &[Change], _: Durability) -> Result<(), StoreError> {
        // All or none: nothing in it can fail that was written by `apply`.
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        changes.iter().try_for_each(|change| change::apply(&mut *tables, change))
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError> {
        query::record(&*self.read(), id)
    }

    fn keeps_bodies_in_memory(&self) -> bool {
        true
    }

    fn new_body(&self) -> Result<Option<BodyFile>, StoreError> {
        Ok(None)
    }

    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        Ok(self.read().get(Table::Inputs, &id.to_bytes())?.map(Body::Memory))
    }

    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        Ok(self.read().get(Table::Outputs, &id.to_bytes())?.map(Body::Memory))
    }

    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError> {
        query::by_key(&*self.read(), name)
    }

    fn unfinished(&self) -> Result<Vec<Record>, StoreError> {
        query::unfinished(&*self.read())
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        query::list(&*self.read(), filter)
    }

    fn kept_failed(&self, queue: &str) -> Result<u64, StoreError> {
        query::kept_failed(&*self.read(), queue)
    }

    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        query::expired(&*self.read(), now, limit)
    }

    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        query::expiring_after(&*self.read(), time, limit)
    }

    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
        query::heaviest(&*self.read(), limit)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs = self.read().0[Table::Jobs as usize].len();
        f.debug_struct("MemoryStore").field("jobs", &jobs).finish_non_exhaustive()
    }
}
