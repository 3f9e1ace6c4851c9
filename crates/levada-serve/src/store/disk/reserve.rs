//! Room that is set aside for a disk that is full: a file that is removed then, and made again when
//! there is room.
//!
//! To forget jobs takes room, too, and so does writing down how the jobs ended that run: what is
//! set aside is for that. While it is not there, the disk is full, and the store takes no new jobs.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::StoreError;
use super::super::body::{cannot, remove};

/// How many bytes are set aside: several times what it takes to forget [some
/// jobs](super::super::retention).
const SIZE: u64 = 8 << 20;

/// With fewer than these left, that there are no more files may be what is missing.
const FEW_FILES: u64 = 16;

/// How much is written at once.
const PIECE: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Of the store in this folder.
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join("reserve") }
    }

    /// Makes it if it is not there.
    ///
    /// # Errors
    /// There is no room for it: then there is nothing of it. Or the system refuses otherwise.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        let Err(error) = self.fill() else { return Ok(()) };
        if error.kind() == io::ErrorKind::FileTooLarge {
            // No other file of this process becomes larger either.
            return Ok(());
        }
        self.release();
        Err(cannot("set room aside in", &self.path, error))
    }

    fn fill(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&self.path)?;
        let mut piece = vec![0; PIECE];
        let mut len = file.metadata()?.len();
        while len < SIZE {
            // Bytes that no file system makes fewer.
            fastrand::fill(&mut piece);
            file.write_all(&piece)?;
            len += PIECE as u64;
        }
        Ok(())
    }

    /// Gives the room back.
    pub(super) fn release(&self) {
        remove(&self.path);
    }

    /// What is said of a disk that is full, with figures.
    pub(super) fn no_room(&self, error: StoreError) -> StoreError {
        let dir = self.path.parent().unwrap_or(&self.path);
        let Ok(stat) = rustix::fs::statvfs(dir) else { return error };
        let free = stat.f_bavail.saturating_mul(stat.f_frsize) >> 10;
        // Some file systems have no such limit, and say 0.
        let few = stat.f_files > 0 && stat.f_favail < FEW_FILES;
        let files = if few { format!(" for {} files", stat.f_favail) } else { String::new() };
        let message = format!(
            "{}; {free} KiB{files} are free in {}, and {} KiB have to be",
            error.message,
            dir.display(),
            SIZE >> 10,
        );
        StoreError { kind: error.kind, message }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::super::StoreErrorKind;
    use super::*;

    #[test]
    fn it_takes_the_room_that_it_is_for_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let (reserve, path) = (Reserve::new(dir.path()), dir.path().join("reserve"));
        reserve.make().unwrap();
        let made = fs::metadata(&path).unwrap();
        assert_eq!(made.len(), SIZE);
        // What a crash left of it is made whole.
        OpenOptions::new().write(true).open(&path).unwrap().set_len(PIECE as u64).unwrap();
        reserve.make().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), SIZE);
        reserve.release();
        assert!(!path.exists());
        reserve.release();
    }

    #[test]
    fn a_full_disk_is_described() {
        let dir = tempfile::tempdir().unwrap();
        let error = StoreError { kind: StoreErrorKind::Full, message: "no room".to_owned() };
        let said = Reserve::new(dir.path()).no_room(error).message;
        let place = dir.path().display().to_string();
        assert!(said.starts_with("no room; "), "{said}");
        assert!(
            said.ends_with(&format!(" are free in {place}, and 8192 KiB have to be")),
            "{said}"
        );
    }
}
