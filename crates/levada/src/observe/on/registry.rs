//! All channels of the program that were used, and what those that ended have done.
//!
//! A channel enters the registry when one of its handles is first used, so making a channel costs
//! nothing but a few stores. The registry is divided into shards, so that threads which make
//! channels at the same time seldom meet. Each shard has a lock.
//!
//! # States of a registration
//! | `id` | `entry` | the channel | left by |
//! |------|---------|-------------|---------|
//! | 0    | 0       | was not used | the first use: the thread whose exchange sets `id` |
//! | set  | 0       | is being registered by that thread | the same thread |
//! | set  | set     | is registered | the drop of the channel |
//!
//! # Invariants
//! - **I1** A channel is registered while it is shared, and unregistered before anything of it is
//!   dropped. Both happen under the lock of its shard, and a snapshot reads a channel under that
//!   lock. So a channel that is read is alive.
//! - **I2** A channel is read by the thread of the snapshot through its atomics only: nothing of
//!   type `T` is accessed, so `T` need not be `Sync` nor `Send`.
//!
//! # Checked by
//! `model`.

use core::hash::{Hash, Hasher};
use core::panic::Location;
use core::ptr::{self, NonNull};
use std::sync::Arc as StdArc;

use super::record::{ChannelRecord, Done, Observed, Reading};
use super::slab::{self, Slab};
use super::sums::{self, Sums};
use crate::observe::Kind;
use crate::prim::atomic::{AtomicU64, Ordering};
use crate::prim::{Arc, IS_MODEL, Lock, shared_array};

/// More than threads that create channels at the same time.
const SHARDS: usize = if IS_MODEL { 1 } else { 64 };

/// How many sources a shard tells apart. A program may make up names without end, so channels with
/// further names count at their line.
const MAX_SOURCES: usize = 256;

shared_array! {
    static CHANNELS: [Shard; SHARDS] = Shard(Lock::new(Channels {
        live: Slab::new(),
        ended: Sums::new(),
    }));
}

shared_array! {
    static LAST_ID: [AtomicU64; 1] = AtomicU64::new(0);
}

#[repr(align(64))]
struct Shard(Lock<Channels>);

struct Channels {
    live: Slab<Live>,
    /// What the channels have done that ended.
    ended: Sums<Source, Total>,
}

/// What all channels have in common that one line creates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub(super) location: &'static Location<'static>,
    pub(super) message: &'static Message,
}

/// What all channels of one kind have in common whose messages have one type.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) name: fn() -> &'static str,
    pub(super) size: usize,
}

/// By address, which is cheap: the compiler may have placed one site at several, which a snapshot
/// merges.
impl PartialEq for Site {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.location, other.location) && ptr::eq(self.message, other.message)
    }
}

impl Eq for Site {}

impl Hash for Site {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(ptr::from_ref(self.location).addr());
        state.write_usize(ptr::from_ref(self.message).addr());
    }
}

/// Where channels come from whose totals are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) site: Site,
    pub(super) name: Option<StdArc<str>>,
}

impl Hash for Source {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.site.hash(state);
        if let Some(name) = &self.name {
            name.hash(state);
        }
    }
}

/// What the channels of a source have done that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    pub(super) channels: u64,
    pub(super) sent: u64,
    pub(super) evicted: u64,
}

/// A channel that is registered.
struct Live {
    channel: NonNull<()>,
    read: unsafe fn(NonNull<()>, &mut Visit<'_>),
}

/// What a snapshot does with a channel.
type Visit<'a> = dyn FnMut(&ChannelRecord, Reading) + 'a;

// SAFETY: the pointer keeps it from being automatic. It is followed under the lock of the shard
// only, where the channel is alive (I1), and what is read there may be read by any thread (I2).
unsafe impl Send for Live {}

/// # Safety
/// `channel` is a channel of type `C` that is registered, and the caller holds the lock of its
/// shard.
unsafe fn read<C: Observed>(channel: NonNull<()>, visit: &mut Visit<'_>) {
    // SAFETY: the channel is alive (I1).
    let channel = unsafe { channel.cast::<C>().as_ref() };
    visit(channel.record(), channel.read());
}

/// Where a channel is registered.
#[derive(Debug)]
pub(super) struct Registration {
    /// Unlike all other channels of the program; 0 before the first use. The shard follows from it.
    id: AtomicU64,
    /// Its number in the shard, plus one; 0 if it is not registered.
    entry: AtomicU64,
}

impl Registration {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { id: AtomicU64::new(0), entry: AtomicU64::new(0) }
    }

    /// The number of the channel, unlike all others of the program; 0 before the first use.
    #[inline]
    pub(super) fn id(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a number.
        self.id.load(Ordering::Relaxed)
    }
}

fn shard(id: u64) -> &'static Lock<Channels> {
    &CHANNELS[(id % SHARDS as u64) as usize].0
}

/// Registers a channel, unless it is registered already or another thread is about to.
#[cold]
pub(super) fn register<C: Observed>(channel: &Arc<C>) {
    let Registration { id, entry } = channel.record().registration();
    // ORDERING: Relaxed, no pair: a number.
    if id.load(Ordering::Relaxed) != 0 {
        return;
    }
    // ORDERING: Relaxed, no pair: a number.
    let new = LAST_ID[0].fetch_add(1, Ordering::Relaxed) + 1;
    // ORDERING: Relaxed, no pair: one thread wins, and does what follows.
    if id.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return;
    }
    let live = Live { channel: NonNull::from(&**channel).cast(), read: read::<C> };
    slab::insert(
        shard(new),
        |channels| &mut channels.live,
        live,
        |_, number| {
            // ORDERING: Relaxed pairs with the load in `unregister`: this thread has a handle, and
            // what it did before it drops that is seen by the thread that drops the channel.
            entry.store(u64::from(number) + 1, Ordering::Relaxed);
        },
    );
}

/// Ends the registration of a channel that is about to be dropped, if there is one, and adds what
/// it has done to the totals of its source.
#[inline(always)]
pub(super) fn unregister(record: &ChannelRecord, done: impl FnOnce() -> Done) {
    let entry = &record.registration().entry;
    // ORDERING: Relaxed pairs with the store in `register`; the channel is its last owner's.
    let Some(number) = entry.load(Ordering::Relaxed).checked_sub(1) else { return };
    // ORDERING: Relaxed, no pair: as above.
    entry.store(0, Ordering::Relaxed);
    remove(record, number as u32, done());
}

#[cold]
fn remove(record: &ChannelRecord, number: u32, done: Done) {
    let lock = shard(record.id());
    let mut source = Source { site: record.site(), name: record.name() };
    let mut channels = lock.lock();
    channels.live.remove(number);
    if source.name.is_some() && !channels.ended.has_room_for(&source, MAX_SOURCES) {
        // Frees nothing: the record has the name.
        source.name = None;
    }
    let add = |total: &mut Total| {
        total.channels += 1;
        total.sent = total.sent.wrapping_add(done.sent);
        total.evicted = total.evicted.wrapping_add(done.evicted);
    };
    sums::change(lock, channels, |channels| &mut channels.ended, &source, add);
}

/// Visits every registered channel, under the lock of its shard: `visit` must not allocate, call
/// foreign code or make a channel. `reserve` is called without a lock with the largest number of
/// channels that the next calls of `visit` can have.
pub(super) fn visit<S>(
    state: &mut S,
    mut reserve: impl FnMut(&mut S, usize),
    mut visit: impl FnMut(&mut S, &ChannelRecord, Reading),
) {
    for shard in CHANNELS.iter() {
        let mut room = 0;
        loop {
            let channels = shard.0.lock();
            let slots = channels.live.slots();
            if slots > room {
                drop(channels);
                room = slots;
                reserve(state, room);
                continue;
            }
            for live in channels.live.iter() {
                let mut visit = |record: &ChannelRecord, reading| visit(state, record, reading);
                // SAFETY: the channel is registered, with the function for its type, and the lock
                // is held.
                unsafe { (live.read)(live.channel, &mut visit) };
            }
            break;
        }
    }
}

/// What the channels have done that ended; a source may be there more than once.
pub(super) fn ended() -> impl Iterator<Item = (Source, Total)> {
    CHANNELS.iter().flat_map(|shard| sums::copy(&shard.0, |channels| &mut channels.ended))
}
