//! What is known of a job: what the store keeps, and what a client is shown of it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a job. Ids are UUIDs of version 7 (RFC 9562): later ones are greater, and an id cannot be
/// guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JobId(Uuid);

impl JobId {
    /// An id that is greater than all this process gave out before.
    pub(crate) fn next() -> Self {
        Self(Uuid::now_v7())
    }

    /// As a key whose order is that of the ids.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for JobId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the form that is given out: one job has one address.
        let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
        let mut buffer = Uuid::encode_buffer();
        if id.hyphenated().encode_lower(&mut buffer) == text { Ok(Self(id)) } else { Err(NotAnId) }
    }
}

/// A text is not the id of any job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a job: those look like 019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33")
    }
}

impl std::error::Error for NotAnId {}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A point in time, in milliseconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long it is from `earlier` to here; nothing, if the clock was put back in between.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Where a job is.
///
/// ```text
/// Queued --> Running --> Succeeded | Failed | Cancelled
///   |  ^        |
///   |  |        v
///   |  +--- Retrying --> Cancelled
///   +--> Cancelled
/// Failed, Cancelled --run again--> Queued
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Queued,
    Running,
    /// Waits for the moment of its next attempt.
    Retrying,
    Succeeded,
    /// Will not be tried again by itself.
    Failed,
    Cancelled,
}

impl State {
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// With exit code 0.
    Succeeded,
    /// With another exit code, or by a signal that did not come from here.
    Failed,
    TimedOut,
    OutputTooLarge,
    /// It could not be started.
    NotRun,
    /// A process that stays wrote what is no answer to this job.
    OutOfStep,
    Cancelled,
    /// The service was stopped, or failed, while it ran.
    Interrupted,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::OutputTooLarge => "output-too-large",
            Self::NotRun => "not-run",
            Self::OutOfStep => "out-of-step",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What is known of a job, apart from its input and output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: JobId,
    pub(crate) queue: String,
    pub(crate) state: State,
    /// Grows with every change.
    pub(crate) revision: u64,
    /// How often it was started.
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    /// How often in a row the process died while it ran. Such attempts do not count.
    #[serde(default)]
    pub(crate) interruptions: u32,
    pub(crate) created_at: Moment,
    pub(crate) started_at: Option<Moment>,
    pub(crate) finished_at: Option<Moment>,
    /// When the next attempt begins, while `Retrying`.
    pub(crate) retry_at: Option<Moment>,
    /// When it is forgotten, once it has ended.
    pub(crate) expires_at: Option<Moment>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Which HTTP status the exit code stands for, if it is a failure.
    pub(crate) status: Option<u16>,
    /// Why it could not be started, or what was wrong with what it wrote.
    pub(crate) fault: Option<String>,
    /// The end of its standard error.
    pub(crate) stderr_tail: String,
    pub(crate) input_bytes: u64,
    pub(crate) input_type: Option<String>,
    pub(crate) output_bytes: u64,
    pub(crate) output_type: Option<String>,
    /// Input and output are no longer kept.
    pub(crate) emptied: bool,
    /// Whose quota it counts against.
    pub(crate) client: String,
    /// The `traceparent` it came with.
    pub(crate) trace: Option<String>,
    /// Under which its request can be repeated.
    pub(crate) key: Option<IdempotencyKey>,
}

/// What makes two requests the same one: a digest of client, queue and key; and one of what was
/// sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct IdempotencyKey {
    /// Of client, queue and key.
    pub(crate) name: [u8; 32],
    /// Of the body and its type.
    pub(crate) content: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_also_between_threads() {
        let give_out = || (0..10_000).map(|_| JobId::next()).collect::<Vec<_>>();
        let mut ids: Vec<JobId> = std::thread::scope(|scope| {
            let threads = [scope.spawn(give_out), scope.spawn(give_out)];
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids[..10_000].is_sorted_by(|a, b| a < b));
        assert!(ids[10_000..].is_sorted_by(|a, b| a < b));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20_000);
    }

    #[test]
    fn an_id_has_one_form() {
        let id = JobId::next();
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(JobId::from_bytes(id.to_bytes()), id);
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), text + "0"]
        {
            assert_eq!(other.parse::<JobId>(), Err(NotAnId), "{other}");
        }
        assert_eq!("".parse::<JobId>(), Err(NotAnId));
    }

    #[test]
    fn moments_do_not_overflow() {
        assert!(Moment::now() > Moment(1_700_000_000_000));
        assert_eq!(Moment(5).after(Duration::from_millis(2)), Moment(7));
        assert_eq!(Moment(5).after(Duration::MAX), Moment(u64::MAX));
        assert_eq!(Moment(7).since(Moment(5)), Duration::from_millis(2));
        assert_eq!(Moment(5).since(Moment(7)), Duration::ZERO);
    }

    #[test]
    fn a_record_of_another_version_is_read() {
        let now = r#"{
            "id": "019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33", "queue": "default", "state": "retrying",
            "revision": 3, "attempt": 1, "max_attempts": 3, "created_at": 1796000000000,
            "outcome": "timed-out", "stderr_tail": "", "input_bytes": 5, "output_bytes": 0,
            "emptied": false, "client": "", "detached": true, "a_later_member": {}
        }"#;
        let record: Record = serde_json::from_str(now).unwrap();
        assert_eq!((record.state, record.outcome), (State::Retrying, Some(Outcome::TimedOut)));
        assert_eq!(record.key, None, "what may be missing is");
        let again = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&again).unwrap(), record);
    }
}
