//! A named queue: which jobs it admits, which wait, and which is next.
//!
//! A place is taken before a request's body is read, so "full" is known at once and what was
//! accepted always has room. The line itself, the `mpmc` of a pool of workers, has room for more
//! than there ever are: its senders cannot wait, since every job in it is on disk already, and
//! those that come back (from a retry, or from the disk after a restart) have no choice but to get
//! in. The bound is the number of places, which can change while the service runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use levada::mpmc;

use super::live::Live;
use super::pace::Pace;
use super::resident::Idle;
use super::shortage::Shortage;
use super::turns::Turns;
use crate::config::{Mode, QueueConfig};

/// How many jobs have room in a line: more than there ever are.
pub(crate) const LINE: usize = 1 << 28;

/// One of the queues.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// How the next job is treated; a reload puts another one here.
    config: Mutex<Arc<QueueConfig>>,
    room: Mutex<Room>,
    line: mpmc::Sender<Arc<Live>>,
    pub(crate) pace: Pace,
    pub(crate) counts: Counts,
    /// Processes that stay, if the queue has such.
    pub(crate) idle: Idle,
    pub(super) turns: Turns,
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

/// The places of a queue.
#[derive(Debug, Default)]
struct Room {
    closed: bool,
    /// Taken by requests that are not jobs yet.
    reserved: usize,
    /// The jobs in line, by their number in it, and since when.
    waiting: BTreeMap<u64, Instant>,
    last_number: u64,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// Every place is taken.
    Full,
    /// The queue only finishes what it has.
    Closed,
}

/// A place that is taken, for a request or for a job in line. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Queue>,
    /// The job's number in line; `None` before there is a job.
    number: Option<u64>,
}

impl Queue {
    /// `line` leads to the queue's workers, and has room for [`LINE`] jobs.
    pub(crate) fn new(
        name: String,
        config: Arc<QueueConfig>,
        line: mpmc::Sender<Arc<Live>>,
    ) -> Arc<Self> {
        let pace = Pace::new(config.workers);
        let (config, room, counts) = (Mutex::new(config), Mutex::default(), Counts::default());
        let (idle, turns, shortage) = (Idle::default(), Turns::default(), Shortage::default());
        Arc::new(Self { name, config, room, line, pace, counts, idle, turns, shortage })
    }

    pub(crate) fn config(&self) -> Arc<QueueConfig> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, jobs are treated like this. Jobs that run go on as they began.
    pub(crate) fn configure(&self, config: Arc<QueueConfig>) {
        self.pace.set_workers(config.workers);
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        self.room().closed = false;
        self.idle.trim(self);
    }

    /// No more requests come in; what is in line stays.
    pub(crate) fn close(&self) {
        self.room().closed = true;
        self.idle.trim(self);
    }

    /// How processes that stay are used from now on, if they are.
    pub(super) fn needs_processes(&self) -> Option<Arc<QueueConfig>> {
        let config = self.config();
        let room = self.room();
        let goes_on = !room.closed || !room.waiting.is_empty();
        (goes_on && config.mode != Mode::Process).then_some(config)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.room().closed
    }

    /// Takes a place for a request, at once or not at all.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Place, NoPlace> {
        let capacity = self.config().capacity;
        let mut room = self.room();
        if room.closed {
            return Err(NoPlace::Closed);
        }
        if room.reserved + room.waiting.len() >= capacity {
            return Err(NoPlace::Full);
        }
        room.reserved += 1;
        Ok(Place { queue: Arc::clone(self), number: None })
    }

    /// Takes a place for a job that has to come in, whether there is room or not.
    pub(crate) fn must_enter(self: &Arc<Self>) -> Place {
        self.room().reserved += 1;
        Place { queue: Arc::clone(self), number: None }
    }

    /// Puts a job that has a place at the end of the line.
    pub(crate) fn enter(&self, job: Arc<Live>) {
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
        let room = self.room();
        room.reserved + room.waiting.len()
    }

    /// How many jobs wait, and for how long the first of them has.
    pub(crate) fn waiting(&self) -> (usize, Option<Duration>) {
        let room = self.room();
        let oldest = room.waiting.first_key_value().map(|(_, since)| since.elapsed());
        (room.waiting.len(), oldest)
    }

    /// Seconds after which it is worth coming back.
    pub(crate) fn retry_after(&self) -> u32 {
        self.pace.retry_after(self.depth())
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// A job has this place from now on, at the end of the line.
    pub(crate) fn occupy(mut self) -> Self {
        let mut room = self.queue.room();
        room.reserved -= 1;
        room.last_number += 1;
        let number = room.last_number;
        room.waiting.insert(number, Instant::now());
        drop(room);
        self.number = Some(number);
        self
    }

    /// How many are before the job in line; some of them may have been cancelled meanwhile.
    pub(crate) fn position(&self) -> u64 {
        let room = self.queue.room();
        let first = room.waiting.first_key_value().map(|(number, _)| *number);
        match (self.number, first) {
            (Some(number), Some(first)) => number - first,
            _ => 0,
        }
    }

    /// How long the job has been waiting.
    pub(crate) fn waited(&self) -> Duration {
        let number = self.number.unwrap_or_default();
        self.queue.room().waiting.get(&number).map(Instant::elapsed).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut room = self.queue.room();
        match self.number {
            None => room.reserved -= 1,
            Some(number) => drop(room.waiting.remove(&number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(capacity: usize) -> Arc<Queue> {
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
    fn who_has_to_come_in_does() {
        let queue = queue(1);
        let held: Vec<_> = (0..3).map(|_| queue.must_enter().occupy()).collect();
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
