//! What is known of a job: what the store keeps, and what a client is shown of it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names a job. Ids are UUIDs of version 7 (RFC 9562): later ones are greater, and nobody guesses one.
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
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the form that is given out: one job has one address.
        let id = Uuid::try_parse(text)?;
        if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Uuid::try_parse("").map(Self) }
    }
}

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
    Cancelled,
    /// The service was stopped, or failed, while it ran.
    Interrupted,
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
    /// The system's words, if it could not be started.
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
    /// It goes on when nobody waits for it.
    pub(crate) detached: bool,
    /// Under which its request can be repeated.
    pub(crate) key: Option<IdempotencyKey>,
}

/// What makes two requests the same one: a digest of client, queue and key; and one of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct IdempotencyKey {
    /// Of client, queue and key.
    pub(crate) name: [u8; 32],
    /// Of the body and its type.
    pub(crate) content: [u8; 32],
}
