//! A job, from acceptance to outcome.
//!
//! ```text
//! worker's side:   Job ----claim----> Claimed ----reply----> (done)
//! client's side:   Ticket ----------- wait ----------------> Outcome
//! ```
//!
//! Two oneshots join the sides. `started` decides, once and for all, whether the job runs: the
//! worker's `send` on it and the client's `close` of it exclude each other. `reply` carries the
//! outcome back, and tells the worker when nobody waits for it any more.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use levada::oneshot;

/// Numbers jobs from 1 in the order in which they were accepted, for as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct JobId(pub(crate) u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a job that a worker took came to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// The command ended by itself, with this exit code.
    Exited(i32),
    /// The command was ended by a signal that did not come from here.
    Signalled(i32),
    /// It ran longer than it may.
    TimedOut,
    /// It wrote more than it may.
    OutputTooLarge,
    /// It could not be started, or not be watched.
    NotRun(io::Error),
    /// Nobody waited for the outcome any more.
    Abandoned,
    /// The service was told to stop at once.
    Aborted,
}

/// What comes back from a job that a worker took.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr_tail: String,
}

/// An accepted job that waits for a worker.
#[derive(Debug)]
pub(crate) struct Job {
    id: JobId,
    input: Bytes,
    accepted: Instant,
    started: oneshot::Sender<()>,
    reply: oneshot::Sender<Outcome>,
}

/// The other side of a [`Job`]. Dropping it withdraws the job, or stops it when it runs.
#[derive(Debug)]
pub(crate) struct Ticket {
    started: oneshot::Receiver<()>,
    reply: oneshot::Receiver<Outcome>,
}

/// A job that a worker took.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) input: Bytes,
    /// How long the job waited for the worker.
    pub(crate) waited: Duration,
    reply: oneshot::Sender<Outcome>,
}

/// Why there is no outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// No worker took the job in time; it is withdrawn and will not run.
    NotStarted,
    /// The worker failed (it panicked) while it had the job.
    Lost,
}

impl Job {
    pub(crate) fn new(id: JobId, input: Bytes) -> (Self, Ticket) {
        let (started, has_started) = oneshot::channel();
        let (reply, outcome) = oneshot::channel();
        let job = Self { id, input, accepted: Instant::now(), started, reply };
        (job, Ticket { started: has_started, reply: outcome })
    }

    pub(crate) fn id(&self) -> JobId {
        self.id
    }

    /// Takes the job to run it, unless nobody waits for it any more.
    pub(crate) fn claim(self) -> Option<Claimed> {
        self.started.send(()).ok()?;
        Some(Claimed {
            id: self.id,
            input: self.input,
            waited: self.accepted.elapsed(),
            reply: self.reply,
        })
    }
}

impl Ticket {
    /// Waits at most `limit` for a worker to take the job, and then for the outcome.
    ///
    /// # Errors
    /// [`Unanswered`] says why there is no outcome.
    pub(crate) async fn wait(mut self, limit: Duration) -> Result<Outcome, Unanswered> {
        if tokio::time::timeout(limit, &mut self.started).await.is_err() {
            self.started.close();
            // A worker that came in between has left its word.
            if self.started.try_recv().is_err() {
                return Err(Unanswered::NotStarted);
            }
        }
        self.reply.await.map_err(|_| Unanswered::Lost)
    }
}

impl Claimed {
    /// Waits until nobody waits for the outcome any more.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn abandoned(&mut self) {
        self.reply.closed().await;
    }

    /// Hands the outcome to whoever waits for it.
    pub(crate) fn reply(self, outcome: Outcome) {
        // Nobody waits: then the outcome is of no use to anyone.
        drop(self.reply.send(outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    fn job() -> (Job, Ticket) {
        Job::new(JobId(1), Bytes::from_static(b"in"))
    }

    fn outcome() -> Outcome {
        Outcome { end: End::Exited(0), stdout: b"out".to_vec(), stderr_tail: String::new() }
    }

    #[tokio::test]
    async fn outcome_comes_back() {
        let (job, ticket) = job();
        let waiting = tokio::spawn(ticket.wait(LONG));
        job.claim().expect("someone waits").reply(outcome());
        assert_eq!(waiting.await.unwrap().unwrap().stdout, b"out");
    }

    #[tokio::test]
    async fn job_nobody_took_is_withdrawn() {
        let (job, ticket) = job();
        assert_eq!(ticket.wait(SOON).await.unwrap_err(), Unanswered::NotStarted);
        assert!(job.claim().is_none(), "a withdrawn job must not run");
    }

    #[tokio::test]
    async fn limit_ends_when_a_worker_takes_the_job() {
        let (job, ticket) = job();
        let claimed = job.claim().expect("someone waits");
        let waiting = tokio::spawn(ticket.wait(Duration::ZERO));
        tokio::task::yield_now().await;
        claimed.reply(outcome());
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn worker_learns_that_nobody_waits() {
        let (job, ticket) = job();
        let mut claimed = job.claim().expect("someone waits");
        drop(ticket);
        claimed.abandoned().await;
        let (job, ticket) = self::job();
        drop(ticket);
        assert!(job.claim().is_none());
    }

    #[tokio::test]
    async fn lost_worker_is_told_apart() {
        let (job, ticket) = job();
        drop(job.claim());
        assert_eq!(ticket.wait(LONG).await.unwrap_err(), Unanswered::Lost);
        let (job, ticket) = self::job();
        drop(job);
        assert_eq!(ticket.wait(LONG).await.unwrap_err(), Unanswered::Lost);
    }
}
