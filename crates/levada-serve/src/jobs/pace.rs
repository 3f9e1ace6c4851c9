//! How fast jobs get done, and so when it is worth coming back.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// What a run is taken to last before one has been measured.
const FIRST_GUESS: Duration = Duration::from_secs(1);
/// Weight of the newest run in the average: the smoothing that RFC 6298 uses for round trips.
const GAIN: f64 = 1.0 / 8.0;
/// Bounds of `Retry-After` in seconds. The upper one leaves room for the jitter, which adds up to
/// a quarter, below five minutes.
const RETRY_AFTER: std::ops::RangeInclusive<f64> = 1.0..=240.0;

/// How far back the rate of jobs that ended looks.
const RECENT: Duration = Duration::from_secs(10);

/// The average time that a run keeps a worker busy, newer runs weighing more.
#[derive(Debug)]
pub(crate) struct Pace {
    workers: AtomicUsize,
    average: Mutex<Option<Duration>>,
    ended: Mutex<Ended>,
}

/// How many jobs ended, by tenths of [`RECENT`].
#[derive(Debug, Default)]
struct Ended {
    jobs: VecDeque<(Instant, u64)>,
}

impl Ended {
    fn one_more(&mut self, now: Instant) {
        self.forget(now);
        match self.jobs.back_mut() {
            Some((begin, jobs)) if now.duration_since(*begin) < RECENT / 10 => *jobs += 1,
            _ => self.jobs.push_back((now, 1)),
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.jobs.front().is_some_and(|(begin, _)| now.duration_since(*begin) > RECENT) {
            self.jobs.pop_front();
        }
    }
}

impl Pace {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers: AtomicUsize::new(workers),
            average: Mutex::new(None),
            ended: Mutex::default(),
        }
    }

    /// So many workers share the jobs from now on.
    pub(crate) fn set_workers(&self, workers: usize) {
        // ORDERING: Relaxed, no pair: it only goes into an estimate.
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// So many workers there are at least, in all processes.
    #[cfg(feature = "nats")]
    pub(crate) fn set_workers_at_least(&self, workers: usize) {
        // ORDERING: Relaxed, no pair: it only goes into an estimate.
        self.workers.fetch_max(workers, Ordering::Relaxed);
    }

    /// Jobs per second that ended, over the last seconds.
    pub(crate) fn throughput(&self) -> f64 {
        let mut ended = lock(&self.ended);
        ended.forget(Instant::now());
        #[expect(clippy::cast_precision_loss, reason = "a few jobs")]
        let jobs = ended.jobs.iter().map(|(_, jobs)| *jobs).sum::<u64>() as f64;
        jobs / RECENT.as_secs_f64()
    }

    /// [`retry_after`](Self::retry_after) without its jitter.
    pub(crate) fn soonest(&self, depth: usize) -> u32 {
        let average = *lock(&self.average);
        // ORDERING: Relaxed, no pair: it only goes into an estimate.
        let workers = self.workers.load(Ordering::Relaxed).max(1);
        seconds_until_done(depth, workers, average)
    }

    /// A worker was busy for `busy` with one job.
    pub(crate) fn record(&self, busy: Duration) {
        lock(&self.ended).one_more(Instant::now());
        let mut average = lock(&self.average);
        *average = Some(match *average {
            None => busy,
            Some(before) => before.mul_f64(1.0 - GAIN) + busy.mul_f64(GAIN),
        });
    }

    /// Seconds after which a new request may find a place, with `depth` jobs waiting now: the time
    /// in which the workers complete one job more than wait, plus up to a quarter so that clients
    /// that were refused together do not retry together.
    pub(crate) fn retry_after(&self, depth: usize) -> u32 {
        let seconds = self.soonest(depth);
        seconds + fastrand::u32(0..=seconds.div_ceil(4))
    }
}

/// `ceil((depth + 1) / rate)` within its bounds, where `workers / average` is the rate of
/// completions while every worker is busy, which they are when jobs wait.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small, and the result is clamped to a few hundred seconds"
)]
fn seconds_until_done(depth: usize, workers: usize, average: Option<Duration>) -> u32 {
    let rate = workers as f64 / average.unwrap_or(FIRST_GUESS).as_secs_f64();
    let seconds = (depth as f64 + 1.0) / rate;
    seconds.ceil().clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_follow_depth_workers_and_average() {
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(seconds_until_done(0, 1, None), 1);
        assert_eq!(seconds_until_done(63, 4, None), 16);
        assert_eq!(seconds_until_done(9, 2, ms(4_000)), 20);
        assert_eq!(seconds_until_done(9, 2, ms(4_100)), 21);
        assert_eq!(seconds_until_done(64, 2, ms(1)), 1);
        assert_eq!(seconds_until_done(0, 1, ms(0)), 1);
        assert_eq!(seconds_until_done(1_000_000, 1, ms(60_000)), 240);
    }

    #[test]
    fn average_follows_the_runs() {
        let pace = Pace::new(1);
        pace.record(Duration::from_secs(10));
        assert!((10..=13).contains(&pace.retry_after(0)), "the first run is taken as it is");
        for _ in 0..100 {
            pace.record(Duration::from_secs(100));
        }
        assert!((99..=125).contains(&pace.retry_after(0)));
    }

    #[test]
    fn jitter_spreads_but_stays_within_bounds() {
        let pace = Pace::new(1);
        pace.record(Duration::from_secs(1_000));
        let answers: std::collections::BTreeSet<_> =
            (0..200).map(|_| pace.retry_after(5)).collect();
        assert!(answers.len() > 1, "all 200 answers were the same");
        assert!(answers.iter().all(|seconds| (240..=300).contains(seconds)), "{answers:?}");
    }
}
