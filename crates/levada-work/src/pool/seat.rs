//! One worker: what it does next, and what is counted of it.
//!
//! A worker is counted (`State::seats`) from when it is hired until it leaves. Whether it leaves is decided and
//! counted under one lock, and so is how many are hired: however resizes meet, there are in the end as many as the
//! last one said. Each worker has a receiver of `orders`: when that has none, all workers have ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada::{mpmc, watch};

use super::Hook;
use crate::panic::{call_hook, caught};

/// What the workers share, and their handle.
pub(super) struct Shared<J> {
    pub(super) queue: mpmc::Receiver<J>,
    /// Whether to abort. It also changes, to the same, when idle workers are to look at `State::wanted`.
    pub(super) orders: watch::Sender<bool>,
    state: Mutex<State<J>>,
    on_panic: Option<Hook>,
}

pub(super) struct State<J> {
    /// How many workers there are to be.
    pub(super) wanted: usize,
    /// How many there are.
    pub(super) seats: usize,
    /// How many jobs run.
    pub(super) running: usize,
    /// How many were ended by force.
    pub(super) aborted: usize,
    /// Were taken from the queue when it was too late to run them.
    pub(super) too_late: Vec<J>,
}

impl<J> Shared<J> {
    pub(super) fn new(queue: mpmc::Receiver<J>, on_panic: Option<Hook>) -> Self {
        let state = State { wanted: 0, seats: 0, running: 0, aborted: 0, too_late: Vec::new() };
        Self { queue, orders: watch::Sender::new(false), state: Mutex::new(state), on_panic }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker's place in the pool.
pub(super) struct Seat<J> {
    shared: Arc<Shared<J>>,
    orders: watch::Receiver<bool>,
    /// It left, and is not counted any more.
    has_left: bool,
}

impl<J> Seat<J> {
    /// A seat that is counted already.
    pub(super) fn new(shared: &Arc<Shared<J>>) -> Self {
        let orders = shared.orders.subscribe();
        Self { shared: Arc::clone(shared), orders, has_left: false }
    }

    /// Does jobs until the queue has ended or this worker is one too many.
    pub(super) async fn work<F, Running>(mut self, run: Arc<F>)
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
                    if let (Err(panic), Some(hook)) = (done, &self.shared.on_panic) {
                        call_hook(|| hook(panic));
                    }
                }
                _ = self.orders.wait_for(|abort| *abort) => return,
            }
        }
    }

    /// The next job, which counts as running; `None` if there is none for this worker.
    async fn next(&mut self) -> Option<J> {
        while !self.leaves() {
            tokio::select! {
                biased;
                job = self.shared.queue.recv() => return self.begin(job?),
                // Looks again. No error: `shared` has the sender.
                _ = self.orders.changed() => {}
            }
        }
        None
    }

    fn leaves(&mut self) -> bool {
        let aborts = self.aborts();
        let mut state = self.shared.state();
        self.has_left = aborts || state.seats > state.wanted;
        state.seats -= usize::from(self.has_left);
        self.has_left
    }

    fn aborts(&self) -> bool {
        *self.orders.borrow()
    }

    /// If it aborts right after this look, the job begins, and is ended by force.
    fn begin(&self, job: J) -> Option<J> {
        let aborts = self.aborts();
        let mut state = self.shared.state();
        if aborts {
            state.too_late.push(job);
            return None;
        }
        state.running += 1;
        Some(job)
    }
}

impl<J> Drop for Seat<J> {
    fn drop(&mut self) {
        if !self.has_left {
            self.shared.state().seats -= 1;
            // The queue has ended, or else the runtime: then nobody is to wait for room in it.
            self.shared.queue.close();
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
        let mut state = self.shared.state();
        state.running -= 1;
        state.aborted += usize::from(!self.has_ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_is_taken_too_late_is_kept() {
        let (jobs, queue) = mpmc::channel(2);
        let shared = Arc::new(Shared::new(queue, None));
        (shared.state().wanted, shared.state().seats) = (1, 1);
        let mut seat = Seat::new(&shared);
        jobs.send(1).await.unwrap();
        jobs.send(2).await.unwrap();
        assert_eq!(seat.next().await, Some(1));
        assert_eq!(shared.state().running, 1);
        shared.orders.send_replace(true);
        assert_eq!(seat.begin(2), None);
        assert_eq!(seat.next().await, None);
        drop(seat);
        let state = shared.state();
        assert_eq!((state.running, state.seats), (1, 0));
        assert_eq!(state.too_late, [2]);
    }
}
