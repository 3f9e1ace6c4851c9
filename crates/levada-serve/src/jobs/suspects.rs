//! Jobs whose next interruption would be their last, one at a time over all queues.
//!
//! One of them may be what kills the service. Started together with it, the others would be given
//! up for what it does. No worker waits here: a job enters the line of its queue when the one
//! before it is done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::active::ActiveJob;
use crate::job::JobId;
use crate::sync::lock;

/// The suspect that may run, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    current: Option<JobId>,
    waiting: VecDeque<Arc<ActiveJob>>,
}

impl Suspects {
    /// Puts a job in the line of its queue as soon as no other suspect runs.
    pub(super) fn enter(&self, job: Arc<ActiveJob>) {
        lock(&self.0).waiting.push_back(job);
        self.go_on();
    }

    /// A worker is done with this job, be it one of these or not.
    pub(super) fn done(&self, id: JobId) {
        let was_current = lock(&self.0).current.take_if(|current| *current == id).is_some();
        if was_current {
            self.go_on();
        }
    }

    fn go_on(&self) {
        let mut state = lock(&self.0);
        if state.current.is_some() {
            return;
        }
        // Those that were cancelled meanwhile are passed over.
        while let Some(next) = state.waiting.pop_front() {
            if next.is_waiting() {
                state.current = Some(next.id);
                drop(state);
                return next.queue.enter(Arc::clone(&next));
            }
        }
    }
}
