//! What stands between the database and its file, so that a fault of the disk stops the writing but not the reading.
//!
//! redb refuses everything after a failed write, reads too. Here the first fault is remembered, and from then on
//! writes go to memory: the database goes on, unaware, and [`DiskStore`](super::DiskStore), which knows, hands it no further
//! changes. So what goes to memory is the rest of one commit, and nothing is written, or synced, after a sync that
//! failed: what the system did with the pages of that one is unknown.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use redb::StorageBackend;

use super::super::StoreError;

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
    len: u64,
    /// Offsets and bytes, in the order of writing.
    written: Vec<(u64, Box<[u8]>)>,
}

impl Faults {
    pub(super) fn first(&self) -> Option<StoreError> {
        self.0.get().map(|fault| fault.error.clone())
    }
}

#[derive(Debug)]
pub(super) struct Guarded<B> {
    disk: B,
    faults: Faults,
}

impl<B: StorageBackend> Guarded<B> {
    pub(super) fn new(disk: B, faults: Faults) -> Self {
        Self { disk, faults }
    }

    fn change(
        &self,
        what: &str,
        of_disk: impl FnOnce(&B) -> io::Result<()>,
        instead: impl FnOnce(&mut Instead),
    ) -> io::Result<()> {
        if self.faults.0.get().is_none() {
            let Err(error) = of_disk(&self.disk) else { return Ok(()) };
            let len = self.disk.len()?;
            let error = StoreError::from(error).context(format_args!("cannot {what} the database"));
            let instead = Mutex::new(Instead { len, written: Vec::new() });
            self.faults.0.get_or_init(|| Fault { error, instead });
        }
        if let Some(fault) = self.faults.0.get() {
            instead(&mut fault.instead.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}

impl<B: StorageBackend> StorageBackend for Guarded<B> {
    fn len(&self) -> io::Result<u64> {
        match self.faults.0.get() {
            None => self.disk.len(),
            Some(fault) => Ok(fault.instead.lock().unwrap_or_else(PoisonError::into_inner).len),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let Some(fault) = self.faults.0.get() else { return self.disk.read(offset, out) };
        let in_file =
            usize::try_from(self.disk.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (in_file, beyond) = out.split_at_mut(in_file.min(out.len()));
        if !in_file.is_empty() {
            self.disk.read(offset, in_file)?;
        }
        beyond.fill(0);
        for (start, bytes) in &fault.instead.lock().unwrap_or_else(PoisonError::into_inner).written
        {
            overlay(out, offset, bytes, *start);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change("resize", |disk| disk.set_len(len), |instead| instead.len = len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change("sync", StorageBackend::sync_data, |_| ())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let keep = |instead: &mut Instead| instead.written.push((offset, data.into()));
        self.change("write", |disk| disk.write(offset, data), keep)
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
