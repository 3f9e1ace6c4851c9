//! One worker: what it does next, and what is counted of it.
//!
//! A worker is counted (`State::seats`) from when it is hired until it leaves. Whether it leaves is
//! decided and counted under one lock, and so is how many are hired: however resizes meet, there
//! are in the end as many as the last one said. Each worker has a receiver of `orders`: when that
//! has none, all workers have ended.

use std::sync::Arc;

use levada::watch;

use super::shared::{Queues, Shared};
use super::submitter::Submitter;
use crate::panic::caught;

/// A worker's place in the pool.
pub(super) struct Seat<J> {
    shared: Arc<Shared<J>>,
    queues: Queues<J>,
    orders: watch::Receiver<bool>,
    quiet: watch::Receiver<()>,
    /// The queue has ended. What jobs submit may still come.
    queue_ended: bool,
    /// It left, and is not counted any more.
    has_left: bool,
}

impl<J> Seat<J> {
    /// A seat that is counted already.
    pub(super) fn new(shared: &Arc<Shared<J>>, queues: Queues<J>) -> Self {
        let (orders, quiet) = (shared.orders.subscribe(), shared.quiet.subscribe());
        let shared = Arc::clone(shared);
        Self { shared, queues, orders, quiet, queue_ended: false, has_left: false }
    }

    pub(super) fn submitter(&self) -> Submitter<J> {
        Submitter::new(&self.shared)
    }

    /// Does jobs until none can come any more or this worker is one too many.
    pub(super) async fn work<F, Running>(mut self, run: F)
    where
        F: Fn(J) -> Running,
        Running: Future<Output = ()>,
    {
        while let Some(job) = self.next().await {
            let mut counted = Counted { shared: &self.shared, has_ended: false };
            tokio::select! {
                biased;
                done = caught(async { run(job).await }) => {
                    counted.has_ended = true;
                    if let Err(panic) = done {
                        self.shared.tell(panic);
                    }
                }
                _ = self.orders.wait_for(|abort| *abort) => return,
            }
        }
    }

    /// The next job, which counts as running; `None` if there is none for this worker. What jobs
    /// have submitted comes first: so the work that a job makes is bounded by what is begun, and
    /// not by what is queued.
    async fn next(&mut self) -> Option<J> {
        while !self.leaves() {
            tokio::select! {
                biased;
                job = self.queues.submitted.recv() => return self.shared.begin(job?, true),
                job = self.shared.take(&self.queues), if !self.queue_ended => match job {
                    Some(job) => return job,
                    None => self.queue_ended = true,
                },
                // Each looks again. No error: `shared` has the senders.
                _ = self.orders.changed() => {}
                _ = self.quiet.changed(), if self.queue_ended => {}
            }
        }
        None
    }

    fn leaves(&mut self) -> bool {
        // Before the look: what changes after it ends the wait (`shared`, 3).
        self.quiet.mark_unchanged();
        let aborts = self.shared.aborts();
        let mut state = self.shared.state();
        if self.queue_ended && state.running == 0 && state.submitted == 0 {
            state.has_ended = true;
        }
        self.has_left = aborts || state.has_ended || state.seats > state.wanted;
        state.seats -= usize::from(self.has_left);
        self.has_left
    }
}

impl<J> Drop for Seat<J> {
    fn drop(&mut self) {
        if !self.has_left {
            self.shared.state().seats -= 1;
        }
    }
}

/// A job that runs.
struct Counted<'a, J> {
    shared: &'a Shared<J>,
    /// By itself, and not by force.
    has_ended: bool,
}

impl<J> Drop for Counted<'_, J> {
    fn drop(&mut self) {
        self.shared.end(!self.has_ended);
    }
}

#[cfg(test)]
mod tests {
    use super::super::jobs::Jobs;
    use super::*;
    use levada::mpmc;

    #[tokio::test]
    async fn a_job_that_is_taken_too_late_is_kept() {
        let (jobs, queue) = mpmc::channel(2);
        let (shared, _keeper) = Shared::new(Jobs::Queue(queue), None);
        (shared.state().wanted, shared.state().seats) = (1, 1);
        let queues = shared.state().queues.clone().unwrap();
        let mut seat = Seat::new(&shared, queues);
        jobs.send(1).await.unwrap();
        jobs.send(2).await.unwrap();
        assert_eq!(seat.next().await, Some(1));
        assert_eq!(shared.state().running, 1);
        shared.orders.send_replace(true);
        assert_eq!(shared.begin(2, false), None);
        assert_eq!(seat.next().await, None);
        drop(seat);
        let state = shared.state();
        assert_eq!((state.running, state.seats), (1, 0));
        assert_eq!(state.too_late, [2]);
    }
}
