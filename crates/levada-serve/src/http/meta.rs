//! What a submission says besides its body.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::headers::{IDEMPOTENCY_KEY, idempotency_key, is_traceparent, traceparent};
use super::problem::{Problem, bad_header};
use crate::config::QueueConfig;
use crate::job::IdempotencyKey;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// What a request says besides its body.
pub(super) struct RequestMeta {
    pub(super) input_type: Option<String>,
    pub(super) key: Option<String>,
    pub(super) trace: Option<String>,
}

impl RequestMeta {
    /// What the headers say, if the queue takes such a request.
    pub(super) fn read(headers: &HeaderMap, config: &QueueConfig) -> Result<Self, Problem> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        if encodings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            let detail = "The body has a Content-Encoding; send it without one.";
            return Err(unsupported(detail)
                .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        let input_type = match headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) {
            None => None,
            Some(Ok(text)) => Some(text.to_owned()),
            Some(Err(_)) => {
                return Err(bad_header(
                    "Content-Type has characters that a media type cannot have.",
                ));
            }
        };
        if !config.accepts(headers.get(header::CONTENT_TYPE)) {
            let types =
                config.accept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let detail = format!(
                "The queue accepts {types}, not {:?}.",
                input_type.as_deref().unwrap_or("application/octet-stream")
            );
            let types = HeaderValue::try_from(types).unwrap_or(HeaderValue::from_static("*/*"));
            return Err(unsupported(detail).header(ACCEPT_POST, types));
        }
        let key = match headers.get(IDEMPOTENCY_KEY) {
            Some(value) => Some(idempotency_key(value)?),
            None if config.require_key => {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "idempotency-key-missing",
                    "The request has no key",
                    "The queue requires an Idempotency-Key header on every submission.",
                ));
            }
            None => None,
        };
        // W3C Trace Context: what is malformed is ignored.
        let trace = traceparent(headers).filter(|text| is_traceparent(text));
        Ok(Self { input_type, key, trace: trace.map(str::to_owned) })
    }

    /// What makes this request the same as another one of the client to the queue, if it has a key;
    /// `digest` is the SHA-256 of its body.
    pub(super) fn idempotency_key(
        &self,
        client: &str,
        queue: &str,
        digest: Option<[u8; 32]>,
    ) -> Option<IdempotencyKey> {
        let (key, body) = self.key.as_deref().zip(digest)?;
        let input_type = self.input_type.as_deref().unwrap_or_default();
        Some(IdempotencyKey {
            name: hash(&[client.as_bytes(), queue.as_bytes(), key.as_bytes()]),
            content: hash(&[input_type.as_bytes(), &body]),
        })
    }
}

/// Of all parts, each with its length.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn unsupported(detail: impl Into<String>) -> Problem {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Problem::new(status, "unsupported-type", "The type of the body is not accepted", detail)
}
