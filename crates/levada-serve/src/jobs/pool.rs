//! The workers: each takes a job, runs it, hands the outcome back, and takes the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tracing::{debug, error};

use super::feed::{Feed, Happened, PANICKED, outcome_name};
use super::job::{Claimed, End, JobId, Outcome};
use super::pace::Pace;
use super::queue::Exit;

/// What a worker does with a job.
pub(crate) trait Run: Send + Sync + 'static {
    /// Runs the job to its end. Stops early when it is [abandoned](Claimed::abandoned).
    fn run(&self, job: &mut Claimed) -> impl Future<Output = Outcome> + Send;
}

/// What the workers share.
#[derive(Debug)]
pub(crate) struct Pool<R> {
    pub(crate) queue: Exit,
    pub(crate) feed: Arc<Feed>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) runner: Arc<R>,
}

impl<R: Run> Pool<R> {
    /// Starts the workers. They end when the queue is closed and empty.
    pub(crate) fn start(self, workers: usize) -> JoinSet<()> {
        let pool = Arc::new(self);
        (0..workers).map(|_| Arc::clone(&pool).work()).collect()
    }

    async fn work(self: Arc<Self>) {
        while let Some(job) = self.queue.next().await {
            let id = job.id();
            let Some(claimed) = job.claim() else {
                debug!(job = %id, "skipped: nobody waits for it");
                self.feed.tell(&Happened::Skipped { job: id });
                continue;
            };
            let waited_ms = millis(claimed.waited);
            self.feed.tell(&Happened::Started { job: id, waited_ms });
            let begun = Instant::now();
            // A task of its own, so that a panic ends the run and not the worker. The reply is
            // dropped with it, which tells the client.
            let run = tokio::spawn(Arc::clone(&self).run(claimed, begun));
            if let Err(panic) = run.await {
                error!(job = %id, %panic, "the run of a job failed");
                self.finished(id, PANICKED, None, begun);
            }
        }
    }

    async fn run(self: Arc<Self>, mut job: Claimed, begun: Instant) {
        let outcome = self.runner.run(&mut job).await;
        self.finished(job.id, outcome_name(&outcome.end), Some(&outcome.end), begun);
        job.reply(outcome);
    }

    fn finished(&self, job: JobId, outcome: &'static str, end: Option<&End>, begun: Instant) {
        let busy = begun.elapsed();
        self.pace.record(busy);
        let run_ms = millis(busy);
        debug!(%job, outcome, run_ms, "finished");
        let (exit_code, signal) = match end {
            Some(End::Exited(code)) => (Some(*code), None),
            Some(End::Signalled(signal)) => (None, Some(*signal)),
            _ => (None, None),
        };
        self.feed.tell(&Happened::Finished { job, outcome, exit_code, signal, run_ms });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::feed::Progress;
    use crate::jobs::job::{Job, Unanswered};
    use crate::jobs::queue;

    struct Echo;

    impl Run for Echo {
        async fn run(&self, job: &mut Claimed) -> Outcome {
            assert_ne!(&*job.input, b"panic", "this run panics on purpose");
            Outcome { end: End::Exited(0), stdout: job.input.to_vec(), stderr_tail: String::new() }
        }
    }

    #[tokio::test]
    async fn panic_ends_the_run_and_not_the_worker() {
        let (entrance, exit) = queue::bounded(3);
        let feed = Arc::new(Feed::new());
        let mut tickets = Vec::new();
        for (id, input) in [(1, "panic"), (2, "withdrawn"), (3, "echo")] {
            let (job, ticket) = Job::new(JobId(id), input.into());
            feed.tell(&Happened::Accepted { job: job.id() });
            entrance.reserve().unwrap().put(job);
            tickets.push(ticket);
        }
        drop(tickets.remove(1));
        let pool = Pool {
            queue: exit,
            feed: Arc::clone(&feed),
            pace: Arc::new(Pace::new(1)),
            runner: Arc::new(Echo),
        };
        let workers = pool.start(1);
        let limit = Duration::from_secs(60);
        let echoed = tickets.pop().unwrap().wait(limit).await.unwrap();
        assert_eq!(echoed.stdout, b"echo");
        assert_eq!(tickets.pop().unwrap().wait(limit).await.unwrap_err(), Unanswered::Lost);
        entrance.close();
        workers.join_all().await;
        let expected = Progress { done: 1, failed: 1, skipped: 1, ..Progress::default() };
        assert_eq!(feed.progress(), expected);
    }
}
