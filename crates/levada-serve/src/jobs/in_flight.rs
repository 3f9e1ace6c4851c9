//! Which jobs run, in a file that outlives the process: `in-flight`, beside the database.
//!
//! A job may kill the service, and must then be distinguished from waiting jobs. The database
//! does not know: that a job runs is in it with the next commit, which may never be made, and a
//! commit for each start would cost a sync. A write without a sync survives the death of the
//! process, and that is all it takes here.
//!
//! ```text
//! slot 0: id of the job (16 bytes), number of its attempt (4 bytes, big-endian)
//! slot 1: ...
//! ```
//!
//! A slot is written before the command starts, and not when it has ended: of an attempt that has
//! ended, the store knows. The file is emptied when the service begins to stop. What ends the
//! process from then on is the stop, not a job.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tracing::warn;

use crate::job::JobId;
use crate::sync::lock;

const SLOT: usize = 16 + 4;

/// The file, and who writes where.
#[derive(Debug)]
pub(crate) struct InFlight {
    file: File,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By slot.
    taken: Vec<bool>,
    /// Nothing is written any more.
    stopping: bool,
    /// It was said that the file cannot be written.
    told: bool,
}

/// An attempt that may not have ended when the process did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(super) job: JobId,
    pub(super) attempt: u32,
}

/// Where one run after the other can be written. Dropping it leaves the slot to others.
#[derive(Debug)]
pub(super) struct Slot {
    file: Arc<InFlight>,
    index: usize,
}

impl InFlight {
    /// Opens the file in the directory of a store that no other process uses, or makes it; and what
    /// the last process left in it.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn open(directory: &Path) -> io::Result<(Arc<Self>, Vec<Begun>)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(directory.join("in-flight"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // What is not whole was being written: its command had not started.
        let (slots, _) = bytes.as_chunks();
        let begun = slots.iter().filter_map(read).collect();
        Ok((Arc::new(Self { file, state: Mutex::default() }), begun))
    }

    /// What was in the file counts no more, or is counted. Blocks.
    pub(super) fn clear(&self) {
        self.say(self.file.set_len(0));
    }

    /// The service stops: no job is to blame for what happens from now on. Blocks.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopping = true;
        self.clear();
    }

    /// A slot that no other run has.
    pub(super) fn slot(self: &Arc<Self>) -> Slot {
        let taken = &mut lock(&self.state).taken;
        let index = taken.iter().position(|taken| !taken).unwrap_or(taken.len());
        if index == taken.len() {
            taken.push(true);
        } else {
            taken[index] = true;
        }
        Slot { file: Arc::clone(self), index }
    }

    fn write(&self, index: usize, slot: &[u8; SLOT]) {
        // Not under the lock: the disk may hang.
        if lock(&self.state).stopping {
            return;
        }
        self.say(self.file.write_all_at(slot, (index * SLOT) as u64));
        if lock(&self.state).stopping {
            self.clear();
        }
    }

    /// Says once that the file cannot be written. The jobs run all the same.
    fn say(&self, written: io::Result<()>) {
        if let Err(error) = written
            && !std::mem::replace(&mut lock(&self.state).told, true)
        {
            warn!(%error, "cannot write the file `in-flight`: after a crash, the service cannot tell which jobs were running");
        }
    }
}

impl Slot {
    /// This attempt is about to start. Blocks.
    pub(super) fn begin(&self, job: JobId, attempt: u32) {
        let mut slot = [0; SLOT];
        slot[..16].copy_from_slice(&job.to_bytes());
        slot[16..].copy_from_slice(&attempt.to_be_bytes());
        self.file.write(self.index, &slot);
    }

    /// It could not start. Blocks.
    pub(super) fn clear(&self) {
        self.file.write(self.index, &[0; SLOT]);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.file.state).taken[self.index] = false;
    }
}

fn read(slot: &[u8; SLOT]) -> Option<Begun> {
    let (job, attempt) = slot.split_first_chunk()?;
    let attempt = u32::from_be_bytes(attempt.try_into().ok()?);
    // The first attempt is number 1.
    (attempt > 0).then_some(Begun { job: JobId::from_bytes(*job), attempt })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(job: JobId, attempt: u32) -> Begun {
        Begun { job, attempt }
    }

    #[test]
    fn the_next_process_finds_what_began() {
        let dir = tempfile::tempdir().unwrap();
        let ids = [JobId::next(), JobId::next(), JobId::next()];
        let (file, left) = InFlight::open(dir.path()).unwrap();
        assert_eq!(left, []);
        let slots = [file.slot(), file.slot(), file.slot()];
        for (slot, id) in slots.iter().zip(ids) {
            slot.begin(id, 1);
        }
        slots[1].clear();
        let [first, ..] = slots;
        drop(first);
        // The slot is free, and taken anew.
        file.slot().begin(ids[0], 7);
        let (_, left) = InFlight::open(dir.path()).unwrap();
        assert_eq!(left, [begun(ids[0], 7), begun(ids[2], 1)]);
    }

    #[test]
    fn what_begins_while_the_service_stops_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = InFlight::open(dir.path()).unwrap();
        let slot = file.slot();
        slot.begin(JobId::next(), 1);
        file.stop();
        slot.begin(JobId::next(), 1);
        assert_eq!(InFlight::open(dir.path()).unwrap().1, []);
    }

    #[test]
    fn half_a_slot_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = InFlight::open(dir.path()).unwrap();
        let id = JobId::next();
        file.slot().begin(id, 2);
        file.file.write_all_at(&[1; 7], SLOT as u64).unwrap();
        assert_eq!(InFlight::open(dir.path()).unwrap().1, [begun(id, 2)]);
    }
}
