//! Problems: every answer that is not a success, as RFC 9457 `application/problem+json`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::jobs::job::JobId;

/// Carries the id of the job that an answer belongs to.
pub(crate) const JOB_ID: HeaderName = HeaderName::from_static("levada-job-id");

/// What went wrong, for programs (`type`, `status`, extension members) and people (the rest).
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
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
    stderr_tail: Option<Box<str>>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem of type `urn:levada:problem:KIND`.
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            job_id: None,
            exit_code: None,
            signal: None,
            stderr_tail: None,
            retry_after: None,
        }
    }

    pub(crate) fn job(self, id: JobId) -> Self {
        Self { job_id: Some(id), ..self }
    }

    pub(crate) fn exit_code(self, code: i32) -> Self {
        Self { exit_code: Some(code), ..self }
    }

    pub(crate) fn signal(self, signal: i32) -> Self {
        Self { signal: Some(signal), ..self }
    }

    pub(crate) fn stderr_tail(self, text: String) -> Self {
        Self { stderr_tail: Some(text.into()), ..self }
    }

    /// Seconds after which it is worth trying again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The last part of the type.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }
}

fn urn<S: serde::Serializer>(kind: &&'static str, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("urn:levada:problem:{kind}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings and numbers are valid JSON");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(id) = self.job_id {
            headers.insert(JOB_ID, id.0.into());
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
            .job(JobId(5))
            .exit_code(64)
            .stderr_tail("line\n".to_owned())
            .retry_after(3)
            .into_response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "3");
        assert_eq!(response.headers()[JOB_ID], "5");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"type":"urn:levada:problem:some-kind","title":"Title","status":400,"detail":"Detail.","job_id":5,"exit_code":64,"stderr_tail":"line\n"}"#
        );
    }
}
