//! What is recorded in a channel itself.
#![forbid(unsafe_code)]

use core::any::type_name;
use core::panic::Location;
use std::borrow::Cow;
use std::sync::Arc as StdArc;

use super::queue_time::{Measured, Samples};
use super::registry::{self, Registration, Site};
use crate::observe::Kind;
use crate::prim::Arc;
use crate::prim::atomic::{AtomicU64, Ordering};

/// A channel that has a record.
pub(crate) trait Observed {
    /// The record.
    fn record(&self) -> &ChannelRecord;

    /// What the channel is doing now, read from its atomics.
    fn read(&self) -> Reading;
}

/// What the channels of every kind know of themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// `None` if it has no bound.
    pub(crate) capacity: Option<usize>,
    /// Messages in the channel; `None` for a watch, which has one value always.
    pub(crate) depth: Option<usize>,
    pub(crate) sent: u64,
    /// `None` where each receiver counts for itself.
    pub(crate) received: Option<u64>,
    /// Permits that are out or granted to senders; `None` if the lock was held.
    pub(crate) reserved: Option<usize>,
    pub(crate) senders: usize,
    pub(crate) weak_senders: usize,
    pub(crate) receivers: usize,
    pub(crate) closed: bool,
}

/// The name of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Name(Option<StdArc<str>>);

impl Name {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Some(name.into().into()))
    }
}

/// What is recorded of a channel. The first field, so that it is unregistered before any other is
/// dropped; or the channel's own drop does that.
#[derive(Debug)]
pub(crate) struct ChannelRecord {
    registration: Registration,
    site: SiteOf,
    name: Name,
    /// How many messages were sent, where no other field of the channel says it.
    position: AtomicU64,
    samples: Samples,
}

/// [`Site`], with a name that is looked up when it is asked for.
#[derive(Debug)]
struct SiteOf {
    kind: Kind,
    location: &'static Location<'static>,
    message: fn() -> &'static str,
    message_size: usize,
}

impl ChannelRecord {
    /// The record of a channel that the caller creates.
    #[track_caller]
    #[inline]
    pub(crate) fn new<T>(kind: Kind, name: Name) -> Self {
        Self {
            registration: Registration::new(),
            site: SiteOf {
                kind,
                location: Location::caller(),
                message: type_name::<T>,
                message_size: size_of::<T>(),
            },
            name,
            position: AtomicU64::new(0),
            samples: Samples::new(),
        }
    }

    /// Makes a channel that is not shared yet visible to snapshots.
    #[inline]
    pub(crate) fn register<C: Observed>(channel: &Arc<C>) {
        registry::register(channel);
    }

    /// Makes a channel that is about to be dropped invisible to snapshots. `totals`: how many
    /// messages it has sent and received.
    pub(crate) fn unregister(&self, totals: impl FnOnce() -> (u64, u64)) {
        registry::unregister(self, totals);
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn site(&self) -> Site {
        let SiteOf { kind, location, message, message_size } = self.site;
        Site { kind, location, message: message(), message_size }
    }

    pub(super) fn name(&self) -> Option<StdArc<str>> {
        self.name.0.clone()
    }

    /// The number of the channel, unlike all others of the program.
    #[inline]
    pub(super) fn id(&self) -> u64 {
        self.registration.id()
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.site.location
    }

    /// A message is about to be visible to receivers: the `position`th from the beginning. The
    /// caller holds the sender's lock, under which nothing is allocated.
    #[inline(always)]
    pub(crate) fn note_sent(&self, position: usize, queued: impl FnOnce() -> usize) {
        self.samples.note_sent(position, queued);
    }

    /// The same message, after the lock is released.
    #[inline(always)]
    pub(crate) fn after_sent(&self, position: usize) {
        self.samples.after_sent(position);
    }

    /// A message was received: the `position`th from the beginning.
    #[inline(always)]
    pub(crate) fn note_received(&self, position: usize) {
        self.samples.note_received(position);
    }

    /// So many messages from `position` on were received.
    #[inline(always)]
    pub(crate) fn note_received_many(&self, position: usize, count: usize) {
        self.samples.note_received_many(position, count);
    }

    /// So many messages were sent, where no other field of the channel says it. The caller holds
    /// the sender's lock.
    #[inline(always)]
    pub(crate) fn publish_position(&self, position: u64) {
        // ORDERING: Relaxed, no pair: a statistic.
        self.position.store(position, Ordering::Relaxed);
    }

    /// What was [published](Self::publish_position).
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a statistic.
        self.position.load(Ordering::Relaxed)
    }

    pub(super) fn high_water(&self, depth: usize) -> usize {
        self.samples.high_water(depth)
    }

    pub(super) fn measured(&self) -> Option<StdArc<Measured>> {
        self.samples.measured()
    }
}

impl Drop for ChannelRecord {
    fn drop(&mut self) {
        registry::unregister(self, || (self.position(), 0));
    }
}
