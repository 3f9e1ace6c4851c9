//! Inputs and outputs that are too large for the database: one file for each, in a folder beside
//! it.
//!
//! A file is written and synced before the commit that names it, never changed, and removed after
//! the commit that no longer names it has reached the disk, or when no commit will name it. So
//! after a crash there are files that nothing names, and they are removed when the store is opened;
//! but nothing names a file that is not there. A commit that fails leaves such files, too: they are
//! removed when the database was opened again, unless another commit is to name them.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use rustix::io::Errno;
use uuid::Uuid;

use super::super::body::{BodyFile, cannot, remove};
use super::super::{StoreError, StoreErrorKind};

#[derive(Debug)]
pub(super) struct Bodies {
    folder: PathBuf,
    /// Open, so that syncing it needs no descriptor.
    opened: File,
    /// Files were written of which the folder may not know after a crash.
    unsynced: bool,
    /// Files of commits that may not have reached the disk.
    written: Vec<(String, Weak<BodyFile>)>,
    /// Files that a commit gave up which may not have reached the disk.
    given_up: Vec<String>,
}

impl Bodies {
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        make_folder(&folder)?;
        let opened = File::open(&folder).map_err(|error| cannot("open", &folder, error))?;
        Ok(Self { folder, opened, unsynced: false, written: Vec::new(), given_up: Vec::new() })
    }

    /// Writes a new file and gives its name; `None` if there is no descriptor for it at the moment.
    pub(super) fn write(&mut self, bytes: &Bytes) -> Result<Option<String>, StoreError> {
        let Some(mut file) = create(&self.folder)? else { return Ok(None) };
        file.write(bytes)?;
        // A sync that fails for want of room is one of a file that nothing names: another attempt
        // writes another file.
        file.sync()?;
        Ok(Some(self.take_over(&Arc::new(file))))
    }

    /// The name of a file that was written and synced, and which the next commit names.
    pub(super) fn take_over(&mut self, file: &Arc<BodyFile>) -> String {
        file.keep();
        self.unsynced = true;
        self.written.push((file.name().to_owned(), Arc::downgrade(file)));
        file.name().to_owned()
    }

    /// Before a commit that names files.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            let synced = self.opened.sync_all();
            let synced = synced.map_err(|error| cannot("sync the folder", &self.folder, error));
            // Never one of room: this folder is not synced again by another attempt.
            synced.map_err(|error| StoreError { kind: StoreErrorKind::Io, ..error })?;
            self.unsynced = false;
        }
        Ok(())
    }

    pub(super) fn give_up(&mut self, name: String) {
        self.given_up.push(name);
    }

    /// After a commit that reached the disk.
    pub(super) fn keep(&mut self) {
        self.written.clear();
        for name in self.given_up.drain(..) {
            remove(&self.folder.join(name));
        }
    }

    /// When the database, which names these, was opened again, as the last commit that reached the
    /// disk left it. A file that another commit is to name is left to who has it.
    pub(super) fn settle(&mut self, named: Vec<String>) {
        let named: HashSet<String> = named.into_iter().collect();
        for (name, file) in self.written.drain(..).filter(|(name, _)| !named.contains(name)) {
            match file.upgrade() {
                Some(file) => file.let_go(),
                None => remove(&self.folder.join(name)),
            }
        }
        for name in self.given_up.drain(..).filter(|name| !named.contains(name)) {
            remove(&self.folder.join(name));
        }
    }

    /// Removes every file that is not in `named`.
    pub(super) fn remove_orphans(&self, named: Vec<String>) -> Result<(), StoreError> {
        let named: HashSet<String> = named.into_iter().collect();
        let unreadable = |error| cannot("read the folder", &self.folder, error);
        for entry in fs::read_dir(&self.folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
                remove(&entry.path());
            }
        }
        Ok(())
    }
}

/// Makes a new file; `None` if there is no descriptor for it at the moment.
pub(super) fn create(folder: &Path) -> Result<Option<BodyFile>, StoreError> {
    let path = folder.join(Uuid::now_v7().to_string());
    match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
        Ok(file) => Ok(Some(BodyFile::new(file, path))),
        Err(error) if no_descriptor(&error) => Ok(None),
        Err(error) => Err(cannot("write", &path, error)),
    }
}

/// Opens a file of the store; `None` if it is not there.
pub(super) fn open(folder: &Path, name: &str, len: u64) -> Result<Option<BodyFile>, StoreError> {
    let path = folder.join(name);
    let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((found, file)) if found == len => Ok(Some(BodyFile::stored(file, path, len))),
        Ok((found, _)) => Err(StoreError::corrupt(format!(
            "{} has {found} bytes instead of {len}: the file was changed",
            path.display(),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", &path, error)),
    }
}

/// Makes a folder for this user only, if it is not there.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| cannot("make the folder", folder, error))?;
    match folder.parent() {
        Some(parent) if parent != Path::new("") => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Makes the names in a folder survive a loss of power.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| cannot("sync the folder", folder, error))
}

/// This process, or the system, has as many files open as it may.
pub(super) fn no_descriptor(error: &io::Error) -> bool {
    let too_many = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| too_many.contains(&code))
}
