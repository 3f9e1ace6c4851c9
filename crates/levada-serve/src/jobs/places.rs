//! The places of a queue: which requests become jobs, and how many jobs are before one.
//!
//! A place is taken before a request's body is read, so "full" is known at once and what was
//! accepted always has room. Jobs that come back, from a retry or from the disk after a restart,
//! get a place whether there is one or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// The places of one queue.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<Taken>);

/// Those that are taken.
#[derive(Debug, Default)]
struct Taken {
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
    places: Arc<Places>,
    /// The job's number in line; `None` before there is a job.
    number: Option<u64>,
}

impl Places {
    /// Takes a place of so many for a request, at once or not at all.
    pub(super) fn reserve(self: &Arc<Self>, capacity: usize) -> Result<Place, NoPlace> {
        let mut taken = lock(&self.0);
        if taken.closed {
            return Err(NoPlace::Closed);
        }
        if taken.reserved + taken.waiting.len() >= capacity {
            return Err(NoPlace::Full);
        }
        taken.reserved += 1;
        Ok(Place { places: Arc::clone(self), number: None })
    }

    /// Takes a place for a job that has to come in, whether there is room or not.
    pub(super) fn must_reserve(self: &Arc<Self>) -> Place {
        lock(&self.0).reserved += 1;
        Place { places: Arc::clone(self), number: None }
    }

    /// Whether requests are refused from now on.
    pub(super) fn set_closed(&self, closed: bool) {
        lock(&self.0).closed = closed;
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    /// No place is taken any more by a job in line, and none will be by a request.
    pub(super) fn is_over(&self) -> bool {
        let taken = lock(&self.0);
        taken.closed && taken.waiting.is_empty()
    }

    /// How many places are taken.
    pub(super) fn depth(&self) -> usize {
        let taken = lock(&self.0);
        taken.reserved + taken.waiting.len()
    }

    /// How many jobs wait, and for how long the first of them has.
    pub(super) fn waiting(&self) -> (usize, Option<Duration>) {
        let taken = lock(&self.0);
        let oldest = taken.waiting.first_key_value().map(|(_, since)| since.elapsed());
        (taken.waiting.len(), oldest)
    }
}

impl Place {
    /// A job has this place from now on, at the end of the line.
    pub(crate) fn occupy(mut self) -> Self {
        let mut taken = lock(&self.places.0);
        taken.reserved -= 1;
        taken.last_number += 1;
        let number = taken.last_number;
        taken.waiting.insert(number, Instant::now());
        drop(taken);
        self.number = Some(number);
        self
    }

    /// How many are before the job in line; some of them may have been cancelled meanwhile.
    pub(crate) fn position(&self) -> u64 {
        let taken = lock(&self.places.0);
        let first = taken.waiting.first_key_value().map(|(number, _)| *number);
        match (self.number, first) {
            (Some(number), Some(first)) => number - first,
            _ => 0,
        }
    }

    /// How long the job has been waiting.
    pub(crate) fn waited(&self) -> Duration {
        let number = self.number.unwrap_or_default();
        lock(&self.places.0).waiting.get(&number).map(Instant::elapsed).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.places.0);
        match self.number {
            None => taken.reserved -= 1,
            Some(number) => drop(taken.waiting.remove(&number)),
        }
    }
}
