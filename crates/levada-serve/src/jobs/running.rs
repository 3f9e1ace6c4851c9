//! What a worker holds while it has a job.

use super::active::JobQueue;
use super::scheduler::{Scheduler, Slot, SlotRequest};

/// A job that a worker has, and perhaps its slot or the request for one. Dropping it passes them
/// on.
#[derive(Debug)]
pub(super) struct RunningJob<'a> {
    queue: &'a JobQueue,
    scheduler: &'a Scheduler,
    request: Option<SlotRequest>,
    slot: Option<Slot>,
}

impl<'a> RunningJob<'a> {
    /// A worker of `queue` took a job out of the line.
    pub(super) fn begin(queue: &'a JobQueue, scheduler: &'a Scheduler) -> Self {
        Self { queue, scheduler, request: queue.requests.begin(), slot: None }
    }

    /// Waits for a slot to run the job in.
    pub(super) async fn take_slot(&mut self) {
        let request = self.request.take().unwrap_or_else(|| self.request_slot());
        self.slot = Some(request.slot().await);
    }

    fn request_slot(&self) -> SlotRequest {
        self.scheduler.request(self.queue.config().priority)
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        let unused = self.request.take();
        let request = || unused.unwrap_or_else(|| self.request_slot());
        let workers = self.queue.config().workers;
        self.queue.requests.end(workers, || self.queue.in_line(), request);
        // And only then the slot is passed on.
    }
}
