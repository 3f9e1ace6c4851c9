//! Problems: every answer that is not a success, as RFC 9457 `application/problem+json`.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::job::JobId;

/// Carries the id of the job that an answer belongs to.
pub(crate) const JOB_ID: HeaderName = HeaderName::from_static("levada-job-id");

/// What went wrong, for programs (`type`, `status`, extension members) and people (the rest).
#[derive(Debug)]
pub(crate) struct Problem(Box<Members>);

#[derive(Debug, Serialize)]
struct Members {
    #[serde(rename = "type", serialize_with = "urn")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_tail: Option<Box<str>>,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of type `urn:levada:problem:KIND`.
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Members {
            kind,
            title,
            status,
            detail: detail.into(),
            job_id: None,
            exit_code: None,
            signal: None,
            attempt: None,
            stderr_tail: None,
            retry_after: None,
            header: None,
        }))
    }

    pub(crate) fn job(mut self, id: JobId) -> Self {
        self.0.job_id = Some(id);
        self
    }

    /// How the last of so many runs ended.
    pub(crate) fn run(mut self, attempt: u32, exit_code: Option<i32>, signal: Option<i32>) -> Self {
        self.0.attempt = Some(attempt);
        self.0.exit_code = exit_code;
        self.0.signal = signal;
        self
    }

    pub(crate) fn stderr_tail(mut self, text: String) -> Self {
        self.0.stderr_tail = Some(text.into());
        self
    }

    /// Says something else to people.
    pub(crate) fn detail(mut self, detail: &str) -> Self {
        self.0.detail = detail.to_owned();
        self
    }

    /// A header that goes with it.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// Seconds after which it is worth trying again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The last part of the type.
    pub(crate) fn kind(&self) -> &'static str {
        self.0.kind
    }
}

/// `detail` names the header.
pub(super) fn bad_header(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-header", "A header cannot be understood", detail)
}

pub(super) fn bad_query(detail: &str) -> Problem {
    let status = StatusCode::BAD_REQUEST;
    Problem::new(status, "bad-query", "The query is invalid", format!("{detail}."))
}

pub(super) async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "Not found",
        format!("{:?} is not a path; POST / runs the command.", uri.path()),
    )
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed",
        format!("{} does not support {method}; see the Allow header.", uri.path()),
    )
}

fn urn<S: serde::Serializer>(kind: &&'static str, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("urn:levada:problem:{kind}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl JobId {
    /// As the value of [`JOB_ID`].
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("hexadecimal digits and dashes")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let members = *self.0;
        let body = serde_json::to_vec(&members).expect("strings and numbers are valid JSON");
        let mut response = (members.status, body).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = members.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(id) = members.job_id {
            headers.insert(JOB_ID, id.header());
        }
        if let Some((name, value)) = members.header {
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn body_and_headers() {
        let response = Problem::new(StatusCode::BAD_REQUEST, "some-kind", "Title", "Detail.")
            .job(JobId::from_bytes([0; 16]))
            .run(2, Some(64), None)
            .stderr_tail("line\n".to_owned())
            .retry_after(3)
            .into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
        assert_eq!(response.headers()[JOB_ID], "00000000-0000-0000-0000-000000000000");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"type":"urn:levada:problem:some-kind","title":"Title","status":400,"detail":"Detail.","job_id":"00000000-0000-0000-0000-000000000000","exit_code":64,"attempt":2,"stderr_tail":"line\n"}"#
        );
    }
}
