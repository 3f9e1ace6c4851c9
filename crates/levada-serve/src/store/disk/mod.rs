//! The store that lasts: a redb database, and files for what is large.
//!
//! ```text
//! DIR/              0700, locked while a process uses it
//!   jobs.redb       0600
//!   bodies/         inputs and outputs of more than 64 KiB
//! ```
//!
//! After the first commit that fails, every later one gets the same error: what of it reached the disk, the system
//! does not say, and asking again (`fsync`) it may well deny that anything failed. Reading goes on, with what was
//! there before that commit.
//!
//! The database reuses the room of what was forgotten, and does not give it back to the system before it is closed;
//! how much it gives back then is up to where in it the room is.

mod backend;
mod bodies;
mod lock;
mod tables;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use redb::backends::FileBackend;
use redb::{Database, ReadTransaction, ReadableDatabase, StorageBackend};

use self::backend::{Faults, Guarded};
use self::bodies::Bodies;
use self::tables::{Place, Snapshot, Writing};
use super::body::{Body, BodyFile};
use super::change::{self, Write};
use super::layout::{self, Table};
use super::query::{self, Read};
use super::{Change, Durability, Filter, Found, Store, StoreError, StoreErrorKind};
use crate::jobs::record::{JobId, Moment, Record};

/// How the tables are laid out. A store of another version is left alone.
const FORMAT: u64 = 1;

/// In `meta`.
const FORMAT_KEY: &[u8] = b"format";

/// How many bytes of the database are at most kept in memory.
const CACHE: usize = 64 << 20;

pub(crate) struct DiskStore {
    fallen: OnceLock<Fallen>,
    database: Database,
    faults: Faults,
    folder: PathBuf,
    /// Also makes commits come one after the other.
    bodies: Mutex<Bodies>,
    /// The last to be dropped.
    lock: Option<File>,
}

/// A store that no longer takes changes.
struct Fallen {
    error: StoreError,
    /// What was there before the commit that failed.
    before: Option<ReadTransaction>,
}

impl DiskStore {
    /// Opens the store in this folder, or makes a new one.
    ///
    /// # Errors
    /// If another process uses it, if it is damaged or of another version, or if the system refuses.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let opened = contained(|| {
            bodies::make_folder(dir)?;
            // The folder rather than the file, which gets its name late.
            let folder = File::open(dir)?;
            lock::lock(&folder)?;
            let path = dir.join("jobs.redb");
            if !path.try_exists()? {
                make(dir, &path)?;
            }
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            // A new one gets its name when it is complete.
            if file.metadata()?.len() == 0 {
                return Err(StoreError::corrupt(
                    "jobs.redb is empty, and was not when it was made",
                ));
            }
            let mut store = Self::open_on(dir, FileBackend::new(file).map_err(error)?, CACHE)?;
            store.lock = Some(folder);
            Ok(store)
        });
        opened.map_err(|error| {
            error.context(format_args!("cannot open the store in {}", dir.display()))
        })
    }

    /// Nobody else uses the file. Of it, at most `cache` bytes are kept in memory.
    pub(super) fn open_on(
        dir: &Path,
        file: impl StorageBackend,
        cache: usize,
    ) -> Result<Self, StoreError> {
        let faults = Faults::default();
        let database = Database::builder()
            .set_cache_size(cache)
            .create_with_backend(Guarded::new(file, faults.clone()))
            .map_err(error)?;
        let folder = dir.join("bodies");
        let mut bodies = Bodies::open(folder.clone())?;
        match format(&database)? {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(StoreError::corrupt(format!(
                    "its format is {other}, and this levada knows {FORMAT}: \
                     use the levada that wrote it, or another folder"
                )));
            }
            None => write(&database, &mut bodies, Durability::Now, |tables| {
                tables.put(Table::Meta, FORMAT_KEY, layout::number_value(FORMAT))
            })?,
        }
        if let Some(error) = faults.first() {
            return Err(error);
        }
        let snapshot = database.begin_read().map_err(error)?;
        bodies.remove_orphans(Snapshot(&snapshot).files()?)?;
        drop(snapshot);
        let (fallen, bodies) = (OnceLock::new(), Mutex::new(bodies));
        Ok(Self { fallen, database, faults, folder, bodies, lock: None })
    }

    /// Lets a test ask the tables.
    #[cfg(test)]
    pub(super) fn with_tables(&self, ask: impl FnOnce(&dyn Read)) {
        self.read(|tables| {
            ask(tables);
            Ok(())
        })
        .unwrap();
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        contained(|| match self.fallen.get() {
            Some(Fallen { before: Some(before), .. }) => query(&Snapshot(before)),
            _ => query(&Snapshot(&self.database.begin_read().map_err(error)?)),
        })
    }

    fn body(&self, table: Table, id: JobId) -> Result<Option<Body>, StoreError> {
        let look = || self.read(|tables| tables.place(table, &id.to_bytes()));
        found(look, |name, len| {
            let opened = bodies::open(&self.folder, name, len)?;
            Ok(opened.map(|file| Body::File(Arc::new(file))))
        })
    }

    fn bodies(&self) -> MutexGuard<'_, Bodies> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for DiskStore {
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError> {
        let mut bodies = self.bodies();
        if let Some(fallen) = self.fallen.get() {
            return Err(fallen.error.clone());
        }
        let before = self.database.begin_read();
        let written = contained(|| {
            write(&self.database, &mut bodies, durability, |tables| {
                changes.iter().try_for_each(|change| change::apply(tables, change))
            })
        });
        match self.faults.first().map_or(written, Err) {
            Ok(()) => {
                if durability == Durability::Now {
                    bodies.remove_given_up();
                }
                Ok(())
            }
            Err(error) => {
                self.fallen.get_or_init(|| Fallen { error: error.clone(), before: before.ok() });
                Err(error)
            }
        }
    }

    fn record(&self, id: JobId) -> Result<Option<Record>, StoreError> {
        self.read(|tables| query::record(tables, id))
    }

    fn new_body(&self) -> Result<Option<BodyFile>, StoreError> {
        bodies::create(&self.folder)
    }

    fn input(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.body(Table::Inputs, id)
    }

    fn output(&self, id: JobId) -> Result<Option<Body>, StoreError> {
        self.body(Table::Outputs, id)
    }

    fn by_key(&self, name: &[u8; 32]) -> Result<Option<Record>, StoreError> {
        self.read(|tables| query::by_key(tables, name))
    }

    fn unfinished(&self) -> Result<Vec<Record>, StoreError> {
        self.read(|tables| query::unfinished(tables))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Record>, StoreError> {
        self.read(|tables| query::list(tables, filter))
    }

    fn kept_failed(&self, queue: &str) -> Result<u64, StoreError> {
        self.read(|tables| query::kept_failed(tables, queue))
    }

    fn expired(&self, now: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.read(|tables| query::expired(tables, now, limit))
    }

    fn heaviest(&self, limit: usize) -> Result<(Vec<Found>, u64), StoreError> {
        self.read(|tables| query::heaviest(tables, limit))
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Makes a new database. It gets its name when it is complete: one that is half made is refused by redb.
fn make(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let half = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let file = FileBackend::new(options.open(&half)?).map_err(error)?;
    drop(DiskStore::open_on(dir, file, CACHE)?);
    fs::rename(&half, path)?;
    bodies::sync_folder(dir)
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
        // Without it, opening after a crash reads all of the database, and whether a commit is whole hangs on checksums
        // that are not made against those who choose the data. It costs a second sync.
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

/// Looks where a body is until it is found there.
fn found(
    look: impl Fn() -> Result<Option<Place>, StoreError>,
    open: impl Fn(&str, u64) -> Result<Option<Body>, StoreError>,
) -> Result<Option<Body>, StoreError> {
    let mut missing = None;
    loop {
        let (name, len) = match look()? {
            None => return Ok(None),
            Some(Place::Inline(bytes)) => return Ok(Some(Body::Memory(bytes))),
            Some(Place::File { name, len }) => (name, len),
        };
        if let Some(body) = open(&name, len)? {
            return Ok(Some(body));
        }
        // Given up in between, or not: that is to be seen by looking again.
        if missing.as_ref() == Some(&name) {
            return Err(StoreError::corrupt(format!(
                "the file {name} is not there: it was removed"
            )));
        }
        missing = Some(name);
    }
}

/// A damaged database can make redb panic.
fn contained<T>(act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(StoreError::corrupt("the database is damaged")))
}

/// What redb reports, in our words.
fn error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                StoreError::corrupt(format!("the database is damaged, or is none: {error}"))
            }
            _ => StoreError::from(error),
        },
        error @ (redb::Error::PreviousIo | redb::Error::Unsupported | redb::Error::Backend(_)) => {
            StoreError::io(error.to_string())
        }
        error => StoreError {
            kind: StoreErrorKind::Corrupt,
            message: format!("the database is damaged: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_file_that_was_given_up_in_between_is_no_fault() {
        let found_of = |places: &[Option<&str>]| {
            let places = RefCell::new(places.iter());
            let look = || {
                let name = places.borrow_mut().next().copied().unwrap();
                Ok(name.map(|name| Place::File { name: name.to_owned(), len: 1 }))
            };
            // Only this one is still there.
            let open = |name: &str, _| Ok((name == "new").then(|| Body::from("!")));
            found(look, open).map(|body| body.map(|body| body.whole().unwrap()))
        };
        assert_eq!(found_of(&[Some("old"), None]), Ok(None));
        assert_eq!(found_of(&[Some("old"), Some("new")]), Ok(Some("!".into())));
        assert_eq!(found_of(&[Some("old"), Some("older"), None]), Ok(None));
        let error = found_of(&[Some("old"), Some("old")]).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt);
    }
}
