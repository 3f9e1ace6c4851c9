//! What others see of the jobs: each event by broadcast, the totals by watch.

use std::sync::{Arc, Mutex, PoisonError};

use levada::{broadcast, watch};
use serde::Serialize;

use super::job::{End, JobId};

/// How many events a reader can be behind before it misses some.
const BEHIND: usize = 1024;

/// Something that happened. Serializes to the members of the event's JSON object.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Happened {
    /// A job has its place in the queue, with its whole input.
    Accepted { job: JobId },
    /// A worker took the job, which had waited this long.
    Started { job: JobId, waited_ms: u64 },
    /// The run is over.
    Finished {
        job: JobId,
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        run_ms: u64,
    },
    /// A worker came to the job and nobody waited for it any more: it did not run.
    Skipped { job: JobId },
    /// A request did not become a job.
    Rejected { reason: &'static str },
}

impl Happened {
    fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Started { .. } => "started",
            Self::Finished { .. } => "finished",
            Self::Skipped { .. } => "skipped",
            Self::Rejected { .. } => "rejected",
        }
    }
}

/// The `outcome` of a run that ended like this.
pub(crate) fn outcome_name(end: &End) -> &'static str {
    match end {
        End::Exited(0) => SUCCEEDED,
        End::Exited(_) | End::Signalled(_) => "failed",
        End::TimedOut => "timed-out",
        End::OutputTooLarge => "output-too-large",
        End::NotRun(_) => "not-run",
        End::Abandoned => "abandoned",
        End::Aborted => "aborted",
    }
}

const SUCCEEDED: &str = "succeeded";
/// The `outcome` of a run whose worker panicked.
pub(crate) const PANICKED: &str = "panicked";

/// An event as readers get it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Counts events from 1.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    /// One JSON object on one line, shared by all readers.
    pub(crate) data: Arc<str>,
}

/// How many jobs are in each state now (`queued`, `running`) or came to it since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    pub(crate) queued: u64,
    pub(crate) running: u64,
    /// Ended with exit code 0.
    pub(crate) done: u64,
    /// Ran and ended in any other way.
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) rejected: u64,
}

impl Progress {
    fn apply(&mut self, happened: &Happened) {
        match happened {
            Happened::Accepted { .. } => self.queued += 1,
            Happened::Started { .. } => {
                self.queued -= 1;
                self.running += 1;
            }
            Happened::Finished { outcome, .. } => {
                self.running -= 1;
                if *outcome == SUCCEEDED {
                    self.done += 1;
                } else {
                    self.failed += 1;
                }
            }
            Happened::Skipped { .. } => {
                self.queued -= 1;
                self.skipped += 1;
            }
            Happened::Rejected { .. } => self.rejected += 1,
        }
    }
}

/// Where everything that happens is told.
#[derive(Debug)]
pub(crate) struct Feed {
    /// The id of the last event; held while an event is told, so that ids, totals and events are
    /// in the same order for everyone.
    last: Mutex<u64>,
    events: broadcast::Sender<Event>,
    progress: watch::Sender<Progress>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            last: Mutex::new(0),
            events: broadcast::Sender::new(BEHIND),
            progress: watch::Sender::new(Progress::default()),
        }
    }

    /// Tells everyone.
    pub(crate) fn tell(&self, happened: &Happened) {
        let data = serde_json::to_string(happened).expect("strings and numbers are valid JSON");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        self.progress.send_modify(|progress| progress.apply(happened));
        let event = Event { id: *last, name: happened.name(), data: data.into() };
        // No reader at the moment: then nobody misses it.
        drop(self.events.send(event));
    }

    /// The totals now, as an event, and every event after it.
    pub(crate) fn subscribe(&self) -> (Event, broadcast::Receiver<Event>) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = *self.progress.borrow();
        let data = serde_json::to_string(&progress).expect("numbers are valid JSON");
        let snapshot = Event { id: *last, name: "progress", data: data.into() };
        (snapshot, self.events.subscribe())
    }

    #[cfg(test)]
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn snapshot_and_events_fit_together() {
        let feed = Feed::new();
        feed.tell(&Happened::Accepted { job: JobId(1) });
        feed.tell(&Happened::Started { job: JobId(1), waited_ms: 3 });
        let (snapshot, mut events) = feed.subscribe();
        assert_eq!((snapshot.id, snapshot.name), (2, "progress"));
        assert_eq!(
            &*snapshot.data,
            r#"{"queued":0,"running":1,"done":0,"failed":0,"skipped":0,"rejected":0}"#
        );
        feed.tell(&Happened::Finished {
            job: JobId(1),
            outcome: outcome_name(&End::Exited(3)),
            exit_code: Some(3),
            signal: None,
            run_ms: 12,
        });
        let event = events.recv().await.unwrap();
        assert_eq!((event.id, event.name), (3, "finished"));
        assert_eq!(&*event.data, r#"{"job":1,"outcome":"failed","exit_code":3,"run_ms":12}"#);
        assert_eq!(feed.progress(), Progress { failed: 1, ..Progress::default() });
    }
}
