//! A database that is open, until a commit fails.

use std::sync::OnceLock;

use redb::{Database, ReadTransaction, ReadableDatabase, StorageBackend};

use super::super::change::{self, Write};
use super::super::layout::{self, Table};
use super::super::query::Read;
use super::super::{Change, Durability, StoreError, StoreErrorKind};
use super::backend::{Faults, Guarded};
use super::bodies::Bodies;
use super::errors::{contained, error};
use super::tables::{Snapshot, Writing};

/// How the tables are laid out. A store of another version is left alone.
const FORMAT: u64 = 1;

/// In `meta`.
const FORMAT_KEY: &[u8] = b"format";

/// In this order they are dropped.
pub(super) struct Opened {
    poisoned: OnceLock<Poisoned>,
    database: Database,
    faults: Faults,
}

/// It no longer takes changes.
struct Poisoned {
    error: StoreError,
    /// What was there before the commit that failed; `None` if that was opening it.
    before: Option<ReadTransaction>,
}

impl Opened {
    /// No other process may use the file. At most `cache` bytes of it are kept in memory.
    ///
    /// Opening it writes. If there is no room for that, it can be read, and takes no changes.
    pub(super) fn new(
        file: Box<dyn StorageBackend>,
        cache: usize,
        bodies: &mut Bodies,
    ) -> Result<Self, StoreError> {
        let faults = Faults::default();
        let database = Database::builder()
            .set_cache_size(cache)
            .create_with_backend(Guarded::new(file, faults.clone()))
            .map_err(error)?;
        match format(&database)? {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(StoreError::corrupt(format!(
                    "its format is {other}, and this levada knows {FORMAT}: \
                     use the levada that wrote it, or another folder"
                )));
            }
            None => write(&database, bodies, Durability::Now, |tables| {
                tables.put(Table::Meta, FORMAT_KEY, layout::number_value(FORMAT))
            })?,
        }
        let poisoned = OnceLock::new();
        match faults.first() {
            Some(error) if error.kind == StoreErrorKind::Full => {
                poisoned.get_or_init(|| Poisoned { error, before: None });
            }
            Some(error) => return Err(error),
            None => {}
        }
        Ok(Self { poisoned, database, faults })
    }

    /// Why it takes no changes, if that is so.
    pub(super) fn failure(&self) -> Option<&StoreError> {
        self.poisoned.get().map(|poisoned| &poisoned.error)
    }

    /// Makes these changes, all or none. After one that fails it takes no more of them.
    pub(super) fn commit(
        &self,
        changes: &[Change],
        durability: Durability,
        bodies: &mut Bodies,
    ) -> Result<(), StoreError> {
        if let Some(error) = self.failure() {
            return Err(error.clone());
        }
        let before = self.database.begin_read();
        let written = contained(|| {
            write(&self.database, bodies, durability, |tables| {
                changes.iter().try_for_each(|change| change::apply(tables, change))
            })
        });
        let Err(error) = self.faults.first().map_or(written, Err) else { return Ok(()) };
        self.poisoned.get_or_init(|| Poisoned { error: error.clone(), before: before.ok() });
        self.cut_off(&error);
        Err(error)
    }

    /// Nothing is written to the file from now on, not even by closing it.
    pub(super) fn cut_off(&self, error: &StoreError) {
        self.faults.cut_off(error.clone());
    }

    /// Ends it, [cut off](Self::cut_off) as it is, when another one has the file.
    pub(super) fn retire(self) -> Result<(), StoreError> {
        self.faults.retire();
        contained(|| {
            drop(self);
            Ok(())
        })
    }

    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        contained(|| match self.poisoned.get() {
            Some(Poisoned { before: Some(before), .. }) => query(&Snapshot(before)),
            _ => query(&Snapshot(&self.database.begin_read().map_err(error)?)),
        })
    }
}

/// The version of the layout; `None` if the database is new.
fn format(database: &Database) -> Result<Option<u64>, StoreError> {
    let snapshot = database.begin_read().map_err(error)?;
    if snapshot.list_tables().map_err(error)?.next().is_none() {
        return Ok(None);
    }
    let format = Snapshot(&snapshot).get(Table::Meta, FORMAT_KEY)?;
    let format =
        format.ok_or_else(|| StoreError::corrupt("it is the database of another program"))?;
    layout::number(&format).map(Some)
}

/// One transaction.
fn write(
    database: &Database,
    bodies: &mut Bodies,
    durability: Durability,
    change: impl FnOnce(&mut Writing<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(error)?;
    match durability {
        // Without it, opening after a crash reads all of the database, and whether a commit is
        // whole hangs on checksums that are not made against those who choose the data. It costs a
        // second sync.
        Durability::Now => transaction.set_quick_repair(true),
        Durability::Later => {
            let later = transaction.set_durability(redb::Durability::None);
            later.map_err(|error| StoreError::io(error.to_string()))?;
        }
    }
    let mut tables = Writing::new(&transaction, bodies).map_err(error)?;
    change(&mut tables)?;
    drop(tables);
    bodies.sync()?;
    transaction.commit().map_err(error)
}
