//! Which tasks use the handles of the channels, and where the receivers are that have a position of
//! their own.
//!
//! A handle enters the table at its first use. It looks again whether another task uses it at its
//! 2nd, 4th, 8th use and so on, and from the 64th on at each 64th. The table is divided into shards
//! by channel.
#![forbid(unsafe_code)]

use std::sync::{Arc as StdArc, OnceLock};

use super::record::{ChannelRecord, Observed};
use super::registry;
use super::slab::{self, Slab};
use super::task::Task;
use crate::observe::Side;
use crate::prim::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::prim::{Arc, IS_MODEL, Lock, shared_array};

const SHARDS: usize = if IS_MODEL { 1 } else { 64 };
/// A handle looks at its task at every so many uses, once it was used as often.
const EVERY: u32 = 64;

shared_array! {
    static HANDLES: [Shard; SHARDS] = Shard(Lock::new(Handles { used: Slab::new(), entered: 0 }));
}

#[repr(align(64))]
struct Shard(Lock<Handles>);

struct Handles {
    used: Slab<Handle>,
    /// How many handles have ever entered this shard.
    entered: u64,
}

/// A handle that was used.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    /// Unlike all other handles.
    pub(super) id: u64,
    pub(super) channel: u64,
    pub(super) side: Side,
    pub(super) task: Task,
    /// Whether another task used it before.
    pub(super) moved: bool,
    pub(super) position: Option<StdArc<Position>>,
}

/// Where a receiver is.
#[derive(Debug)]
pub(super) struct Position {
    next: AtomicU64,
    missed: AtomicU64,
}

/// What is recorded of a handle.
#[derive(Debug)]
pub(crate) struct HandleRecord {
    /// The shard and the number of the entry, plus one; 0 if there is none.
    entry: AtomicU64,
    /// Uses until the handle looks at its task.
    left: AtomicU32,
    /// Uses between the last look and the next.
    interval: AtomicU32,
}

/// What is recorded of a receiver that has a position of its own, from its first use on.
#[derive(Debug)]
pub(crate) struct PositionRecord(OnceLock<StdArc<Position>>);

/// A reference to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionRef<'a>(&'a PositionRecord);

impl HandleRecord {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { entry: AtomicU64::new(0), left: AtomicU32::new(1), interval: AtomicU32::new(0) }
    }

    /// The calling task uses the handle.
    #[inline(always)]
    pub(crate) fn touch<C: Observed>(&self, channel: &Arc<C>, side: Side) {
        if self.is_due() {
            self.note_task(channel, side, None);
        }
    }

    /// Counts a use; whether the handle looks at its task now.
    #[inline(always)]
    fn is_due(&self) -> bool {
        // ORDERING: Relaxed, no pair: uses that two threads count at the same time may count once.
        let left = self.left.load(Ordering::Relaxed).wrapping_sub(1);
        // ORDERING: Relaxed, no pair: as above.
        self.left.store(left, Ordering::Relaxed);
        left == 0
    }

    #[cold]
    fn note_task<C: Observed>(
        &self,
        channel: &Arc<C>,
        side: Side,
        position: Option<&StdArc<Position>>,
    ) {
        let record = channel.record();
        // ORDERING: Relaxed, no pair: threads that look at the same time may set it once.
        let interval = self.interval.load(Ordering::Relaxed);
        match interval {
            0 => registry::register(channel),
            EVERY => record.prepare_samples(channel.read().capacity),
            _ => {}
        }
        let next = (2 * interval).clamp(1, EVERY);
        // ORDERING: Relaxed, no pair: as above.
        self.interval.store(next, Ordering::Relaxed);
        // ORDERING: Relaxed, no pair: as above.
        self.left.store(next, Ordering::Relaxed);
        let task = Task::current();
        // ORDERING: Relaxed, no pair: the entry is read under its lock, and was written by a use
        // of this handle.
        match self.entry.load(Ordering::Relaxed).checked_sub(1) {
            Some(entry) => {
                let mut task = Some(task);
                let mut handles = lock(entry).lock();
                if let Some(handle) = handles.used.get_mut(number(entry))
                    && task.as_ref() != Some(&handle.task)
                {
                    handle.moved = true;
                    task = task.map(|task| core::mem::replace(&mut handle.task, task));
                }
                drop(handles);
                drop(task);
            }
            None => self.enter(record, side, task, position.cloned()),
        }
    }

    /// Enters the table, unless another thread that uses the handle is about to.
    fn enter(
        &self,
        channel: &ChannelRecord,
        side: Side,
        task: Task,
        position: Option<StdArc<Position>>,
    ) {
        let shard = channel.id() % SHARDS as u64;
        let handle = Handle { id: 0, channel: channel.id(), side, task, moved: false, position };
        let lock = &HANDLES[shard as usize].0;
        let name = |handles: &mut Handles, number| {
            handles.entered += 1;
            if let Some(handle) = handles.used.get_mut(number) {
                handle.id = handles.entered * SHARDS as u64 + shard;
            }
        };
        let number = slab::insert(lock, |handles| &mut handles.used, handle, name);
        let entry = u64::from(number) * SHARDS as u64 + shard + 1;
        // ORDERING: Relaxed, no pair: one of the threads enters, the others remove what they have
        // inserted; `drop` has the handle to itself.
        if self.entry.compare_exchange(0, entry, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            let removed = lock.lock().used.remove(number);
            drop(removed);
        }
    }

    /// The calling task uses the receiver, whose position is `next`.
    #[inline(always)]
    pub(crate) fn touch_at<C: Observed>(
        &self,
        channel: &Arc<C>,
        position: &PositionRecord,
        next: u64,
    ) {
        if self.is_due() {
            self.note_receiver(channel, position, next);
        }
    }

    #[cold]
    fn note_receiver<C: Observed>(&self, channel: &Arc<C>, position: &PositionRecord, next: u64) {
        let new = || Position { next: AtomicU64::new(next), missed: AtomicU64::new(0) };
        let position = position.0.get_or_init(|| StdArc::new(new()));
        self.note_task(channel, Side::Receiver, Some(position));
    }
}

impl PositionRecord {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The receiver's position is `next`, and it has just missed so many messages.
    #[inline(always)]
    pub(crate) fn note(&self, next: u64, missed: u64) {
        if let Some(position) = self.0.get() {
            // ORDERING: Relaxed, no pair: a statistic.
            position.next.store(next, Ordering::Relaxed);
            if missed > 0 {
                // ORDERING: Relaxed, no pair: a statistic.
                position.missed.fetch_add(missed, Ordering::Relaxed);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn as_ref(&self) -> PositionRef<'_> {
        PositionRef(self)
    }
}

impl PositionRef<'_> {
    /// As [`PositionRecord::note`].
    #[inline(always)]
    pub(crate) fn note(self, next: u64, missed: u64) {
        self.0.note(next, missed);
    }
}

impl Drop for HandleRecord {
    #[inline(always)]
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: the handle is borrowed mutably.
        if let Some(entry) = self.entry.load(Ordering::Relaxed).checked_sub(1) {
            remove(entry);
        }
    }
}

#[cold]
fn remove(entry: u64) {
    let removed = lock(entry).lock().used.remove(number(entry));
    drop(removed);
}

fn lock(entry: u64) -> &'static Lock<Handles> {
    &HANDLES[(entry % SHARDS as u64) as usize].0
}

fn number(entry: u64) -> u32 {
    (entry / SHARDS as u64) as u32
}

impl Position {
    pub(super) fn next(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a statistic.
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn missed(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a statistic.
        self.missed.load(Ordering::Relaxed)
    }
}

/// Copies of all entries.
pub(super) fn all() -> Vec<Handle> {
    HANDLES.iter().flat_map(|shard| slab::copy(&shard.0, |handles| &mut handles.used)).collect()
}
