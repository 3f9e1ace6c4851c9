//! How long messages are in a queue: one in [`EVERY`] is measured.
//!
//! # Protocol
//! The sender of a message whose position is sampled stamps it before the message is visible, and
//! the receiver that takes it reads the stamp and clears it. A stamp that has not been read yet is
//! not overwritten: the later message is not measured, so a long queue does not lose the times of
//! those that wait longest. One sender stamps at a time and one receiver reads (queue::chan, I2).
//!
//! # Invariants
//! - **I1** `position` is 0 while a stamp is the sender's, and not 0 while it is the receiver's.
#![forbid(unsafe_code)]

use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::prim::IS_MODEL;
use crate::prim::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// One message in so many is measured.
pub(super) const EVERY: usize = 64;
/// How many sampled messages can be in the queue at a time.
const STAMPS: usize = if IS_MODEL { 1 } else { 32 };

/// The samples of one channel, on the heap once a handle was used [`EVERY`] times.
#[derive(Debug)]
pub(super) struct Samples(OnceLock<Arc<Measured>>);

/// What was measured in one channel.
#[derive(Debug)]
pub(super) struct Measured {
    stamps: [Stamp; STAMPS],
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

/// Whether the message at `position` is sampled.
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

    /// Makes room for what is measured. Not under a lock of the channel: allocates.
    pub(super) fn prepare(&self) {
        self.0.get_or_init(|| {
            Arc::new(Measured {
                stamps: core::array::from_fn(|_| Stamp {
                    position: AtomicUsize::new(0),
                    sent: AtomicU64::new(0),
                }),
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
        inner.high_water.fetch_max(queued + 1, Ordering::Relaxed);
        let stamp = inner.stamp(position);
        // ORDERING: Acquire pairs with the Release store in `read`: the receiver has read the time.
        if stamp.position.load(Ordering::Acquire) == 0 {
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
        let stamp = inner.stamp(position);
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
        QueueTime { counts: self.times.0.iter().map(load).collect() }
    }

    fn stamp(&self, position: usize) -> &Stamp {
        &self.stamps[position / EVERY % STAMPS]
    }
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
/// At most 32 messages are measured at a time. While more than 2,048 are queued, some are not
/// measured that would be, and those that are stand for all.
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
        Self { counts: pairs.map(|(now, then)| now.wrapping_sub(*then)).collect() }
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
    fn an_unread_stamp_is_kept() {
        let samples = Samples::new();
        let sampled = |lap: usize| EVERY - 1 + lap * EVERY * STAMPS;
        samples.prepare();
        samples.note_sent(sampled(0), || 5);
        samples.note_sent(sampled(1), || 7);
        samples.note_received(sampled(1));
        assert_eq!(samples.measured().unwrap().times().samples(), 0, "it was not measured");
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
        let times = QueueTime { counts: Box::new(counts) };
        for share in [0.01, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let exact = 1_000_000.0 * share;
            let found = times.quantile(share).as_nanos() as f64;
            assert!((found / exact - 1.0).abs() < 0.07, "{share}: {found}");
        }
    }
}
