//! The events of all jobs: each by broadcast, and the last ones for readers that come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use levada::broadcast;
use serde::Serialize;

use super::progress::Progress;
use crate::job::{JobId, JobState, Moment, Outcome};
use crate::sync::lock;

/// How many events a reader can be behind, or away, before it misses some.
const BEHIND: usize = 1024;

/// Something that happened. Serializes to the members of the event's JSON object.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum JobEvent<'a> {
    /// A job is on disk and has its place in the queue.
    Accepted { job: JobId, queue: &'a str },
    /// A worker took the job, which had waited this long.
    Started { job: JobId, queue: &'a str, attempt: u32, waited_ms: u64 },
    /// The command says how far it is.
    Progress {
        job: JobId,
        queue: &'a str,
        #[serde(flatten)]
        progress: &'a Progress,
    },
    /// The run is over, and another one follows.
    Retrying {
        job: JobId,
        queue: &'a str,
        outcome: Outcome,
        #[serde(flatten)]
        exit: ExitInfo,
        attempt: u32,
        retry_in_ms: u64,
    },
    /// The job has ended.
    Finished {
        job: JobId,
        queue: &'a str,
        /// Of the record: names the end, of those that a job may have.
        #[serde(skip)]
        revision: u64,
        state: JobState,
        outcome: Outcome,
        #[serde(flatten)]
        exit: ExitInfo,
        attempt: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        run_ms: Option<u64>,
    },
    /// A request did not become a job.
    Rejected {
        #[serde(skip_serializing_if = "Option::is_none")]
        queue: Option<&'a str>,
        reason: &'static str,
    },
}

/// How the command ended, if it did.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ExitInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<i32>,
}

impl JobEvent<'_> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Started { .. } => "started",
            Self::Progress { .. } => "progress",
            Self::Retrying { .. } => "retrying",
            Self::Finished { .. } => "finished",
            Self::Rejected { .. } => "rejected",
        }
    }

    pub(crate) fn job(&self) -> Option<JobId> {
        match self {
            Self::Accepted { job, .. }
            | Self::Started { job, .. }
            | Self::Progress { job, .. }
            | Self::Retrying { job, .. }
            | Self::Finished { job, .. } => Some(*job),
            Self::Rejected { .. } => None,
        }
    }
}

/// An event as readers get it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Counts the events of this process from 1.
    pub(crate) number: u64,
    pub(crate) name: &'static str,
    pub(crate) job: Option<JobId>,
    /// One JSON object on one line, shared by all readers.
    pub(crate) data: Arc<str>,
}

/// Publishes events, and keeps the last of them.
#[derive(Debug)]
pub(crate) struct EventLog {
    /// Tells this process from those before it, whose events count from 1 as well.
    process: String,
    /// Several processes number them together.
    is_shared: bool,
    /// Locked while an event is published, so that every reader gets events in order of number.
    last: Mutex<Last>,
    events: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct Last {
    number: u64,
    events: VecDeque<Event>,
}

/// What a reader gets that begins or comes back.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Events that happened while it was away, before those that are to come.
    pub(crate) missed: VecDeque<Event>,
    /// It missed events that are no longer kept: as many, if that is known.
    pub(crate) lost: Option<Lost>,
    /// The number of the last event that it has from a process that knew of more than this one:
    /// until that one it has all that is to come. 0 if there is none.
    pub(crate) until: u64,
    pub(crate) events: broadcast::Receiver<Event>,
}

/// How many events are lost to a reader; `None` when they are of another process.
pub(crate) type Lost = Option<u64>;

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { is_shared: false, ..Self::of(format!("{:x}", Moment::now().0)) }
    }

    /// The events of all processes of a cluster, which number them together.
    pub(crate) fn of(process: String) -> Self {
        let (events, _) = broadcast::builder(BEHIND).named("events").build();
        Self { process, is_shared: true, last: Mutex::default(), events }
    }

    /// Publishes an event to all readers.
    pub(crate) fn emit(&self, event: &JobEvent<'_>) {
        let data = serde_json::to_string(event).expect("strings and numbers are valid JSON");
        let (name, job) = (event.name(), event.job());
        let mut last = lock(&self.last);
        last.number += 1;
        let event = Event { number: last.number, name, job, data: data.into() };
        self.send(&mut last, event);
    }

    fn send(&self, last: &mut Last, event: Event) {
        if last.events.len() == BEHIND {
            last.events.pop_front();
        }
        last.events.push_back(event.clone());
        // An error means that there is no subscriber at the moment.
        drop(self.events.send(event));
    }

    /// Passes on an event that some process published, with the number that it has for all of them.
    #[cfg(feature = "nats")]
    pub(crate) fn pass_on(&self, event: Event) {
        let mut last = lock(&self.last);
        if event.number > last.number {
            last.number = event.number;
            self.send(&mut last, event);
        }
    }

    /// The id of an event, as readers name the last one that they have.
    pub(crate) fn id(&self, event: &Event) -> String {
        format!("{}-{}", self.process, event.number)
    }

    /// Every event from now on, and those since the one that `last_id` names.
    pub(crate) fn subscribe(&self, last_id: Option<&str>) -> Reader {
        let last = lock(&self.last);
        let events = self.events.subscribe();
        let Some(last_id) = last_id else {
            return Reader { missed: VecDeque::new(), lost: None, until: 0, events };
        };
        let seen = last_id
            .strip_prefix(self.process.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|number| number.parse::<u64>().ok())
            .filter(|number| *number <= last.number || self.is_shared);
        let Some(seen) = seen else {
            return Reader { missed: VecDeque::new(), lost: Some(None), until: 0, events };
        };
        if seen > last.number {
            return Reader { missed: VecDeque::new(), lost: None, until: seen, events };
        }
        let missed: VecDeque<_> =
            last.events.iter().filter(|event| event.number > seen).cloned().collect();
        let first = missed.front().map_or(last.number + 1, |event| event.number);
        let lost = first - seen - 1;
        Reader { missed, lost: (lost > 0).then_some(Some(lost)), until: 0, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(log: &EventLog, count: usize) {
        for _ in 0..count {
            log.emit(&JobEvent::Rejected { queue: Some("default"), reason: "queue-full" });
        }
    }

    #[tokio::test]
    async fn a_reader_that_comes_back_gets_what_it_missed() {
        let log = EventLog::new();
        rejected(&log, 1);
        let mut reader = log.subscribe(None);
        assert!(reader.missed.is_empty() && reader.lost.is_none());
        rejected(&log, 1);
        let second = reader.events.recv().await.unwrap();
        assert_eq!((second.number, second.name), (2, "rejected"));
        assert_eq!(&*second.data, r#"{"queue":"default","reason":"queue-full"}"#);
        rejected(&log, 2);
        let reader = log.subscribe(Some(&log.id(&second)));
        assert_eq!(reader.missed.iter().map(|event| event.number).collect::<Vec<_>>(), [3, 4]);
        assert!(reader.lost.is_none());
        rejected(&log, BEHIND);
        let reader = log.subscribe(Some(&log.id(&second)));
        assert_eq!(reader.missed.len(), BEHIND);
        assert_eq!(reader.lost, Some(Some(2)));
    }

    #[test]
    fn a_reader_may_know_more_than_a_process_of_many() {
        let log = EventLog::of("many".to_owned());
        rejected(&log, 2);
        let ahead = log.subscribe(Some("many-5"));
        assert!(ahead.missed.is_empty() && ahead.lost.is_none());
        assert_eq!(ahead.until, 5);
        assert_eq!(log.subscribe(Some("many-2")).until, 0);
    }

    #[test]
    fn ids_of_others_are_told_apart() {
        let log = EventLog::new();
        rejected(&log, 1);
        for id in ["", "1", "0-1", &format!("{}-2", log.process), &format!("{}x1", log.process)] {
            assert_eq!(log.subscribe(Some(id)).lost, Some(None), "{id:?}");
        }
        assert_eq!(log.subscribe(Some(&format!("{}-0", log.process))).missed.len(), 1);
    }

    #[test]
    fn members() {
        let exit = ExitInfo { exit_code: Some(3), signal: None };
        let job: JobId = JobId::from_bytes([0; 16]);
        let finished = JobEvent::Finished {
            job,
            queue: "q",
            revision: 4,
            state: JobState::Failed,
            outcome: Outcome::Failed,
            exit,
            attempt: 2,
            run_ms: Some(7),
        };
        assert_eq!(
            serde_json::to_string(&finished).unwrap(),
            r#"{"job":"00000000-0000-0000-0000-000000000000","queue":"q","state":"failed","outcome":"failed","exit_code":3,"attempt":2,"run_ms":7}"#
        );
    }
}
