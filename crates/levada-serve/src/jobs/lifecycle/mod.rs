//! The life of a job, chapter by chapter. Only here do jobs take the steps of
//! `job::state`.
//!
//! ```text
//! accept -> (line) -> run -> finish -> end
//!              ^               |
//!              +---- pause ----+        cancel -> end, from anywhere before
//! ```
//!
//! | file       | what it is                                                                |
//! |------------|---------------------------------------------------------------------------|
//! | `accept`   | from a request, or from a job that failed, to a job that is on disk        |
//! | `run`      | from a job in line to the end of its run                                  |
//! | `observer` | what the run tells of itself while it goes on                             |
//! | `finish`   | what follows a run: the job's end, or a pause and another attempt         |
//! | `verdict`  | which of the two, by the retry policy                                     |
//! | `end`      | the end is written, then published                                        |
//! | `cancel`   | a client ends the job                                                     |
//! | `resume`   | jobs of the last process go on                                            |
//! | `shared`   | jobs that other processes have, as this one shows them                    |
//! | `crash`    | what is counted when the last process died                                |

pub(crate) mod accept;
pub(crate) mod cancel;
mod crash;
mod end;
mod finish;
mod observer;
mod resume;
mod run;
#[cfg(feature = "nats")]
mod shared;
mod verdict;

use std::sync::Arc;

use levada::watch;
use levada_work::shutdown::{Phase, Signal};

use super::active::ActiveJob;
use super::admission::Admission;
use super::in_flight::InFlight;
use super::registry::Registry;
use super::report::Reporter;
use super::scheduler::Scheduler;
use super::shared::SharedLine;
use super::suspects::Suspects;
use crate::config::Config;
use crate::store::handle::StoreHandle;

/// Takes jobs from one step to the next.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(super) store: StoreHandle,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) shutdown: Signal,
    pub(super) registry: Arc<Registry>,
    pub(super) admission: Arc<Admission>,
    pub(super) reporter: Arc<Reporter>,
    pub(super) scheduler: Scheduler,
    pub(super) suspects: Suspects,
    /// The line that several processes share; `None` if jobs wait in the line of this process.
    pub(super) shared: Option<Arc<dyn SharedLine>>,
    /// Tells the next process which jobs ran when this one died; `None` if there is nothing that it
    /// could find.
    pub(super) in_flight: Option<Arc<InFlight>>,
}

impl Lifecycle {
    /// So many jobs of all queues may run at the same time from now on.
    pub(super) fn set_max_running(&self, limit: Option<usize>) {
        self.scheduler.resize(limit);
    }

    /// A client watches what the command of a job writes.
    pub(crate) fn watched(&self, job: &Arc<ActiveJob>) {
        self.shared.iter().for_each(|shared| shared.listen(job));
    }

    /// The service is shutting down: no more jobs come in.
    fn is_draining(&self) -> bool {
        self.shutdown.phase() >= Phase::Draining
    }
}
