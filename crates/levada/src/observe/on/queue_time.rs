//! How long messages are in a queue: one in [`EVERY`] is measured.
//!
//! # Protocol
//! The sender of a message whose position is sampled stamps it before the message is visible, and
//! the receiver that takes it reads the stamp and clears it. One sender stamps at a time and one
//! receiver reads (queue::chan, I2).
//!
//! # Bias
//! A channel has as many stamps as sampled messages fit into it, so that each of them is measured,
//! however full it is. Above [`MAX_STAMPS`] fewer messages are sampled instead, at equal distances.
//! An unbounded channel has no such number: when the stamp of a message has not been read yet, the
//! later message is skipped and counted. Those that are skipped stand at the end of a long queue.
//!
//! # Invariants
//! - **I1** `position` is 0 while a stamp is the sender's, and not 0 while it is the receiver's.
#![forbid(unsafe_code)]

use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::prim::IS_MODEL;
use crate::prim::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// One message in so many is measured, or fewer.
pub(super) const EVERY: usize = 64;
/// The most sampled messages that can be in a queue at a time.
const MAX_STAMPS: usize = if IS_MODEL { 1 } else { 128 };

/// The samples of one channel, on the heap once a handle was used [`EVERY`] times.
#[derive(Debug)]
pub(super) struct Samples(OnceLock<Arc<Measured>>);

/// What was measured in one channel.
#[derive(Debug)]
pub(super) struct Measured {
    stamps: Box<[Stamp]>,
    /// One message in so many times [`EVERY`] is measured.
    stride: usize,
    /// Messages that were not measured as the stamp was in use.
    skipped: AtomicU64,
    /// What the stamps count from.
    start: Instant,
    times: Histogram<AtomicU32>,
    /// The largest number of queued messages that was seen.
    high_water: AtomicUsize,
}

/// When a message was sent.
#[derive(Debug)]
struct Stamp {
    /// The position of the message plus one, or 0.
    position: AtomicUsize,
    /// Nanoseconds since the start.
    sent: AtomicU64,
}

/// Whether the message at `position` may be sampled.
#[inline(always)]
fn is_sampled(position: usize) -> bool {
    position % EVERY == EVERY - 1
}

impl Samples {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The message at `position` is about to be visible to receivers. Does not allocate.
    #[inline(always)]
    pub(super) fn note_sent(&self, position: usize, queued: impl FnOnce() -> usize) {
        if is_sampled(position) {
            self.stamp(position, queued());
        }
    }

    /// Makes room for what is measured in a channel of this capacity. Not under a lock of the
    /// channel: allocates.
    pub(super) fn prepare(&self, capacity: Option<usize>) {
        self.0.get_or_init(|| {
            let (stamps, stride) = sampling(capacity);
            let stamp = || Stamp { position: AtomicUsize::new(0), sent: AtomicU64::new(0) };
            Arc::new(Measured {
                stamps: core::iter::repeat_with(stamp).take(stamps).collect(),
                stride,
                skipped: AtomicU64::new(0),
                start: Instant::now(),
                times: Histogram(core::array::from_fn(|_| AtomicU32::new(0))),
                high_water: AtomicUsize::new(0),
            })
        });
    }

    #[cold]
    fn stamp(&self, position: usize, queued: usize) {
        let Some(inner) = self.0.get() else { return };
        // ORDERING: Relaxed, no pair: a statistic.
        if queued >= inner.high_water.load(Ordering::Relaxed) {
            // ORDERING: Relaxed, no pair: a statistic.
            inner.high_water.fetch_max(queued + 1, Ordering::Relaxed);
        }
        let Some(stamp) = inner.stamp(position) else { return };
        // ORDERING: Acquire pairs with the Release store in `read`: the receiver has read the time.
        if stamp.position.load(Ordering::Acquire) != 0 {
            // ORDERING: Relaxed, no pair: a statistic.
            inner.skipped.fetch_add(1, Ordering::Relaxed);
        } else {
            // ORDERING: Relaxed pairs with the load in `read`; the next store makes it visible.
            stamp.sent.store(nanos(inner.start.elapsed()), Ordering::Relaxed);
            // ORDERING: Release pairs with the Acquire load in `read`.
            stamp.position.store(position.wrapping_add(1).max(1), Ordering::Release);
        }
    }

    /// The message at `position` was received.
    #[inline(always)]
    pub(super) fn note_received(&self, position: usize) {
        if is_sampled(position) {
            self.read(position);
        }
    }

    /// So many messages from `position` on were received.
    pub(super) fn note_received_many(&self, position: usize, count: usize) {
        let skip = EVERY - 1 - position % EVERY;
        for offset in (skip..count).step_by(EVERY) {
            self.read(position.wrapping_add(offset));
        }
    }

    #[cold]
    fn read(&self, position: usize) {
        let Some(inner) = self.0.get() else { return };
        let Some(stamp) = inner.stamp(position) else { return };
        // ORDERING: Acquire pairs with the Release store in `stamp`: the time is there.
        if stamp.position.load(Ordering::Acquire) == position.wrapping_add(1).max(1) {
            // ORDERING: Relaxed pairs with the store in `stamp`, which happened before.
            let sent = stamp.sent.load(Ordering::Relaxed);
            let time = nanos(inner.start.elapsed()).saturating_sub(sent);
            // ORDERING: Relaxed, no pair: a statistic.
            inner.times.0[bucket(time)].fetch_add(1, Ordering::Relaxed);
            // ORDERING: Release pairs with the Acquire load in `stamp`: the time has been read.
            stamp.position.store(0, Ordering::Release);
        }
    }

    /// The largest number of queued messages that was seen, by a sampled sender or here.
    pub(super) fn high_water(&self, now: usize) -> usize {
        self.0.get().map_or(now, |inner| {
            // ORDERING: Relaxed, no pair: a statistic.
            inner.high_water.fetch_max(now, Ordering::Relaxed).max(now)
        })
    }

    /// What was measured; `None` before the first message that is sampled. Does not allocate.
    pub(super) fn measured(&self) -> Option<Arc<Measured>> {
        self.0.get().cloned()
    }
}

impl Measured {
    /// The times that were measured so far.
    pub(super) fn times(&self) -> QueueTime {
        // ORDERING: Relaxed, no pair: statistics.
        let load = |count: &AtomicU32| count.load(Ordering::Relaxed);
        let counts = self.times.0.iter().map(load).collect();
        // ORDERING: Relaxed, no pair: a statistic.
        QueueTime { counts, skipped: self.skipped.load(Ordering::Relaxed) }
    }

    /// The stamp of the message at `position`, if it is sampled.
    fn stamp(&self, position: usize) -> Option<&Stamp> {
        let number = position / EVERY;
        let stamp = &self.stamps[number / self.stride % self.stamps.len()];
        number.is_multiple_of(self.stride).then_some(stamp)
    }
}

/// How many stamps a channel has, and the stride: two messages that have the same stamp are further
/// from each other than a bounded channel has room.
fn sampling(capacity: Option<usize>) -> (usize, usize) {
    let Some(capacity) = capacity else { return (MAX_STAMPS, 1) };
    let sampled = capacity / EVERY + 1;
    let stride = sampled.div_ceil(MAX_STAMPS);
    (sampled.div_ceil(stride), stride)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Buckets for each doubling of the time, so that a bucket is 6 % wide at most.
const PER_OCTAVE: usize = 16;
/// The first bucket ends after 2^10 nanoseconds, the last begins at 2^40: 18 minutes.
const FIRST_OCTAVE: usize = 10;
const OCTAVES: usize = 30;
const BUCKETS: usize = if IS_MODEL { 1 } else { 2 + OCTAVES * PER_OCTAVE };

#[derive(Debug)]
struct Histogram<C>([C; BUCKETS]);

/// The bucket of a time in nanoseconds.
fn bucket(nanos: u64) -> usize {
    let Some(octave) = (nanos.max(1).ilog2() as usize).checked_sub(FIRST_OCTAVE) else {
        return 0;
    };
    let within = (nanos >> (octave + FIRST_OCTAVE - 4)) as usize % PER_OCTAVE;
    (1 + octave * PER_OCTAVE + within).min(BUCKETS - 1)
}

/// Where a bucket begins, in nanoseconds.
fn begins(bucket: usize) -> u64 {
    match bucket.checked_sub(1) {
        None => 0,
        Some(steps) => {
            let (octave, within) = (steps / PER_OCTAVE, (steps % PER_OCTAVE) as u64);
            (1 << (octave + FIRST_OCTAVE)) + (within << (octave + FIRST_OCTAVE - 4))
        }
    }
}

/// How long messages were in a queue: of one message in 64.
///
/// Of a bounded channel with room for more than 8,192 messages, fewer are measured: 128 of as many
/// as it holds. Of an unbounded one, at most 128 are measured at a time: while more than 8,192
/// messages are queued, some are [skipped](Self::skipped).
///
/// # Examples
/// ```
/// use levada::{mpsc, observe};
///
/// let (tx, mut rx) = mpsc::channel(200);
/// for message in 0..200 {
///     tx.try_send(message).unwrap();
///     rx.try_recv().unwrap();
/// }
/// let snapshot = observe::snapshot();
/// let times = snapshot.channels[0].queue_time.as_ref().unwrap();
/// assert_eq!(times.samples(), 2, "of those after the first 64");
/// assert!(times.quantile(0.5) <= times.quantile(0.99));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QueueTime {
    counts: Box<[u32]>,
    skipped: u64,
}

impl QueueTime {
    /// How many messages were measured.
    ///
    /// # Examples
    /// ```
    /// # use levada::{mpsc, observe};
    /// # let (tx, _rx) = mpsc::channel(200);
    /// # (0..200).for_each(|message| tx.try_send(message).unwrap());
    /// let snapshot = observe::snapshot();
    /// let times = snapshot.channels[0].queue_time.as_ref();
    /// assert_eq!(times.map(|times| times.samples()), Some(0));
    /// ```
    pub fn samples(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// How many messages were not measured that would have been, as the queue of an unbounded
    /// channel was too long. They are those that were sent last, and so waited longest: if there
    /// are any, the true times are longer than these.
    ///
    /// # Examples
    /// ```
    /// # use levada::{mpsc, observe};
    /// # let (tx, mut rx) = mpsc::unbounded_channel();
    /// # (0..20_000).for_each(|message| tx.send(message).unwrap());
    /// # while rx.try_recv().is_ok() {}
    /// let snapshot = observe::snapshot();
    /// let times = snapshot.channels[0].queue_time.as_ref().unwrap();
    /// assert_eq!(times.samples(), 128);
    /// assert!(times.skipped() > 0);
    /// ```
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The time within which a share of the messages were received, for example 0.99, to 6 %; zero
    /// if none was measured.
    ///
    /// # Examples
    /// ```
    /// # use levada::{mpsc, observe};
    /// # let (tx, mut rx) = mpsc::channel(200);
    /// # (0..200).for_each(|message| tx.try_send(message).unwrap());
    /// # while rx.try_recv().is_ok() {}
    /// let snapshot = observe::snapshot();
    /// let times = snapshot.channels[0].queue_time.as_ref().unwrap();
    /// println!("p50 {:?}, p99 {:?}", times.quantile(0.5), times.quantile(0.99));
    /// ```
    pub fn quantile(&self, share: f64) -> Duration {
        let samples = self.samples();
        if samples == 0 {
            return Duration::ZERO;
        }
        let rank = ((samples as f64 * share).ceil() as u64).clamp(1, samples);
        let mut seen = 0;
        let reached = |count: &u32| {
            seen += u64::from(*count);
            seen >= rank
        };
        let found = self.counts.iter().position(reached).unwrap_or(BUCKETS - 1);
        let middle = begins(found).midpoint(begins(found + 1));
        Duration::from_nanos(middle)
    }

    /// What was measured since `earlier`, an earlier snapshot of the same channel.
    ///
    /// # Examples
    /// ```
    /// # use levada::{mpsc, observe};
    /// # let (tx, mut rx) = mpsc::channel(200);
    /// # (0..200).for_each(|message| tx.try_send(message).unwrap());
    /// let earlier = observe::snapshot().channels[0].queue_time.clone().unwrap();
    /// while rx.try_recv().is_ok() {}
    /// let later = observe::snapshot().channels[0].queue_time.clone().unwrap();
    /// assert_eq!(later.since(&earlier).samples(), 2);
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts = pairs.map(|(now, then)| now.wrapping_sub(*then)).collect();
        Self { counts, skipped: self.skipped.wrapping_sub(earlier.skipped) }
    }

    /// The buckets that are not empty: where each begins and ends, and how many messages are in it.
    ///
    /// # Examples
    /// ```
    /// # use levada::{mpsc, observe};
    /// # let (tx, mut rx) = mpsc::channel(200);
    /// # (0..200).for_each(|message| tx.try_send(message).unwrap());
    /// # while rx.try_recv().is_ok() {}
    /// let snapshot = observe::snapshot();
    /// let times = snapshot.channels[0].queue_time.as_ref().unwrap();
    /// assert_eq!(times.buckets().map(|(_, count)| count).sum::<u64>(), 2);
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (core::ops::Range<Duration>, u64)> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| {
            let [start, end] =
                [bucket, bucket + 1].map(|bucket| Duration::from_nanos(begins(bucket)));
            (start..end, u64::from(*count))
        })
    }
}

impl core::fmt::Debug for QueueTime {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("QueueTime")
            .field("samples", &self.samples())
            .field("skipped", &self.skipped)
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_its_bucket() {
        for nanos in (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) + (1 << bit) / 3]) {
            let bucket = bucket(nanos);
            assert!(begins(bucket) <= nanos, "{nanos}");
            if bucket < BUCKETS - 1 {
                assert!(nanos < begins(bucket + 1), "{nanos}");
            }
            let width = begins(bucket + 1) - begins(bucket);
            assert!(bucket == 0 || width * PER_OCTAVE as u64 <= begins(bucket), "{nanos}");
        }
    }

    #[test]
    fn each_sampled_message_of_a_full_bounded_channel_is_measured() {
        for capacity in [1, 63, 64, 65, 1_000, 8_191, 8_192, 10_000, 100_000] {
            let samples = Samples::new();
            samples.prepare(Some(capacity));
            let measured = samples.measured().unwrap();
            assert!(measured.stamps.len() <= MAX_STAMPS);
            let every = EVERY * measured.stride;
            let laps = 3;
            (0..capacity).for_each(|position| samples.note_sent(position, || 0));
            for position in 0..laps * capacity {
                samples.note_received(position);
                samples.note_sent(position + capacity, || 0);
            }
            let times = measured.times();
            let expected = (0..laps * capacity).skip(EVERY - 1).step_by(every).count() as u64;
            assert_eq!((times.samples(), times.skipped()), (expected, 0), "{capacity}");
        }
    }

    #[test]
    fn an_unread_stamp_is_kept_and_the_later_message_counted() {
        let samples = Samples::new();
        let sampled = |lap: usize| EVERY - 1 + lap * EVERY * MAX_STAMPS;
        samples.prepare(None);
        samples.note_sent(sampled(0), || 5);
        samples.note_sent(sampled(1), || 7);
        samples.note_received(sampled(1));
        let times = samples.measured().unwrap().times();
        assert_eq!((times.samples(), times.skipped()), (0, 1), "it was not measured");
        samples.note_received(sampled(0));
        assert_eq!(samples.measured().unwrap().times().samples(), 1);
        samples.note_sent(sampled(2), || 6);
        samples.note_received_many(sampled(2) - 3, 4);
        assert_eq!(samples.measured().unwrap().times().samples(), 2);
        assert_eq!(samples.high_water(0), 8);
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut counts = [0; BUCKETS];
        for micros in 1..=1_000 {
            counts[bucket(micros * 1_000)] += 1;
        }
        let times = QueueTime { counts: Box::new(counts), skipped: 0 };
        for share in [0.01, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let exact = 1_000_000.0 * share;
            let found = times.quantile(share).as_nanos() as f64;
            assert!((found / exact - 1.0).abs() < 0.07, "{share}: {found}");
        }
    }
}
