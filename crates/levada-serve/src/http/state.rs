//! A job's state, as clients see it.

use axum::http::HeaderValue;
use serde::{Serialize, Serializer};

use crate::job::{JobId, JobState, Moment, Outcome};
use crate::jobs::active::JobView;
use crate::jobs::progress::Progress;
use crate::jobs::registry::Job;

/// The JSON object of a job.
#[derive(Debug)]
pub(crate) struct JobJson {
    view: JobView,
    position: Option<u64>,
}

/// Its members.
#[derive(Debug, Serialize)]
struct Members<'a> {
    id: JobId,
    queue: &'a str,
    state: JobState,
    revision: u64,
    attempt: u32,
    max_attempts: u32,
    #[serde(skip_serializing_if = "is_zero")]
    interruptions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    stderr_tail: &'a str,
    input_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_type: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    result_gone: bool,
}

/// A moment, as RFC 3339 writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Moment);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // What is later than the year 9999 has no such form.
        let milliseconds = self.0.0.min(253_402_300_799_999);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds);
        to.collect_str(&humantime::format_rfc3339_millis(time))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl JobJson {
    pub(crate) fn of(job: &Job) -> Self {
        let position = match job {
            Job::Active(active) => active.position(),
            Job::Past(_) => None,
        };
        Self { position, ..Self::seen(job.view()) }
    }

    /// Without its position in line.
    pub(crate) fn seen(view: JobView) -> Self {
        Self { view, position: None }
    }

    fn members(&self) -> Members<'_> {
        let JobView { record, progress, .. } = &self.view;
        let succeeded = record.state == JobState::Succeeded;
        Members {
            id: record.id,
            queue: &record.queue,
            state: record.state,
            revision: self.view.revision(),
            attempt: record.attempt,
            max_attempts: record.max_attempts,
            interruptions: record.interruptions,
            position: self.position,
            created_at: Time(record.created_at),
            started_at: record.started_at.map(Time),
            finished_at: record.finished_at.map(Time),
            retry_at: record.retry_at.map(Time),
            expires_at: record.expires_at.map(Time),
            progress: progress.as_ref(),
            outcome: record.outcome,
            exit_code: record.exit_code,
            signal: record.signal,
            stderr_tail: if succeeded { "" } else { &record.stderr_tail },
            input_bytes: record.input_bytes,
            input_type: record.input_type.as_deref(),
            output_bytes: succeeded.then_some(record.output_bytes),
            output_type: record.output_type.as_deref(),
            result_gone: record.emptied,
        }
    }
}

impl Serialize for JobJson {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(to)
    }
}

/// The tag of a state. A revision alone would not do: those that were not yet on disk when the
/// process died are given to other states, of other runs.
pub(crate) fn tag(view: &JobView) -> String {
    let JobView { record, .. } = view;
    let state = serde_json::to_string(&record.state).unwrap_or_default();
    let begun = record.started_at.unwrap_or(Moment(0)).0;
    format!("\"{}-{}-{}-{begun:x}\"", view.revision(), record.attempt, state.trim_matches('"'))
}

/// [`tag`] as the value of a header. A weak one: the position in line changes without it.
pub(crate) fn tag_header(view: &JobView) -> HeaderValue {
    HeaderValue::try_from(format!("W/{}", tag(view))).expect("numbers and a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_two_processes_have_two_tags() {
        let of = |started_at| {
            let record = format!(
                r#"{{ "id": "019ad3f0-5d2c-7c41-a4b0-1c9f0e7a2b33", "queue": "default", "state": "running",
                "revision": 3, "attempt": 1, "max_attempts": 3, "created_at": 1796000000000, "started_at": {started_at},
                "stderr_tail": "", "input_bytes": 5, "output_bytes": 0, "emptied": false, "client": "" }}"#
            );
            let record = serde_json::from_str(&record).unwrap();
            tag(&JobView::of(std::sync::Arc::new(record)))
        };
        assert_eq!(of("255"), "\"3-1-running-ff\"");
        assert_eq!(of("null"), "\"3-1-running-0\"");
        assert_ne!(of("255"), of("256"));
    }
}
