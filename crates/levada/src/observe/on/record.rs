//! What is recorded in a channel itself.
#![forbid(unsafe_code)]

use core::any::type_name;
use core::marker::PhantomPinned;
use core::panic::Location;
use std::borrow::Cow;
use std::sync::Arc as StdArc;

use super::queue_time::{Measured, Samples};
use super::registry::{self, Message, Registration, Site};
use crate::observe::Kind;
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
    /// Messages that an overflow policy evicted or discarded; `None` if there is no policy.
    pub(crate) evicted: Option<u64>,
    /// Permits that are out or granted to senders; `None` if the lock was held.
    pub(crate) reserved: Option<usize>,
    /// What messages and permits weigh, and how much that may be, where a channel weighs them.
    pub(crate) weight: Option<Weight>,
    pub(crate) senders: usize,
    pub(crate) weak_senders: usize,
    pub(crate) receivers: usize,
    pub(crate) closed: bool,
}

/// What a channel has done when it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) sent: u64,
    /// Messages that an overflow policy evicted or discarded.
    pub(crate) evicted: u64,
}

impl Done {
    /// It has no policy, and sent so many.
    pub(crate) fn sent(sent: u64) -> Self {
        Self { sent, evicted: 0 }
    }
}

/// How much is in a channel that weighs its messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    pub(crate) held: usize,
    pub(crate) max: usize,
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
///
/// It makes the channel not `Unpin`: a snapshot may read the channel until it is unregistered,
/// which the drop does that has it by `&mut`; and such a reference is not unique to the compiler
/// only if what it refers to is not `Unpin`.
#[derive(Debug)]
pub(crate) struct ChannelRecord {
    _pinned: PhantomPinned,
    registration: Registration,
    site: Site,
    name: Name,
    /// How many messages were sent, where no other field of the channel says it. For mpsc and mpmc,
    /// how far its positions are ahead of what was sent and received.
    position: AtomicU64,
    samples: Samples,
}

impl ChannelRecord {
    /// The record of a channel that the caller creates.
    #[track_caller]
    #[inline(always)]
    pub(crate) fn new<T>(kind: Kind, name: Name) -> Self {
        Self {
            _pinned: PhantomPinned,
            registration: Registration::new(),
            site: Site { location: Location::caller(), message: message::<T>(kind) },
            name,
            position: AtomicU64::new(0),
            samples: Samples::new(),
        }
    }

    /// The channel is shown as one of this kind, for messages of type `T`. Nothing has used it yet.
    pub(crate) fn show_as<T>(&mut self, kind: Kind) {
        self.site.message = message::<T>(kind);
    }

    /// Makes a channel that is about to be dropped invisible to snapshots.
    #[inline(always)]
    pub(crate) fn unregister(&self, done: impl FnOnce() -> Done) {
        registry::unregister(self, done);
    }

    pub(super) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(super) fn site(&self) -> Site {
        self.site
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

    /// The positions of the channel moved by so much more than messages were sent and received. The
    /// caller holds the sender's lock.
    #[inline(always)]
    pub(crate) fn note_ahead(&self, by: isize) {
        self.publish_position(self.position().wrapping_add_signed(by as i64));
    }

    /// How far they are ahead; less than nothing wraps.
    #[inline]
    pub(crate) fn ahead(&self) -> usize {
        self.position() as usize
    }

    /// Prepares to measure queue times, with a handle that was used often enough. Allocates.
    pub(super) fn prepare_samples(&self, capacity: Option<usize>) {
        self.samples.prepare(capacity);
    }

    pub(super) fn high_water(&self, depth: usize) -> usize {
        self.samples.high_water(depth)
    }

    pub(super) fn measured(&self) -> Option<StdArc<Measured>> {
        self.samples.measured()
    }
}

/// What the channels of this kind have in common whose messages have this type: a constant.
#[inline(always)]
fn message<T>(kind: Kind) -> &'static Message {
    macro_rules! message {
        ($kind:ident) => {
            const { &Message { kind: Kind::$kind, name: type_name::<T>, size: size_of::<T>() } }
        };
    }
    match kind {
        Kind::Mpsc => message!(Mpsc),
        Kind::Weighted => message!(Weighted),
        Kind::Rendezvous => message!(Rendezvous),
        Kind::Mpmc => message!(Mpmc),
        Kind::Oneshot => message!(Oneshot),
        Kind::Broadcast => message!(Broadcast),
        Kind::Lossless => message!(Lossless),
        Kind::Watch => message!(Watch),
    }
}

impl Drop for ChannelRecord {
    #[inline(always)]
    fn drop(&mut self) {
        registry::unregister(self, || Done::sent(self.position()));
    }
}

#[cfg(test)]
#[cfg(all(not(loom), target_pointer_width = "64"))]
mod tests {
    use super::super::{HandleRecord, PositionRecord, WaitRecord};
    use super::*;

    /// As the documentation of the module says.
    #[test]
    fn records_are_small() {
        assert_eq!(size_of::<ChannelRecord>(), 72);
        assert_eq!(size_of::<HandleRecord>(), 16);
        assert_eq!(size_of::<HandleRecord>() + size_of::<PositionRecord>(), 32);
        assert_eq!(size_of::<WaitRecord>(), 24);
    }
}
