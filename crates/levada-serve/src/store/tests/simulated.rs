//! A disk that fails when the test says so, and that can lose power.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

use super::super::StoreError;

/// What is lost is lost in pieces of this many bytes.
const SECTOR: usize = 512;

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What is read.
    seen: Vec<u8>,
    /// What survives.
    safe: Vec<u8>,
    /// Sectors written since the last sync, in this order.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// How many writes, changes of length and syncs there were.
    calls: usize,
    /// From which call on it fails, and how.
    fails: Option<(usize, io::ErrorKind)>,
    /// It failed, and the first time that was a sync.
    failed: Option<bool>,
}

impl Disk {
    /// A disk with this on it.
    pub(super) fn with(contents: Vec<u8>) -> Self {
        let state = State { seen: contents.clone(), safe: contents, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From that call on, counted from now, everything that changes it fails.
    pub(super) fn fail_at(&self, call: usize, how: io::ErrorKind) {
        let mut state = self.state();
        state.fails = Some((state.calls + call, how));
    }

    /// It works again.
    pub(super) fn mend(&self) {
        self.state().fails = None;
    }

    /// How a store opens it.
    pub(super) fn file(&self) -> impl Fn() -> Result<Self, StoreError> + Send + Sync + 'static {
        let disk = self.clone();
        move || Ok(disk.clone())
    }

    pub(super) fn calls(&self) -> usize {
        self.state().calls
    }

    /// The disk after a loss of power: what was synced, and of the rest some sectors, as `keeps`
    /// decides.
    pub(super) fn after_power_loss(&self, mut keeps: impl FnMut() -> bool) -> Self {
        let state = self.state();
        let mut left = state.safe.clone();
        // The length may have become the new one or not.
        if keeps() {
            left.resize(state.seen.len().max(left.len()), 0);
        }
        for (offset, bytes) in &state.unsynced {
            if keeps() {
                put(&mut left, *offset, bytes);
            }
        }
        Self::with(left)
    }

    /// Whether the first call that failed was a sync.
    pub(super) fn failed_to_sync(&self) -> bool {
        self.state().failed == Some(true)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self, is_sync: bool, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state();
        state.calls += 1;
        if let Some((call, how)) = state.fails
            && state.calls > call
        {
            state.failed.get_or_insert(is_sync);
            return Err(how.into());
        }
        change(&mut state);
        Ok(())
    }
}

fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if image.len() < offset + bytes.len() {
        image.resize(offset + bytes.len(), 0);
    }
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let state = self.state();
        let bytes = state.seen.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(false, |state| state.seen.resize(usize::try_from(len).unwrap(), 0))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(true, |state| {
            state.safe.clone_from(&state.seen);
            state.unsynced.clear();
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.change(false, |state| {
            put(&mut state.seen, offset, data);
            let sectors = data.chunks(SECTOR).enumerate();
            state.unsynced.extend(sectors.map(|(i, bytes)| (offset + i * SECTOR, bytes.to_vec())));
        })
    }
}
