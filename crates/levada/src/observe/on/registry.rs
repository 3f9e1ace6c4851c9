//! All channels of the program that are alive, and what those that ended have done.
//!
//! # Layout
//! The registry is divided into shards by the address of the channel, so that threads which make
//! channels at the same time seldom meet. Each shard has a lock.
//!
//! # Invariants
//! - **I1** A channel is registered while it is shared, and unregistered before anything of it is
//!   dropped. Both happen under the lock of its shard, and a snapshot reads a channel under that
//!   lock. So a channel that is read is alive.
//! - **I2** A channel is read by the thread of the snapshot through its atomics only: nothing of
//!   type `T` is accessed, so `T` need not be `Sync` nor `Send`.
//!
//! # Checked by
//! `model` below.

use core::hash::{Hash, Hasher};
use core::panic::Location;
use core::ptr::NonNull;

use super::record::{ChannelRecord, Observed, Reading};
use super::slab::{self, Slab};
use super::sums::{self, Sums};
use crate::observe::Kind;
use crate::prim::atomic::{AtomicU64, Ordering};
use crate::prim::{Arc, IS_MODEL, Lock, shared_array};

/// More than threads that create channels at the same time.
pub(super) const SHARDS: usize = if IS_MODEL { 1 } else { 64 };

shared_array! {
    static CHANNELS: [Shard; SHARDS] = Shard(Lock::new(Channels {
        live: Slab::new(),
        registered: 0,
        ended: Sums::new(),
    }));
}

#[repr(align(64))]
struct Shard(Lock<Channels>);

struct Channels {
    live: Slab<Live>,
    /// How many channels were ever registered in this shard.
    registered: u64,
    /// What the channels have done that ended, by the line that created them.
    ended: Sums<Site, Total>,
}

/// What all channels have in common that one line creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) kind: Kind,
    pub(super) location: &'static Location<'static>,
    /// The name of the message's type.
    pub(super) message: &'static str,
    pub(super) message_size: usize,
}

/// The position in the source tells sites apart; hashing the names would cost more.
impl Hash for Site {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.location.line());
        state.write_u32(self.location.column());
    }
}

/// What the channels of a site have done that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    pub(super) channels: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
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

/// Where a channel is registered: the shard, and its number there plus one; 0 before and after.
#[derive(Debug)]
pub(super) struct Registration {
    entry: AtomicU64,
    /// Unlike all other channels of the program. Constant after the registration.
    id: AtomicU64,
}

impl Registration {
    pub(super) fn new() -> Self {
        Self { entry: AtomicU64::new(0), id: AtomicU64::new(0) }
    }

    /// The number of the channel, unlike all others of the program.
    #[inline]
    pub(super) fn id(&self) -> u64 {
        // ORDERING: Relaxed, no pair: it is written before the channel is shared.
        self.id.load(Ordering::Relaxed)
    }
}

/// Registers a channel that is not shared yet.
#[inline]
pub(super) fn register<C: Observed>(channel: &Arc<C>) {
    let object = NonNull::from(&**channel).cast::<()>();
    let shard = object.addr().get() / 128 % SHARDS;
    let live = Live { channel: object, read: read::<C> };
    let registration = channel.record().registration();
    slab::insert(
        &CHANNELS[shard].0,
        |channels| &mut channels.live,
        live,
        |channels, number| {
            channels.registered += 1;
            let id = channels.registered * SHARDS as u64 + shard as u64;
            // ORDERING: Relaxed, no pair: the channel is not shared yet, and a snapshot reads it
            // under the lock that is held here.
            registration.id.store(id, Ordering::Relaxed);
            let entry = u64::from(number) * SHARDS as u64 + shard as u64 + 1;
            // ORDERING: Relaxed, no pair: as above.
            registration.entry.store(entry, Ordering::Relaxed);
        },
    );
}

/// Ends the registration of a channel that is about to be dropped, if there is one, and adds what
/// it has sent and received to the totals of the line that created it.
pub(super) fn unregister(record: &ChannelRecord, totals: impl FnOnce() -> (u64, u64)) {
    let entry = &record.registration().entry;
    // ORDERING: Relaxed, no pair: the channel is its last owner's.
    let Some(entry) = entry.swap(0, Ordering::Relaxed).checked_sub(1) else { return };
    let (shard, number) = (entry as usize % SHARDS, (entry / SHARDS as u64) as u32);
    let (sent, received) = totals();
    let lock = &CHANNELS[shard].0;
    let mut channels = lock.lock();
    channels.live.remove(number);
    sums::change(
        lock,
        channels,
        |channels| &mut channels.ended,
        record.site(),
        |total| {
            total.channels += 1;
            total.sent = total.sent.wrapping_add(sent);
            total.received = total.received.wrapping_add(received);
        },
    );
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

/// What the channels have done that ended, by site; a site may be there more than once.
pub(super) fn ended() -> impl Iterator<Item = (Site, Total)> {
    CHANNELS.iter().flat_map(|shard| sums::copy(&shard.0, |channels| &mut channels.ended))
}
