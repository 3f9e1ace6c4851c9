//! The store that lasts: a redb database, and files for what is large.
//!
//! ```text
//! DIR/              0700, locked while a process uses it
//!   jobs.redb       0600
//!   bodies/         inputs and outputs of more than 64 KiB
//!   reserve         room for when the disk is full
//! ```
//!
//! After a commit that fails, every later one gets the same error: what of it reached the disk, the
//! system does not say, and asking again (`fsync`) it may well deny that anything failed. Reading
//! goes on, with what was there before that commit. If there was no room for it, the database can
//! be opened again, as after a crash: what was refused then is a write, so the commits before it
//! are whole, and it is there itself, or not. A sync that failed is not of this kind.
//!
//! The database reuses the room of what was forgotten, and does not give it back to the system
//! before it is closed; how much it gives back then is up to where in it the room is.

mod backend;
mod bodies;
mod errors;
mod lock;
mod opened;
mod reserve;
mod tables;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::mem;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use redb::StorageBackend;
use redb::backends::FileBackend;

use self::bodies::Bodies;
use self::errors::contained;
use self::opened::Opened;
use self::reserve::Reserve;
use self::tables::{Place, Snapshot};
use super::body::{Body, BodyFile, cannot};
use super::layout::Table;
use super::query;
#[cfg(test)]
use super::query::Read;
use super::{Change, Durability, Filter, Found, Store, StoreError, StoreErrorKind};
use crate::job::{JobId, Moment, Record};
use crate::sync::lock;

/// How many bytes of the database are at most kept in memory.
const CACHE: usize = 64 << 20;

pub(crate) struct DiskStore {
    /// Another one after a disk that was full.
    opened: RwLock<Opened>,
    file: Box<dyn Fn() -> Result<Box<dyn StorageBackend>, StoreError> + Send + Sync>,
    cache: usize,
    folder: PathBuf,
    /// Also makes commits come one after the other.
    bodies: Mutex<Bodies>,
    reserve: Reserve,
    /// The last to be dropped.
    lock: Option<File>,
}

impl DiskStore {
    /// Opens the store in this folder, or makes a new one.
    ///
    /// If there is no room on the disk, one that was there is open to be read, and can be [opened
    /// again](Store::reopen).
    ///
    /// # Errors
    /// If another process uses it, if it is damaged or of another version, or if the system
    /// refuses.
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
            // A new one gets its name when it is complete.
            if path.metadata()?.len() == 0 {
                return Err(StoreError::corrupt(
                    "jobs.redb is empty, and was not when it was made",
                ));
            }
            let mut store = Self::open_on(dir, file_at(path), CACHE)?;
            store.lock = Some(folder);
            match store.set_room_aside() {
                Err(error) if error.kind != StoreErrorKind::Full => Err(error),
                _ => Ok(store),
            }
        });
        opened.map_err(|error| {
            error.context(format_args!("cannot open the store in {}", dir.display()))
        })
    }

    /// No other process may use the file that `file` opens. At most `cache` bytes of it are kept in
    /// memory.
    pub(super) fn open_on<B: StorageBackend>(
        dir: &Path,
        file: impl Fn() -> Result<B, StoreError> + Send + Sync + 'static,
        cache: usize,
    ) -> Result<Self, StoreError> {
        let file = Box::new(move || Ok(Box::new(file()?) as Box<dyn StorageBackend>));
        let (folder, reserve) = (dir.join("bodies"), Reserve::new(dir));
        let mut bodies = Bodies::open(folder.clone())?;
        let opened = Opened::new(file()?, cache, &mut bodies)?;
        bodies.remove_orphans(opened.read(|tables| tables.files())?)?;
        let (opened, bodies) = (RwLock::new(opened), Mutex::new(bodies));
        Ok(Self { opened, file, cache, folder, bodies, reserve, lock: None })
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
        self.opened().read(query)
    }

    fn body(&self, table: Table, id: JobId) -> Result<Option<Body>, StoreError> {
        let look = || self.read(|tables| tables.place(table, &id.to_bytes()));
        found(look, |name, len| {
            let opened = bodies::open(&self.folder, name, len)?;
            Ok(opened.map(|file| Body::File(Arc::new(file))))
        })
    }

    fn opened(&self) -> RwLockReadGuard<'_, Opened> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for DiskStore {
    fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), StoreError> {
        let mut bodies = lock(&self.bodies);
        let written = self.opened().commit(changes, durability, &mut bodies);
        written.map_err(|error| self.explained(error))?;
        if durability == Durability::Now {
            bodies.keep();
        }
        Ok(())
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.reserve.release();
        let mut bodies = lock(&self.bodies);
        // Readers wait for this lock: they read before the change, or after it.
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = opened.failure().cloned() else { return Ok(()) };
        // The old one has nothing more to say of the file, whatever comes of the new one: it may be
        // read on.
        opened.cut_off(&error);
        let new = contained(|| Opened::new((self.file)()?, self.cache, &mut bodies))?;
        if let Some(error) = new.failure() {
            return Err(self.explained(error.clone()));
        }
        bodies.settle(new.read(|tables| tables.files())?);
        mem::replace(&mut *opened, new).retire()
    }

    fn explained(&self, error: StoreError) -> StoreError {
        match error.kind {
            StoreErrorKind::Full => self.reserve.no_room(error),
            StoreErrorKind::TooLarge
            | StoreErrorKind::Passing
            | StoreErrorKind::Io
            | StoreErrorKind::Corrupt
            | StoreErrorKind::Away
            | StoreErrorKind::Taken
            | StoreErrorKind::NoPlace => error,
        }
    }

    fn set_room_aside(&self) -> Result<(), StoreError> {
        let failure = self.opened().failure().cloned();
        failure.map_or_else(|| self.reserve.make(), Err).map_err(|error| self.explained(error))
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

    fn expiring_after(&self, time: Moment, limit: usize) -> Result<Vec<Found>, StoreError> {
        self.read(|tables| query::expiring_after(tables, time, limit))
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

/// Makes a new database. It gets its name when it is complete: one that is half made is refused by
/// redb.
fn make(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let half = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    drop(options.open(&half)?);
    let store = DiskStore::open_on(dir, file_at(half.clone()), CACHE)?;
    let failure = store.opened().failure().cloned();
    drop(store);
    failure.map_or(Ok(()), Err)?;
    fs::rename(&half, path)?;
    bodies::sync_folder(dir)
}

/// Opens this file. If there is no descriptor for it at the moment, that can be tried again, as
/// when there is no room.
fn file_at(path: PathBuf) -> impl Fn() -> Result<FileBackend, StoreError> + Send + Sync {
    move || match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => FileBackend::new(file).map_err(errors::error),
        Err(error) => {
            let kind = bodies::no_descriptor(&error).then_some(StoreErrorKind::Full);
            let error = cannot("open", &path, error);
            Err(StoreError { kind: kind.unwrap_or(error.kind), ..error })
        }
    }
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
