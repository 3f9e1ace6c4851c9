//! Which tasks wait now, and how long others have waited.
//!
//! A wait is an entry in a table of the program, not of the channel: the future that waits has its
//! number, and removes it when the wait ends or the future is dropped. So a record needs no access
//! to the channel when it is dropped. The entry of a future that is forgotten stays.
//!
//! The table is divided into shards by channel. Each shard also sums up the waits that ended, by
//! the line in the source.
#![forbid(unsafe_code)]

use core::any::type_name;
use core::hash::{Hash, Hasher};
use core::panic::Location;
use core::ptr;
use core::task::Context;
use core::time::Duration;
use std::time::Instant;

use super::record::ChannelRecord;
use super::registry::{Message, Site};
use super::slab::{self, Slab};
use super::sums::{self, Sums};
use super::task::Task;
use crate::observe::{Kind, Op};
use crate::prim::{IS_MODEL, Lock, is_parked_by, shared_array};

const SHARDS: usize = if IS_MODEL { 1 } else { 64 };

shared_array! {
    static WAITS: [Shard; SHARDS] = Shard(Lock::new(Waits { now: Slab::new(), ended: Sums::new() }));
}

#[repr(align(64))]
struct Shard(Lock<Waits>);

struct Waits {
    now: Slab<Wait>,
    ended: Sums<Place, Sum>,
}

/// Where waits happen: all that one line waits for, at channels that one line creates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) op: Op,
    pub(super) location: &'static Location<'static>,
    /// What created the channel.
    pub(super) channel: &'static Location<'static>,
}

/// By address, as a [`Site`].
impl PartialEq for Place {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op
            && ptr::eq(self.location, other.location)
            && ptr::eq(self.channel, other.channel)
    }
}

impl Eq for Place {}

impl Hash for Place {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(ptr::from_ref(self.location).addr());
        state.write_usize(ptr::from_ref(self.channel).addr());
    }
}

/// The waits of one place that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) sum: Duration,
    pub(super) max: Duration,
}

/// A task that waits.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) place: Place,
    pub(super) channel: WaitsFor,
    pub(super) task: Task,
    pub(super) since: Instant,
    /// How often the future was polled and had to wait.
    pub(super) polls: u32,
    /// Whether a thread sleeps until the wait ends.
    pub(super) blocking: bool,
}

/// The channel of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitsFor {
    /// The number of a channel that is registered.
    Channel(u64),
    /// A oneshot: these are not registered.
    Oneshot(Site),
}

/// What is recorded of a future, or of a handle that waits.
#[derive(Debug)]
pub(crate) struct WaitRecord {
    /// Where the source waits.
    location: &'static Location<'static>,
    /// The shard and the number of the entry, if there is one.
    entry: Option<(u32, u32)>,
}

/// Where a oneshot was created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CreatedAt(&'static Location<'static>);

impl CreatedAt {
    #[track_caller]
    #[inline(always)]
    pub(crate) fn caller() -> Self {
        Self(Location::caller())
    }
}

impl WaitRecord {
    /// The record of a future that the caller makes.
    #[track_caller]
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { location: Location::caller(), entry: None }
    }

    /// Another record of the same line.
    #[inline(always)]
    pub(crate) fn fork(&self) -> Self {
        Self { location: self.location, entry: None }
    }

    /// The wait, if it begins now, is that of the caller.
    #[track_caller]
    #[inline(always)]
    pub(crate) fn at_caller(&mut self) {
        self.location = Location::caller();
    }

    /// The future was polled, and is pending or not.
    #[inline(always)]
    pub(crate) fn note(
        &mut self,
        is_pending: bool,
        cx: &Context<'_>,
        channel: &ChannelRecord,
        op: Op,
    ) {
        if is_pending {
            self.enter(cx, channel, op);
        } else {
            self.leave();
        }
    }

    /// The same for the receiver of a oneshot for a `T`, which was created where the record was.
    #[inline(always)]
    pub(crate) fn note_oneshot<T>(&mut self, is_pending: bool, cx: &Context<'_>) {
        if is_pending {
            self.enter_oneshot::<T>(cx, Op::Recv, self.location);
        } else {
            self.leave();
        }
    }

    /// The same for the sender of a oneshot for a `T`, which waits for the receiver to close.
    #[inline(always)]
    pub(crate) fn note_closed_oneshot<T>(
        &mut self,
        is_pending: bool,
        cx: &Context<'_>,
        created: CreatedAt,
    ) {
        if is_pending {
            self.enter_oneshot::<T>(cx, Op::Closed, created.0);
        } else {
            self.leave();
        }
    }

    /// The wait is over.
    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        if self.entry.is_some() {
            self.leave_now();
        }
    }

    #[cold]
    fn leave_now(&mut self) {
        if let Some(entry) = self.entry.take() {
            remove(entry);
        }
    }

    #[cold]
    fn enter(&mut self, cx: &Context<'_>, channel: &ChannelRecord, op: Op) {
        let place = Place { op, location: self.location, channel: channel.location() };
        let shard = channel.id() as usize % SHARDS;
        self.insert(cx, shard, place, WaitsFor::Channel(channel.id()));
    }

    #[cold]
    fn enter_oneshot<T>(&mut self, cx: &Context<'_>, op: Op, created: &'static Location<'static>) {
        let message: &'static Message =
            const { &Message { kind: Kind::Oneshot, name: type_name::<T>, size: size_of::<T>() } };
        let site = Site { location: created, message };
        let place = Place { op, location: self.location, channel: created };
        let shard = created.line() as usize % SHARDS;
        self.insert(cx, shard, place, WaitsFor::Oneshot(site));
    }

    /// Begins a wait, or counts one more poll of it.
    fn insert(&mut self, cx: &Context<'_>, shard: usize, place: Place, channel: WaitsFor) {
        let blocking = is_parked_by(cx.waker());
        if let Some((shard, number)) = self.entry {
            let mut waits = WAITS[shard as usize].0.lock();
            if let Some(wait) = waits.now.get_mut(number) {
                wait.polls = wait.polls.saturating_add(1);
            }
            return;
        }
        let (task, since) = (Task::current(), Instant::now());
        let wait = Wait { place, channel, task, since, polls: 1, blocking };
        let number = slab::insert(&WAITS[shard].0, |waits| &mut waits.now, wait, |_, _| ());
        self.entry = Some((shard as u32, number));
    }
}

impl Drop for WaitRecord {
    #[inline(always)]
    fn drop(&mut self) {
        self.leave();
    }
}

/// Removes the entry and adds its time to the sum of its place.
fn remove((shard, number): (u32, u32)) {
    let now = Instant::now();
    let lock = &WAITS[shard as usize].0;
    let mut waits = lock.lock();
    let Some(wait) = waits.now.remove(number) else { return };
    let time = now.saturating_duration_since(wait.since);
    sums::change(
        lock,
        waits,
        |waits| &mut waits.ended,
        &wait.place,
        |sum| {
            sum.count += 1;
            sum.sum += time;
            sum.max = sum.max.max(time);
        },
    );
}

/// Copies of all waits, with their shards locked one after the other.
pub(super) fn now() -> Vec<Wait> {
    WAITS.iter().flat_map(|shard| slab::copy(&shard.0, |waits| &mut waits.now)).collect()
}

/// The waits that ended, by place; a place may be there more than once.
pub(super) fn ended() -> impl Iterator<Item = (Place, Sum)> {
    WAITS.iter().flat_map(|shard| sums::copy(&shard.0, |waits| &mut waits.ended))
}
