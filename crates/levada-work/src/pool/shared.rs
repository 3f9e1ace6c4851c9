//! What the workers, their handle and the jobs share: where each job is, and how many there are.
//!
//! A job that was accepted is in `Queues::jobs`, in `Queues::submitted`, or it runs.
//!
//! 1. A job leaves `Queues::jobs` and is counted in `State::running` under one [`Turn`]. Under it,
//!    `len` of that queue and `State` are one view, in which each job is counted once.
//! 2. A job is put into `Queues::submitted` and counted in `State::submitted` under the lock of
//!    `State`. It moves from `submitted` to `running` under that lock, too.
//! 3. `State::running` falls to 0 before `quiet` changes: a worker that looks and waits misses
//!    nothing. Whether the pool is idle then is decided under the same `Turn`, and announced
//!    through `idle`: a task that waits learns of it, although another one that learned of it has
//!    sent a job since.
//! 4. `State::has_ended` is set once. From then on nothing is submitted. Unless the pool aborts or
//!    its runtime ends, it is set when no job can come any more: the queue has ended, nothing is
//!    submitted, nothing runs.
//! 5. The [`Keeper`] is a task that ends before the pool only if the runtime does. It then takes
//!    the queues out of `State` and drops the jobs that are left. Each worker drops its clones of
//!    the queues with its own task. So no receiver is left, and a permit that is used later drops
//!    its job.
//!
//! Locks are taken in this order: `Turn`, `State`, those of the channels.

use std::future::poll_fn;
use std::iter;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, ready};

use levada::{mpmc, oneshot, watch};

use super::Hook;
use super::jobs::Jobs;
use super::turn::Turn;
use super::undone::Undone;
use crate::panic::{Panic, call_hook};

pub(super) struct Shared<J> {
    /// Whether to abort. It also changes, to the same, when idle workers are to look at
    /// `State::wanted`.
    pub(super) orders: watch::Sender<bool>,
    /// Changes when the last job that ran has ended.
    pub(super) quiet: watch::Sender<()>,
    /// Changes when the last job has ended: nothing runs, and nothing is queued.
    pub(super) idle: watch::Sender<()>,
    turn: Turn,
    state: Mutex<State<J>>,
    on_panic: Option<Hook>,
    /// Dropped with the pool, which ends the [`Keeper`].
    _keeper: oneshot::Sender<()>,
}

pub(super) struct State<J> {
    /// How many workers there are to be.
    pub(super) wanted: usize,
    /// How many there are.
    pub(super) seats: usize,
    /// How many jobs run.
    pub(super) running: usize,
    /// How many jobs are in `Queues::submitted`, or were taken from it and do not run yet.
    pub(super) submitted: usize,
    /// How many were ended by force.
    pub(super) aborted: usize,
    /// How many were dropped with the runtime before they ran.
    pub(super) dropped: usize,
    /// Nothing is accepted from jobs any more.
    pub(super) has_ended: bool,
    /// Were taken from the queue when it was too late to run them.
    pub(super) too_late: Vec<J>,
    /// `None` once the runtime has ended.
    pub(super) queues: Option<Queues<J>>,
    submit: mpmc::UnboundedSender<J>,
}

/// The receivers. Each worker has its own.
pub(super) struct Queues<J> {
    pub(super) jobs: Jobs<J>,
    /// What jobs submit. It is not bounded: a job that waits for room keeps the worker that would
    /// make it.
    pub(super) submitted: mpmc::UnboundedReceiver<J>,
}

/// The numbers of jobs in a pool at one moment.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (jobs, workers) = levada_work::pool::Pool::new(0).start(async |_job: u32| {});
/// jobs.send(1).await?;
/// let counts = workers.counts();
/// assert_eq!((counts.queued, counts.running, counts.total()), (1, 0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Jobs that wait, from senders and from other jobs.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
}

impl Counts {
    /// Jobs that were accepted and have not ended.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_jobs, workers) = levada_work::pool::Pool::new(2).start(async |_job: u32| {});
    /// assert_eq!(workers.counts().total(), 0);
    /// # }
    /// ```
    #[must_use]
    pub fn total(&self) -> usize {
        self.queued + self.running
    }
}

/// Tries until there is a job, or none is left.
fn until_received<J>(is_left: impl Fn() -> bool, try_recv: impl Fn() -> Option<J>) -> Option<J> {
    loop {
        match try_recv() {
            None if is_left() => {}
            job => return job,
        }
    }
}

impl<J> Shared<J> {
    pub(super) fn new(jobs: Jobs<J>, on_panic: Option<Hook>) -> (Arc<Self>, Keeper<J>) {
        let (submit, submitted) = mpmc::unbounded_builder().named("pool submitted").build();
        let state = State {
            wanted: 0,
            seats: 0,
            running: 0,
            submitted: 0,
            aborted: 0,
            dropped: 0,
            has_ended: false,
            too_late: Vec::new(),
            queues: Some(Queues { jobs, submitted }),
            submit,
        };
        let (keeper, end) = oneshot::channel();
        let shared = Arc::new(Self {
            orders: watch::builder(false).named("pool orders").build().0,
            quiet: watch::builder(()).named("pool quiet").build().0,
            idle: watch::builder(()).named("pool idle").build().0,
            turn: Turn::default(),
            state: Mutex::new(state),
            on_panic,
            _keeper: keeper,
        });
        let keeper = Keeper { end, pool: Guard(Arc::downgrade(&shared)) };
        (shared, keeper)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, panic: Panic) {
        if let Some(hook) = &self.on_panic {
            call_hook(|| hook(panic));
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let _turn = self.turn.enter();
        self.count(&self.state())
    }

    /// The caller holds the `Turn`.
    fn count(&self, state: &State<J>) -> Counts {
        let sent = state.queues.as_ref().map_or(0, |queues| queues.jobs.len());
        Counts { queued: sent + state.submitted, running: state.running }
    }

    /// A job has ended, by itself or by force.
    pub(super) fn end(&self, by_force: bool) {
        let (is_quiet, is_idle) = {
            let _turn = self.turn.enter();
            let mut state = self.state();
            state.running -= 1;
            state.aborted += usize::from(by_force);
            (state.running == 0, self.count(&state).total() == 0)
        };
        if is_quiet {
            self.quiet.send_modify(|()| {});
        }
        if is_idle {
            self.idle.send_modify(|()| {});
        }
    }

    /// Gives the job back if it would not be run.
    pub(super) fn submit(&self, job: J) -> Result<(), J> {
        let mut state = self.state();
        if state.has_ended {
            return Err(job);
        }
        // Wakes a worker, under the lock: that is a task of tokio's, and not foreign code.
        state.submit.send(job).map_err(|refused| refused.0)?;
        state.submitted += 1;
        Ok(())
    }

    pub(super) fn aborts(&self) -> bool {
        *self.orders.borrow()
    }

    /// Takes a job of the queue and counts it (1). `None` at the end of the queue, and an inner one
    /// if it is too late.
    pub(super) async fn take(&self, queues: &Queues<J>) -> Option<Option<J>> {
        match &queues.jobs {
            Jobs::Queue(queue) => self.take_from(queue.recv()).await,
            Jobs::Lanes(lanes) => self.take_from(lanes.recv()).await,
        }
    }

    async fn take_from(&self, receiving: impl Future<Output = Option<J>>) -> Option<Option<J>> {
        let mut receiving = pin!(receiving);
        poll_fn(|cx| {
            let _turn = self.turn.enter();
            let job = ready!(receiving.as_mut().poll(cx));
            Poll::Ready(job.map(|job| self.begin(job, false)))
        })
        .await
    }

    /// Counts a job that was taken as running. If the pool aborts right after this look, the job
    /// begins, and is ended by force.
    pub(super) fn begin(&self, job: J, was_submitted: bool) -> Option<J> {
        let aborts = self.aborts();
        let mut state = self.state();
        state.submitted -= usize::from(was_submitted);
        if aborts {
            state.too_late.push(job);
            return None;
        }
        state.running += 1;
        Some(job)
    }

    /// Ends the pool, and takes the jobs that have not begun. The caller holds the `Turn`, so that
    /// no job is in neither count.
    fn take_all(&self) -> Vec<J> {
        let queues = {
            let mut state = self.state();
            state.has_ended = true;
            state.queues.take()
        };
        let mut jobs = Vec::new();
        if let Some(queues) = queues {
            queues.jobs.close();
            // A job that is promised to a worker is not received at once. That worker cannot come,
            // since the caller holds the `Turn`, so the promise lapses.
            let is_left = || queues.jobs.len() > 0;
            jobs.extend(iter::from_fn(|| until_received(is_left, || queues.jobs.try_recv())));
            let sent = jobs.len();
            let is_left = || !queues.submitted.is_empty();
            let try_recv = || queues.submitted.try_recv().ok();
            jobs.extend(iter::from_fn(|| until_received(is_left, try_recv)));
            self.state().submitted -= jobs.len() - sent;
        }
        jobs
    }

    /// What is left when there is no worker.
    pub(super) fn undone(&self) -> Undone<J> {
        let _turn = self.turn.enter();
        let mut queued = self.take_all();
        let mut state = self.state();
        queued.append(&mut state.too_late);
        Undone { aborted: state.aborted, queued, dropped: state.dropped }
    }

    fn runtime_has_ended(&self) {
        let dropped = {
            let _turn = self.turn.enter();
            let jobs = self.take_all();
            self.state().dropped += jobs.len();
            jobs
        };
        for job in dropped {
            call_hook(|| drop(job));
        }
        // Else the last job that still runs tells.
        if self.counts().total() == 0 {
            self.idle.send_modify(|()| {});
        }
    }
}

impl<J> Clone for Queues<J> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), submitted: self.submitted.clone() }
    }
}

/// The task that notices the end of the runtime, also when there are no workers.
pub(super) struct Keeper<J> {
    end: oneshot::Receiver<()>,
    pool: Guard<J>,
}

impl<J> Keeper<J> {
    pub(super) async fn keep(self) {
        // An error means that the pool is gone.
        let _ = self.end.await;
        drop(self.pool);
    }
}

/// Dropped before the pool, it ends the pool.
struct Guard<J>(Weak<Shared<J>>);

impl<J> Drop for Guard<J> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.runtime_has_ended();
        }
    }
}
