//! Problems, as the server tells them (RFC 9457).

use std::time::Duration;

use serde::Deserialize;

use super::code;
use super::text::clean;

const URN: &str = "urn:levada:problem:";

/// An answer that is not a success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    pub(super) title: String,
    pub(super) status: u16,
    pub(super) detail: String,
    pub(super) job_id: Option<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    pub(super) stderr_tail: String,
    /// From the header.
    #[serde(skip)]
    pub(super) retry_after: Option<Duration>,
    /// As it came.
    #[serde(skip)]
    pub(super) raw: Option<String>,
}

impl Problem {
    /// From an answer's body. What is not a problem of levada's says so: something else may be in
    /// between.
    pub(super) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Self>(&text) {
            Ok(problem) if problem.kind.starts_with(URN) => {
                Self { status, retry_after, raw: Some(text.into_owned()), ..problem }
            }
            _ => {
                let first: String =
                    text.trim().lines().next().unwrap_or_default().chars().take(200).collect();
                let detail = format!(
                    "Status {status}: {first:?}. Is --server the address of a levada server?"
                );
                let title = "The response is not from levada".to_owned();
                Self { title, status, detail, retry_after, ..Self::default() }
            }
        }
    }

    /// The end of the type.
    pub(super) fn kind(&self) -> &str {
        self.kind.strip_prefix(URN).unwrap_or_default()
    }

    /// It is of something between this program and the server, which could not reach the server.
    pub(super) fn is_of_gateway(&self) -> bool {
        self.kind().is_empty() && matches!(self.status, 502..=504)
    }

    /// It is how a job ended, rather than what is wrong with a request.
    pub(super) fn is_outcome(&self) -> bool {
        matches!(
            self.kind(),
            "command-failed"
                | "timeout"
                | "output-too-large"
                | "command-not-run"
                | "command-out-of-step"
                | "cancelled"
                | "result-gone"
                | "result-lost"
                | "interrupted"
                | "interrupted-too-often"
        )
    }

    pub(super) fn code(&self) -> u8 {
        match self.kind() {
            "command-failed" => ended(self.exit_code, self.signal),
            "timeout" => code::TIMED_OUT,
            "command-not-run" => code::NOT_RUN,
            "cancelled" => code::CANCELLED,
            "interrupted" => code::NOT_NOW,
            "unauthorized" | "foreign-page" => code::NO_PERMISSION,
            "no-job" | "no-queue" | "not-found" => code::NO_INPUT,
            "store-failed" => code::UNAVAILABLE,
            _ if self.retry_after.is_some() => code::NOT_NOW,
            _ if matches!(self.status, 401 | 403) => code::NO_PERMISSION,
            _ => code::FAILED,
        }
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> Option<String> {
        let id = clean(self.job_id.as_deref().unwrap_or("ID"));
        let advice = match self.kind() {
            "queue-full" | "quota-exceeded" | "draining" | "store-full" => {
                let seconds = self.retry_after.unwrap_or_default().as_secs();
                format!(
                    "Try again in {seconds} s; `levada submit --max-wait 5m` retries automatically."
                )
            }
            "unauthorized" => {
                "Give a token with --token-file FILE, or set LEVADA_TOKEN.".to_owned()
            }
            "foreign-page" => "Give --server an IP address, or localhost.".to_owned(),
            "no-job" => "`levada status` lists the jobs.".to_owned(),
            "no-queue" | "queue-closed" => "`levada queues` lists the queues.".to_owned(),
            "unsupported-type" => "Give the media type of the input with --type.".to_owned(),
            "idempotency-key-reused" => "Give another --key, or none.".to_owned(),
            "timeout" | "cancelled" | "command-out-of-step" | "interrupted-too-often" => {
                format!("`levada retry {id}` runs it again.")
            }
            "interrupted" => format!("`levada result {id} --wait 10m` waits for it."),
            "result-gone" | "result-lost" | "input-gone" => "Submit the input again.".to_owned(),
            "not-retryable" | "already-ended" => format!("`levada status {id}` shows its state."),
            _ => return None,
        };
        Some(advice)
    }
}

/// The exit code for how a command ended.
fn ended(exit_code: Option<i32>, signal: Option<i32>) -> u8 {
    let signalled = || u8::try_from(signal?).ok()?.checked_add(code::SIGNAL);
    let code = exit_code.and_then(|code| u8::try_from(code).ok()).or_else(signalled);
    code.filter(|code| *code != 0).unwrap_or(code::FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Problem {
        Problem::read(status, body.as_bytes(), None)
    }

    #[test]
    fn exit_codes() {
        let failed = |rest: &str| {
            read(500, &format!(r#"{{"type":"urn:levada:problem:command-failed"{rest}}}"#)).code()
        };
        assert_eq!(failed(r#","exit_code":3"#), 3);
        assert_eq!(failed(r#","exit_code":255"#), 255);
        assert_eq!(failed(r#","signal":9"#), 137);
        assert_eq!(failed(""), code::FAILED);
        assert_eq!(failed(r#","exit_code":0"#), code::FAILED, "a failure is never a success");
        assert_eq!(failed(r#","signal":200"#), code::FAILED);
        let other =
            |kind: &str| read(400, &format!(r#"{{"type":"urn:levada:problem:{kind}"}}"#)).code();
        assert_eq!(other("timeout"), 124);
        assert_eq!(other("no-job"), 66);
        assert_eq!(other("unauthorized"), 77);
        assert_eq!(other("something-new"), 1);
        assert_eq!(read(403, "").code(), 77);
        let soon = Some(Duration::from_secs(2));
        let full = br#"{"type":"urn:levada:problem:queue-full"}"#;
        assert_eq!(Problem::read(503, full, soon).code(), 75);
    }

    #[test]
    fn answers_of_others() {
        for body in
            ["", "<html>\nBad gateway", "{}", "[1]", r#"{"type":"about:blank"}"#, "{\"type\":3}"]
        {
            let problem = read(502, body);
            assert!(problem.title.contains("not from levada"), "{problem:?}");
            assert!(problem.detail.contains("502") && problem.raw.is_none(), "{problem:?}");
            assert!(problem.is_of_gateway() && !read(500, body).is_of_gateway());
        }
    }
}
