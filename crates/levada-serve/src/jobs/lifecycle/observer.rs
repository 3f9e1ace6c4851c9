//! What a run tells of itself while it goes on, and what makes it wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Lifecycle;
use crate::jobs::active::{ActiveJob, JobQueue};
use crate::jobs::pipes::{RunObserver, Stream};
use crate::jobs::progress::Progress;
use crate::jobs::run_result::End;
use crate::jobs::shortage::Short;
use crate::sync::lock;

/// The least time between two published updates of a command's progress.
const PROGRESS_REST: Duration = Duration::from_millis(100);

/// Passes on what the command of a job writes and says, and whether the job was cancelled.
pub(super) struct JobObserver<'a> {
    lifecycle: &'a Lifecycle,
    job: &'a Arc<ActiveJob>,
    /// The number of this run.
    run: u64,
    throttle: Mutex<ProgressThrottle>,
    /// While the command cannot be started for what the system lacks.
    short: Mutex<Option<Short<'a>>>,
}

/// The last published update of a command's progress, and a later one that is held back.
#[derive(Default)]
struct ProgressThrottle {
    last: Option<Instant>,
    /// What it said since, and too soon after.
    held_back: Option<Progress>,
}

impl<'a> JobObserver<'a> {
    pub(super) fn new(lifecycle: &'a Lifecycle, job: &'a Arc<ActiveJob>) -> Self {
        let run = job.run();
        Self { lifecycle, job, run, throttle: Mutex::default(), short: Mutex::default() }
    }

    pub(super) fn queue(&self) -> &'a JobQueue {
        &self.job.queue
    }

    /// Waits until it is worth trying again to start the command; or until the run is over without
    /// that.
    pub(super) async fn wait_for_the_system(&self, error: &str) -> Option<End> {
        let Self { lifecycle, job, run, .. } = self;
        let begin = || job.queue.shortage.begin(&job.queue.name, error);
        let pause = lock(&self.short).get_or_insert_with(begin).pause();
        tokio::select! {
            biased;
            () = job.run_stopped(*run) => Some(End::Stopped),
            // It is left on disk. What is only in memory is run before the process ends.
            () = lifecycle.shutdown.draining(), if lifecycle.store.is_durable() => Some(End::Aborted),
            () = lifecycle.shutdown.aborting() => Some(End::Aborted),
            () = tokio::time::sleep(pause) => None,
        }
    }

    /// Reports progress that was held back, when it is time. Never ends while the job is there.
    pub(super) async fn publish_held_back(&self) {
        let mut view = self.job.watch();
        // `self` keeps the sender.
        while view.changed().await.is_ok() {
            // An update that arrives during the sleep is published at its end.
            tokio::time::sleep(PROGRESS_REST).await;
            let mut throttle = lock(&self.throttle);
            if let Some(newest) = throttle.held_back.take() {
                self.report(&mut throttle, &newest);
            }
        }
    }

    fn report(&self, throttle: &mut ProgressThrottle, progress: &Progress) {
        *throttle = ProgressThrottle { last: Some(Instant::now()), held_back: None };
        self.lifecycle.reporter.progressed(self.job.id, &self.job.queue.name, progress);
    }
}

impl RunObserver for JobObserver<'_> {
    fn started(&self) {
        lock(&self.short).take();
    }

    fn wrote(&self, stream: Stream, bytes: &[u8]) {
        self.job.wrote(stream, bytes);
    }

    fn progressed(&self, progress: Progress) {
        self.job.publish(|view| view.set_progress(progress.clone()));
        let mut throttle = lock(&self.throttle);
        if throttle.last.is_some_and(|last| last.elapsed() < PROGRESS_REST) {
            throttle.held_back = Some(progress);
        } else {
            self.report(&mut throttle, &progress);
        }
    }

    async fn stopped(&self) {
        self.job.run_stopped(self.run).await;
    }
}
