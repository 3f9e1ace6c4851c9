//! The waiting room: one bounded channel between the handlers and the workers, each job to exactly
//! one of them.
//!
//! A place is taken before the request's body is read, so "full" is known at once and a job that
//! was accepted always has room. A worker receives when it is free, so the channel alone is the
//! waiting room.

use std::sync::{Mutex, PoisonError};

use levada::mpmc;
use levada::mpmc::error::TrySendError;

use super::job::Job;

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Every place is taken.
    Full,
    /// The service is shutting down.
    Closed,
}

/// The entrance, used by the handlers.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// The only sender that lasts; dropping it closes the queue.
    sender: Mutex<Option<mpmc::Sender<Job>>>,
}

/// The exit, which the workers share.
#[derive(Debug, Clone)]
pub(crate) struct Exit {
    receiver: mpmc::Receiver<Job>,
}

/// A place in the queue. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    permit: mpmc::OwnedPermit<Job>,
}

/// A queue with `capacity` places, at least one.
pub(crate) fn bounded(capacity: usize) -> (Entrance, Exit) {
    let (sender, receiver) = mpmc::channel(capacity);
    (Entrance { sender: Mutex::new(Some(sender)) }, Exit { receiver })
}

impl Entrance {
    /// Takes a place, at once or not at all.
    pub(crate) fn reserve(&self) -> Result<Place, Refused> {
        let sender = self.sender().ok_or(Refused::Closed)?;
        match sender.try_reserve_owned() {
            Ok(permit) => Ok(Place { permit }),
            Err(TrySendError::Full(_)) => Err(Refused::Full),
            Err(TrySendError::Closed(_)) => Err(Refused::Closed),
        }
    }

    /// How many places are taken.
    pub(crate) fn depth(&self) -> usize {
        self.sender().map_or(0, |sender| sender.max_capacity() - sender.capacity())
    }

    /// Gives out no more places. Those given out stay good; when the last of them is used or given
    /// back and the queue is empty, the workers see its end.
    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn sender(&self) -> Option<mpmc::Sender<Job>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Place {
    /// Puts the job in. Cannot fail: the place was taken.
    pub(crate) fn put(self, job: Job) {
        self.permit.send(job);
    }
}

impl Exit {
    /// The next job, or `None` when the queue is closed and empty.
    ///
    /// # Cancel safety
    /// No job is lost when the future is dropped; the worker's turn passes on.
    pub(crate) async fn next(&self) -> Option<Job> {
        self.receiver.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::job::JobId;

    fn job(id: u64) -> Job {
        Job::new(JobId(id), bytes::Bytes::new()).0
    }

    #[tokio::test]
    async fn places_are_counted_and_given_back() {
        let (entrance, exit) = bounded(2);
        let first = entrance.reserve().unwrap();
        let second = entrance.reserve().unwrap();
        assert_eq!(entrance.reserve().unwrap_err(), Refused::Full);
        assert_eq!(entrance.depth(), 2);
        drop(first);
        assert_eq!(entrance.depth(), 1);
        second.put(job(7));
        assert_eq!(entrance.depth(), 1);
        assert_eq!(exit.next().await.unwrap().id(), JobId(7));
        assert_eq!(entrance.depth(), 0);
    }

    #[tokio::test]
    async fn places_outlive_the_close() {
        let (entrance, exit) = bounded(2);
        let place = entrance.reserve().unwrap();
        entrance.close();
        assert_eq!(entrance.reserve().unwrap_err(), Refused::Closed);
        let worker = exit.clone();
        let waiting = tokio::spawn(async move { worker.next().await.map(|job| job.id()) });
        place.put(job(3));
        assert_eq!(waiting.await.unwrap(), Some(JobId(3)));
        assert!(exit.next().await.is_none());
    }
}
