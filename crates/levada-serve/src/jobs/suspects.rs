//! Jobs whose next interruption would be their last, one at a time over all queues.
//!
//! One of them may be what kills the service. Started together with it, the others would be given
//! up for what it does. No worker waits here: a job enters the line of its queue when it is its
//! turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::Live;
use crate::job::JobId;

/// Whose turn it is, and who comes next.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    current: Option<JobId>,
    waiting: VecDeque<Arc<Live>>,
}

impl Suspects {
    /// Puts a job in the line of its queue as soon as it is its turn.
    pub(super) fn enter(&self, live: Arc<Live>) {
        self.turns().waiting.push_back(live);
        self.go_on();
    }

    /// A worker is done with this job, be it one of these or not.
    pub(super) fn done(&self, id: JobId) {
        let was_current = self.turns().current.take_if(|current| *current == id).is_some();
        if was_current {
            self.go_on();
        }
    }

    fn go_on(&self) {
        let mut turns = self.turns();
        if turns.current.is_some() {
            return;
        }
        // Those that were cancelled meanwhile are passed over.
        while let Some(next) = turns.waiting.pop_front() {
            if next.is_waiting() {
                turns.current = Some(next.id);
                drop(turns);
                return next.queue.enter(Arc::clone(&next));
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
