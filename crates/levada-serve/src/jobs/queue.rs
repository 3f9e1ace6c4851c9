//! A named queue: its configuration, its places, its line, and what is counted of it.
//!
//! The line, the `mpmc` of a pool of workers, has room for more jobs than there ever are: its
//! senders cannot wait, since every job in it is on disk already. The bound is the number of
//! [places](super::places), which can change while the service runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use levada::mpmc;

use super::pace::Pace;
use super::places::{NoPlace, Place, Places};
use super::resident::Idle;
use super::scheduler::QueueRequests;
use super::shortage::Shortage;
use crate::config::{Mode, QueueConfig};
#[cfg(feature = "nats")]
use crate::job::JobState;
use crate::sync::lock;

/// The capacity of a line, in jobs: more than there ever are.
pub(crate) const LINE: usize = 1 << 28;

/// A queue of jobs, of which it knows nothing else.
#[derive(Debug)]
pub(crate) struct Queue<J> {
    pub(crate) name: String,
    /// How the next job is treated; a reload puts another one here.
    config: Mutex<Arc<QueueConfig>>,
    places: Arc<Places>,
    line: mpmc::Sender<Arc<J>>,
    pub(crate) pace: Pace,
    pub(crate) counts: Counts,
    /// Processes that stay, if the queue has such.
    pub(crate) idle: Idle,
    pub(super) requests: QueueRequests,
    pub(super) shortage: Shortage,
}

/// What happened since the start of the process, and what goes on now.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) succeeded: Count,
    pub(crate) failed: Count,
    pub(crate) cancelled: Count,
    pub(crate) rejected: Count,
    /// Failed jobs that are kept, and could be run again.
    pub(crate) kept_failed: Count,
    pub(crate) running: AtomicUsize,
    pub(crate) retrying: AtomicUsize,
}

impl Counts {
    pub(crate) fn running(&self) -> usize {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.running.load(Ordering::Relaxed)
    }

    /// A job that another process has took a step.
    #[cfg(feature = "nats")]
    pub(crate) fn shift(&self, from: Option<JobState>, to: Option<JobState>) {
        let of = |state| match state {
            Some(JobState::Running) => Some(&self.running),
            Some(JobState::Retrying) => Some(&self.retrying),
            _ => None,
        };
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        of(to).map(|gauge| gauge.fetch_add(1, Ordering::Relaxed));
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        of(from).map(|gauge| gauge.fetch_sub(1, Ordering::Relaxed));
    }

    pub(crate) fn retrying(&self) -> usize {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.retrying.load(Ordering::Relaxed)
    }
}

/// A number of what happened, or is there.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_one(&self) {
        // Another task may have called `set` in between; the count stops at zero.
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    pub(crate) fn set(&self, value: u64) {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.0.load(Ordering::Relaxed)
    }
}

/// Raises a gauge by one, while it lasts.
pub(super) struct GaugeGuard<'a>(&'a AtomicUsize);

impl<'a> GaugeGuard<'a> {
    pub(super) fn new(gauge: &'a AtomicUsize) -> Self {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, no pair: a statistic that orders nothing.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<J: Send + Sync> Queue<J> {
    /// `line` leads to the queue's workers, and has room for [`LINE`] jobs.
    pub(crate) fn new(
        name: String,
        config: Arc<QueueConfig>,
        line: mpmc::Sender<Arc<J>>,
    ) -> Arc<Self> {
        let pace = Pace::new(config.workers.max(1));
        let (config, places, counts) = (Mutex::new(config), Arc::default(), Counts::default());
        let (idle, shortage) = (Idle::default(), Shortage::default());
        let requests = QueueRequests::default();
        Arc::new(Self { name, config, places, line, pace, counts, idle, requests, shortage })
    }

    pub(crate) fn config(&self) -> Arc<QueueConfig> {
        Arc::clone(&lock(&self.config))
    }

    /// From now on, jobs are treated like this. Jobs that run go on as they began.
    pub(crate) fn configure(&self, config: Arc<QueueConfig>) {
        self.pace.set_workers(config.workers.max(1));
        *lock(&self.config) = config;
        self.places.set_closed(false);
        self.trim_idle();
    }

    /// No more requests come in; what is in line stays.
    pub(crate) fn close(&self) {
        self.places.set_closed(true);
        self.trim_idle();
    }

    /// How processes that stay are used from now on, if they are.
    pub(super) fn needs_processes(&self) -> Option<Arc<QueueConfig>> {
        let config = self.config();
        (config.mode != Mode::Process && !self.places.is_over()).then_some(config)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    /// Takes a place for a request, at once or not at all.
    pub(crate) fn reserve(&self) -> Result<Place, NoPlace> {
        self.places.reserve(self.config().capacity)
    }

    /// Takes a place for a job that has to come in, whether there is room or not.
    pub(crate) fn must_reserve(&self) -> Place {
        self.places.must_reserve()
    }

    /// Puts a job that has a place at the end of the line.
    pub(crate) fn enter(&self, job: Arc<J>) {
        // Never full. Closed, the service is at its end, and the job is for the next process.
        drop(self.line.try_send(job));
    }

    /// How many jobs, some of which may have been cancelled, are in line: no worker has taken them
    /// yet.
    pub(super) fn in_line(&self) -> usize {
        self.line.max_capacity() - self.line.capacity()
    }

    /// How many places are taken.
    pub(crate) fn depth(&self) -> usize {
        self.places.depth()
    }

    /// How many jobs wait, and for how long the first of them has.
    pub(crate) fn waiting(&self) -> (usize, Option<Duration>) {
        self.places.waiting()
    }

    /// Seconds after which it is worth coming back.
    pub(crate) fn retry_after(&self) -> u32 {
        self.pace.retry_after(self.depth())
    }

    /// Ends the processes that are not needed any more.
    fn trim_idle(&self) {
        self.idle.trim(&|| self.needs_processes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(capacity: usize) -> Arc<Queue<()>> {
        let config = QueueConfig { capacity, ..QueueConfig::for_tests(["true"]) };
        Queue::new("default".to_owned(), Arc::new(config), mpmc::channel(1).0)
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let queue = queue(2);
        let first = queue.reserve().unwrap();
        let second = queue.reserve().unwrap().occupy();
        assert_eq!(queue.reserve().unwrap_err(), NoPlace::Full);
        assert_eq!((queue.depth(), queue.waiting().0), (2, 1));
        drop(first);
        assert_eq!(queue.depth(), 1);
        let third = queue.reserve().unwrap().occupy();
        assert_eq!((second.position(), third.position()), (0, 1));
        drop(second);
        assert_eq!(third.position(), 0);
        drop(third);
        assert_eq!((queue.depth(), queue.waiting()), (0, (0, None)));
    }

    #[test]
    fn a_job_that_has_to_come_in_does() {
        let queue = queue(1);
        let held: Vec<_> = (0..3).map(|_| queue.must_reserve().occupy()).collect();
        assert_eq!(queue.depth(), 3);
        assert_eq!(queue.reserve().unwrap_err(), NoPlace::Full);
        queue.close();
        drop(held);
        assert_eq!(queue.reserve().unwrap_err(), NoPlace::Closed);
    }

    #[test]
    fn capacity_can_change() {
        let queue = queue(1);
        let first = queue.reserve().unwrap();
        queue.configure(Arc::new(QueueConfig { capacity: 2, ..(*queue.config()).clone() }));
        let second = queue.reserve().unwrap();
        queue.configure(Arc::new(QueueConfig { capacity: 1, ..(*queue.config()).clone() }));
        drop(first);
        assert_eq!(queue.reserve().unwrap_err(), NoPlace::Full, "one is still taken");
        drop(second);
        assert!(queue.reserve().is_ok());
    }

    #[test]
    fn less_than_nothing_is_not_counted() {
        let count = Count::default();
        count.take_one();
        assert_eq!(count.get(), 0);
        count.set(2);
        count.take_one();
        assert_eq!(count.get(), 1);
    }
}
