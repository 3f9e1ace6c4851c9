//! The states of a job, and the steps from one to the next: the one table of them.
//!
//! ```text
//!               start              succeed
//!   Queued -------------> Running ------------> Succeeded
//!    ^  ^                  |  |       fail
//!    |  +---- interrupt ---+  +---------------> Failed
//!    |                     |
//!    |                     | retry_later
//!    +---- requeue ---- Retrying
//!
//!   Queued, Retrying  --withdraw-->  Cancelled    the job does not run
//!   Running           --cancel---->  Cancelled    its run was stopped
//!   Queued            --give_up--->  Failed       the service died too often while it ran
//!   Failed, Cancelled --run_again->  Queued
//! ```
//!
//! A step is decided in memory first, by `jobs::active`, and there each has one winner. The record
//! follows: a client sees an end when it is on disk, and so no end that a crash could undo. Of a
//! job that was interrupted, or whose queue is not configured, only the store knows: there a step
//! starts from what was last written, so that `interrupt` and `withdraw` lead from every unfinished
//! state.
//!
//! | in memory (`jobs::active`) | the record                                    |
//! |----------------------------|-----------------------------------------------|
//! | `Waiting`                  | `Queued`                                      |
//! | `Running`                  | `Running`, a moment later                     |
//! | `Paused`                   | `Retrying`                                    |
//! | `Ended`                    | one of the last three, once that is on disk   |
//!
//! A job of which nothing more becomes in this process is `Ended` in memory, and its record stays
//! as it is, for the next process.

use serde::{Deserialize, Serialize};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    Queued,
    Running,
    /// Waits for the moment of its next attempt.
    Retrying,
    Succeeded,
    /// Will not be tried again by itself.
    Failed,
    Cancelled,
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    Succeed,
    Fail,
    RetryLater,
    Requeue,
    Interrupt,
    GiveUp,
    Withdraw,
    Cancel,
    RunAgain,
}

impl JobState {
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The state after a step; `None` if no such step leads from here.
    pub(super) fn after(self, step: Step) -> Option<Self> {
        let is_possible = match step {
            Step::Start | Step::GiveUp => self == Self::Queued,
            Step::Succeed | Step::Fail | Step::RetryLater | Step::Cancel => self == Self::Running,
            Step::Requeue => self == Self::Retrying,
            Step::Interrupt | Step::Withdraw => !self.has_ended(),
            Step::RunAgain => self.can_run_again(),
        };
        is_possible.then(|| step.target())
    }

    /// Whether a client can have the job run again.
    pub(crate) fn can_run_again(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }
}

impl Step {
    /// Where it leads, from wherever it starts.
    pub(super) fn target(self) -> JobState {
        match self {
            Self::Start => JobState::Running,
            Self::Succeed => JobState::Succeeded,
            Self::Fail | Self::GiveUp => JobState::Failed,
            Self::RetryLater => JobState::Retrying,
            Self::Requeue | Self::Interrupt | Self::RunAgain => JobState::Queued,
            Self::Withdraw | Self::Cancel => JobState::Cancelled,
        }
    }
}
