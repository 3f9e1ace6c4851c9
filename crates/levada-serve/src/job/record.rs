//! What is known of a job: what the store keeps, and what a client is shown of it.

use serde::{Deserialize, Serialize};

use super::state::JobState;
use super::{JobId, Moment};

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
    pub(crate) state: JobState,
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
    /// What the exit code says to the client, if it is a failure.
    pub(crate) status: Option<FailureStatus>,
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
    /// The ticket, of those that a cluster may have for it, with which its last run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ticket: Option<u64>,
    /// Under which lease this process has it, if it shares its jobs with others: what a run under
    /// an earlier lease wants to record does not count. Known to this process only.
    #[serde(skip)]
    pub(crate) holding: Option<u64>,
}

/// What an exit code that means a failure says to the client. `http` makes a status of it; the
/// store keeps that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
pub(crate) enum FailureStatus {
    /// Another attempt could have succeeded, and there are no more.
    Temporary,
    /// The number that the configuration gives to the exit code.
    Configured(u16),
}

/// The number that stands for [`FailureStatus::Temporary`] in the store.
const TEMPORARY: u16 = 503;

impl From<u16> for FailureStatus {
    fn from(number: u16) -> Self {
        if number == TEMPORARY { Self::Temporary } else { Self::Configured(number) }
    }
}

impl From<FailureStatus> for u16 {
    fn from(status: FailureStatus) -> Self {
        match status {
            FailureStatus::Temporary => TEMPORARY,
            FailureStatus::Configured(number) => number,
        }
    }
}

/// How a run came to its end, apart from what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunReport {
    pub(crate) outcome: Outcome,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) status: Option<FailureStatus>,
    pub(crate) fault: Option<String>,
}

impl Record {
    /// How many attempts count under this limit: those since the job was accepted or run again by
    /// hand, without those that were cut off.
    pub(crate) fn counted_attempts(&self, max_attempts: u32) -> u32 {
        let left = self.max_attempts.saturating_sub(self.attempt);
        // Another limit may hold now than when they were allowed.
        max_attempts.saturating_sub(left).clamp(1, self.attempt.max(1))
    }

    /// Whether this attempt had begun and not ended. That it began may not have reached the store.
    pub(crate) fn was_running(&self, attempt: u32) -> bool {
        !self.state.has_ended()
            && (self.attempt < attempt
                || (self.attempt == attempt && self.state == JobState::Running))
    }
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
    fn a_record_of_another_version_is_read() {
        let now = r#"{
            "id": "019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33", "queue": "default", "state": "retrying",
            "revision": 3, "attempt": 1, "max_attempts": 3, "created_at": 1796000000000,
            "outcome": "timed-out", "stderr_tail": "", "input_bytes": 5, "output_bytes": 0,
            "emptied": false, "client": "", "detached": true, "a_later_member": {}
        }"#;
        let record: Record = serde_json::from_str(now).unwrap();
        assert_eq!((record.state, record.outcome), (JobState::Retrying, Some(Outcome::TimedOut)));
        assert_eq!(record.key, None, "what may be missing is");
        let again = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&again).unwrap(), record);
    }

    #[test]
    fn the_status_of_a_failure_is_a_number_in_the_store() {
        for (status, text) in [
            (FailureStatus::Temporary, "503"),
            (FailureStatus::Configured(422), "422"),
            (FailureStatus::Configured(0), "0"),
        ] {
            assert_eq!(serde_json::to_string(&status).unwrap(), text);
            assert_eq!(serde_json::from_str::<FailureStatus>(text).unwrap(), status);
        }
    }

    #[test]
    fn attempts_count_since_the_job_was_last_allowed_some() {
        let text = r#"{
            "id": "019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33", "queue": "default", "state": "running",
            "revision": 3, "attempt": 1, "max_attempts": 3, "created_at": 1796000000000,
            "stderr_tail": "", "input_bytes": 5, "output_bytes": 0, "emptied": false, "client": ""
        }"#;
        let mut record: Record = serde_json::from_str(text).unwrap();
        for (attempt, allowed, policy, counted) in
            [(1, 3, 3, 1), (2, 3, 3, 2), (5, 6, 3, 2), (4, 7, 3, 1), (0, 3, 3, 1), (9, 9, 3, 3)]
        {
            (record.attempt, record.max_attempts) = (attempt, allowed);
            assert_eq!(record.counted_attempts(policy), counted, "{attempt} of {allowed}");
        }
    }
}
