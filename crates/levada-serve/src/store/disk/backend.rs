//! What stands between the database and its file, so that a fault of the disk stops the writing but
//! not the reading.
//!
//! redb refuses everything after a failed write, reads too. Here the first fault is remembered, and
//! from then on writes go to memory: the database goes on, unaware, and
//! [`Opened`](super::opened::Opened), which knows, hands it no further changes. So what goes to
//! memory is the rest of one commit, and nothing is written, or synced, after a sync that failed:
//! what the system did with the pages of that one is unknown. Such a fault is never one of
//! [room](StoreErrorKind::Full), whatever the system calls it: the store must not go on after it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use redb::StorageBackend;

use super::super::{StoreError, StoreErrorKind};
use crate::sync::lock;

/// The first fault, if there was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Arc<OnceLock<Fault>>);

#[derive(Debug)]
struct Fault {
    error: StoreError,
    instead: Mutex<Instead>,
}

/// What was to be done to the file since.
#[derive(Debug, Default)]
struct Instead {
    /// `None` if it is that of the file.
    len: Option<u64>,
    /// Offsets and bytes, in the order of writing.
    written: Vec<(u64, Box<[u8]>)>,
    /// The file is another database's.
    retired: bool,
}

impl Fault {
    /// # Errors
    /// The file is another database's.
    fn instead(&self) -> io::Result<MutexGuard<'_, Instead>> {
        let instead = lock(&self.instead);
        let retired = || io::Error::other("the file is another database's");
        if instead.retired { Err(retired()) } else { Ok(instead) }
    }
}

impl Faults {
    pub(super) fn first(&self) -> Option<StoreError> {
        self.0.get().map(|fault| fault.error.clone())
    }

    /// Nothing is written to the file from now on, because of this error or an earlier one.
    pub(super) fn cut_off(&self, error: StoreError) {
        self.0.get_or_init(|| Fault { error, instead: Mutex::default() });
    }

    /// Nothing is read any more either, once it is cut off: what this database has of the file may
    /// be gone.
    pub(super) fn retire(&self) {
        if let Some(fault) = self.0.get() {
            lock(&fault.instead).retired = true;
        }
    }
}

#[derive(Debug)]
pub(super) struct Guarded {
    disk: Box<dyn StorageBackend>,
    faults: Faults,
}

impl Guarded {
    pub(super) fn new(disk: Box<dyn StorageBackend>, faults: Faults) -> Self {
        Self { disk, faults }
    }

    fn change(
        &self,
        what: &str,
        of_disk: impl FnOnce(&dyn StorageBackend) -> Result<(), StoreError>,
        instead: impl FnOnce(&mut Instead),
    ) -> io::Result<()> {
        if self.faults.0.get().is_none() {
            let Err(error) = of_disk(&*self.disk) else { return Ok(()) };
            self.faults.cut_off(error.context(format_args!("cannot {what} the database")));
        }
        if let Some(fault) = self.faults.0.get() {
            instead(&mut *fault.instead()?);
        }
        Ok(())
    }
}

impl StorageBackend for Guarded {
    fn len(&self) -> io::Result<u64> {
        let instead = match self.faults.0.get() {
            Some(fault) => fault.instead()?.len,
            None => None,
        };
        instead.map_or_else(|| self.disk.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let Some(fault) = self.faults.0.get() else { return self.disk.read(offset, out) };
        let instead = fault.instead()?;
        let in_file =
            usize::try_from(self.disk.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (in_file, beyond) = out.split_at_mut(in_file.min(out.len()));
        if !in_file.is_empty() {
            self.disk.read(offset, in_file)?;
        }
        beyond.fill(0);
        for (start, bytes) in &instead.written {
            overlay(out, offset, bytes, *start);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change("resize", |disk| Ok(disk.set_len(len)?), |instead| instead.len = Some(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let sync = |disk: &dyn StorageBackend| {
            let synced = disk.sync_data().map_err(StoreError::from);
            synced.map_err(|error| StoreError { kind: StoreErrorKind::Io, ..error })
        };
        self.change("sync", sync, |_| ())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let keep = |instead: &mut Instead| instead.written.push((offset, data.into()));
        self.change("write", |disk| Ok(disk.write(offset, data)?), keep)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }
}

/// Copies of `bytes`, which begin at `start`, what falls on `out`, which begins at `offset`.
fn overlay(out: &mut [u8], offset: u64, bytes: &[u8], start: u64) {
    let first = offset.max(start);
    let last = (offset + out.len() as u64).min(start + bytes.len() as u64);
    if first < last {
        let within = |base: u64| (first - base) as usize..(last - base) as usize;
        out[within(offset)].copy_from_slice(&bytes[within(start)]);
    }
}

#[cfg(test)]
mod tests {
    use super::overlay;

    #[test]
    fn overlays_what_two_ranges_share() {
        // Ten bytes from 100 on, and four from each of these.
        for (start, expected) in [
            (90, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (96, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (98, [3, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
            (103, [0, 0, 0, 1, 2, 3, 4, 0, 0, 0]),
            (109, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (110, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let mut out = [0; 10];
            overlay(&mut out, 100, &[1, 2, 3, 4], start);
            assert_eq!(out, expected, "from {start}");
        }
        let mut out = [0; 2];
        overlay(&mut out, 100, &[1, 2, 3, 4], 99);
        assert_eq!(out, [2, 3]);
    }
}
