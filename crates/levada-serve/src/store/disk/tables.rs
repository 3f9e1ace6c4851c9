//! The tables of `layout.rs`, in redb.

use std::ops::Range;

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};

use super::super::StoreError;
use super::super::body::{Body, INLINE};
use super::super::change::Write;
use super::super::layout::{self, Table};
use super::super::query::{Entry, Read, Side};
use super::bodies::Bodies;
use super::errors::error;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// Where an input or output is.
pub(super) enum Place {
    Inline(Bytes),
    File { name: String, len: u64 },
}

/// What was committed at one point in time.
pub(super) struct Snapshot<'a>(pub(super) &'a ReadTransaction);

impl Snapshot<'_> {
    pub(super) fn place(&self, table: Table, id: &[u8; 16]) -> Result<Option<Place>, StoreError> {
        if let Some(value) = self.get(Table::Files, &file_key(table, id))? {
            let (name, len) = file_of(&value)?;
            return Ok(Some(Place::File { name, len }));
        }
        Ok(self.get(table, id)?.map(Place::Inline))
    }

    /// The names of all files that belong to the store.
    pub(super) fn files(&self) -> Result<Vec<String>, StoreError> {
        let all = self.scan(Table::Files, &[]..&[0xFF], Side::First, usize::MAX)?;
        all.iter().map(|(_, value)| Ok(file_of(value)?.0)).collect()
    }
}

impl Read for Snapshot<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        get(&self.0.open_table(definition(table)).map_err(error)?, key)
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        scan(&self.0.open_table(definition(table)).map_err(error)?, keys, from, limit)
    }
}

/// A transaction that changes the tables.
pub(super) struct Writing<'a> {
    tables: Vec<redb::Table<'a, &'static [u8], &'static [u8]>>,
    bodies: &'a mut Bodies,
}

impl<'a> Writing<'a> {
    /// Opens the tables, and makes those that are not there.
    pub(super) fn new(
        transaction: &'a WriteTransaction,
        bodies: &'a mut Bodies,
    ) -> Result<Self, TableError> {
        let open = |(table, _)| transaction.open_table(definition(table));
        let tables = Table::ALL.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { tables, bodies })
    }

    fn insert(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.tables[table as usize].insert(key, value).map_err(error)?;
        Ok(())
    }

    fn take(&mut self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let old = self.tables[table as usize].remove(key).map_err(error)?;
        Ok(old.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn remove_file(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if let Some(value) = self.take(Table::Files, key)? {
            self.bodies.give_up(file_of(&value)?.0);
        }
        Ok(())
    }
}

impl Read for Writing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        get(&self.tables[table as usize], key)
    }

    fn scan(
        &self,
        table: Table,
        keys: Range<&[u8]>,
        from: Side,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        scan(&self.tables[table as usize], keys, from, limit)
    }
}

impl Write for Writing<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: Bytes) -> Result<(), StoreError> {
        self.insert(table, key, &value)
    }

    fn put_body(&mut self, table: Table, key: &[u8], body: &Body) -> Result<(), StoreError> {
        let file = file_key(table, key);
        self.remove_file(&file)?;
        let name = match body {
            Body::File(file) => self.bodies.take_over(file),
            Body::Memory(bytes) => {
                let long = bytes.len() > INLINE;
                let written = if long { self.bodies.write(bytes)? } else { None };
                let Some(name) = written else { return self.insert(table, key, bytes) };
                name
            }
        };
        self.take(table, key)?;
        self.insert(Table::Files, &file, &[&body.len().to_be_bytes(), name.as_bytes()].concat())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        if matches!(table, Table::Inputs | Table::Outputs) {
            self.remove_file(&file_key(table, key))?;
        }
        self.take(table, key)?;
        Ok(())
    }
}

fn file_key(table: Table, id: &[u8]) -> Vec<u8> {
    let kind = if table == Table::Inputs { b"i" } else { b"o" };
    [kind, id].concat()
}

/// The name and the length of the file that a value of `files` means.
fn file_of(value: &[u8]) -> Result<(String, u64), StoreError> {
    let damaged = || StoreError::corrupt("the table of files has a value that names none");
    let (len, name) = value.split_at_checked(8).ok_or_else(damaged)?;
    let name = str::from_utf8(name).map_err(|_| damaged())?;
    Ok((name.to_owned(), layout::number(len)?))
}

fn get(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<Bytes>, StoreError> {
    let value = table.get(key).map_err(error)?;
    Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
}

fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    keys: Range<&[u8]>,
    from: Side,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut range = table.range::<&[u8]>(keys).map_err(error)?;
    let next = || match from {
        Side::First => range.next(),
        Side::Last => range.next_back(),
    };
    let owned = |entry: Result<(redb::AccessGuard<'_, _>, redb::AccessGuard<'_, _>), _>| {
        let (key, value): (redb::AccessGuard<'_, &[u8]>, redb::AccessGuard<'_, &[u8]>) =
            entry.map_err(error)?;
        Ok((key.value().to_vec(), Bytes::copy_from_slice(value.value())))
    };
    std::iter::from_fn(next).take(limit).map(owned).collect()
}
