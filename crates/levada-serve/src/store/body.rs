//! An input or output: in memory if it is small, else in a file, of which a piece at a time is in
//! memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
#[cfg(feature = "nats")]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{StoreError, StoreErrorKind};
#[cfg(feature = "nats")]
use crate::transient::is_transient;

/// The longest input or output that is in the database itself, in bytes: a database is at its best
/// with small ones. A longer one is there only if no file could be opened for it.
pub(crate) const INLINE: usize = 64 * 1024;

/// How much of a file is read at once, in bytes: what a pipe holds on Linux.
const PIECE: usize = 64 * 1024;

/// Clones are the same body.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Memory(Bytes),
    File(Arc<BodyFile>),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Memory(Bytes::new())
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.len,
        }
    }

    /// How many bytes of memory it takes.
    pub(crate) fn in_memory(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(_) => 0,
        }
    }

    /// All of it, in memory.
    #[cfg(test)]
    pub(crate) fn whole(&self) -> Result<Bytes, StoreError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(file) => file.whole(),
        }
    }

    /// All of it, in memory.
    pub(crate) async fn into_memory(self) -> Result<Bytes, StoreError> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File(file) => blocking(move || file.whole()).await,
        }
    }

    /// At most so many bytes from there.
    #[cfg(feature = "nats")]
    pub(crate) async fn part(&self, at: u64, most: usize) -> Result<Bytes, StoreError> {
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
                Ok(bytes.slice(at..at.saturating_add(most).min(bytes.len())))
            }
            Self::File(file) => {
                let file = Arc::clone(file);
                blocking(move || file.piece(at, most)).await
            }
        }
    }

    /// Gives it piece by piece.
    pub(crate) fn pieces(self) -> Pieces {
        Pieces { body: self, at: 0 }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Memory(bytes.into())
    }
}

/// A body that is given piece by piece.
#[derive(Debug)]
pub(crate) struct Pieces {
    body: Body,
    /// Where the next piece begins.
    at: u64,
}

impl Pieces {
    /// The next piece; empty at the end.
    ///
    /// # Errors
    /// If the file cannot be read, or is shorter than it was.
    pub(crate) async fn next(&mut self) -> Result<Bytes, StoreError> {
        let piece = match &mut self.body {
            Body::Memory(bytes) => std::mem::take(bytes),
            Body::File(file) => {
                let (file, at) = (Arc::clone(file), self.at);
                blocking(move || file.piece(at, PIECE)).await?
            }
        };
        self.at += piece.len() as u64;
        Ok(piece)
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(act).await;
    done.unwrap_or_else(|error| Err(StoreError::io(format!("reading broke off: {error}"))))
}

/// A body in a file of the store's.
#[derive(Debug)]
pub(crate) struct BodyFile {
    file: Arc<File>,
    path: PathBuf,
    len: u64,
    /// No commit names it: it is removed when it is dropped.
    is_loose: AtomicBool,
    /// It has to survive a loss of power.
    lasts: bool,
}

impl BodyFile {
    /// A new file, which is empty.
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file: Arc::new(file), path, len: 0, is_loose: AtomicBool::new(true), lasts: true }
    }

    /// A new file that has no name, and ends with the process; `None` if there is no descriptor for
    /// it at the moment.
    #[cfg(feature = "nats")]
    pub(crate) fn without_name(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(format!("levada-{}", uuid::Uuid::now_v7()));
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if is_transient(&error) => return Ok(None),
            Err(error) => return Err(cannot("write", &path, error)),
        };
        remove(&path);
        let mut unnamed = Self::new(file, path);
        unnamed.lasts = false;
        Ok(Some(unnamed))
    }

    /// One that the store names.
    pub(super) fn stored(file: File, path: PathBuf, len: u64) -> Self {
        Self { file: Arc::new(file), path, len, is_loose: AtomicBool::new(false), lasts: true }
    }

    /// The name of the file in its folder.
    pub(super) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).expect("the store named it")
    }

    /// Writes what comes next. Blocks.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = (&*self.file).write_all(bytes);
        written.map_err(|error| {
            let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
            let error = cannot("write", &self.path, error);
            let kind = if is_too_large { StoreErrorKind::TooLarge } else { error.kind };
            StoreError { kind, ..error }
        })?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Has what was written survive a loss of power, but for the name, if it has one. Blocks.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        if !self.lasts {
            return Ok(());
        }
        self.file.sync_all().map_err(|error| cannot("write", &self.path, error))
    }

    /// From here on a commit may name it, also one that fails.
    pub(super) fn keep(&self) {
        // ORDERING: Relaxed, no pair: the `Arc` orders this store before the drop of the last
        // clone, which reads it.
        self.is_loose.store(false, Ordering::Relaxed);
    }

    /// No commit names it any more.
    pub(super) fn let_go(&self) {
        // ORDERING: Relaxed, no pair: as in `keep`.
        self.is_loose.store(true, Ordering::Relaxed);
    }

    /// Blocks.
    pub(super) fn whole(&self) -> Result<Bytes, StoreError> {
        self.piece(0, usize::MAX)
    }

    /// At most so many bytes from there.
    fn piece(&self, at: u64, most: usize) -> Result<Bytes, StoreError> {
        let left = usize::try_from(self.len - at).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(most)];
        let read = self.file.read_exact_at(&mut piece, at);
        read.map_err(|error| cannot("read", &self.path, error))?;
        Ok(piece.into())
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if !*self.is_loose.get_mut() {
            return;
        }
        let (file, path) = (Arc::clone(&self.file), std::mem::take(&mut self.path));
        // The system gives the room back when both are gone, which takes long for a large one.
        let gone = move || {
            remove(&path);
            drop(file);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(gone)),
            Err(_) => gone(),
        }
    }
}

/// A file that cannot be removed costs room, nothing else.
pub(super) fn remove(path: &Path) {
    let removed = fs::remove_file(path);
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove unused file {}: {error}", path.display());
    }
}

pub(super) fn cannot(what: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::from(error).context(format_args!("cannot {what} {}", path.display()))
}
