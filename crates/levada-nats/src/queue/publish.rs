//! One publish, and what the server's answer means.

use super::encode::{Encoded, Unstored};
use super::{Accepted, Shared};
use crate::connection::{Ack, NoAck};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Message, RequestErrorKind};
use bytes::Bytes;
use tokio::time::Instant;

/// What came of a publish.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Accepted(T),
    /// There was no room.
    Full,
    /// The server answered that it does not take it now: a leader is being elected.
    NotNow,
    /// No server answers for the subject: the stream is gone, or has no leader.
    NoResponders,
    /// One of the batch is in the queue already.
    Duplicate,
    /// Another message came between it and the one before it.
    Interrupted,
    /// No answer came: it may be stored.
    Unknown,
    /// The server will not take it later, either.
    Refused(String),
}

/// Since when the message may be in the queue without the sender's knowledge.
#[derive(Default)]
pub(super) struct Doubt {
    pub(super) since: Option<Instant>,
}

impl Doubt {
    /// What is sent from now on may be stored, until [`settle`](Self::settle) takes it back.
    pub(super) fn begin(&mut self) -> Option<Instant> {
        let before = self.since;
        self.since.get_or_insert_with(Instant::now);
        before
    }

    /// The server has answered: what was in doubt before remains so. The earlier copy may be in
    /// a buffer somewhere between, and this answer says nothing about it.
    pub(super) fn settle<T>(&mut self, before: Option<Instant>, outcome: &Outcome<T>) {
        if !matches!(outcome, Outcome::Unknown) {
            self.since = before;
        }
    }
}

/// Publishes the message once, and waits for the answer until the limit.
pub(super) async fn publish<T>(
    shared: &Shared<T>,
    message: &mut Encoded,
    doubt: &mut Doubt,
    limit: Instant,
) -> Outcome<Accepted> {
    if let Err(error) = message.pack(shared, limit).await {
        return error.into();
    }
    let before = doubt.begin();
    let answer = request(shared, message.headers(), message.payload(), limit).await;
    let outcome = acknowledged(answer.as_ref());
    doubt.settle(before, &outcome);
    // A duplicate of another send has an object of its own; one of this send has this one.
    if before.is_none() && matches!(&outcome, Outcome::Accepted(accepted) if accepted.duplicate) {
        message.clean(shared).await;
    }
    outcome
}

/// Sends to the queue's subject, and waits for the answer: as long as the connection lasts, and not
/// longer than requests may take, or until the limit.
pub(super) async fn request<T>(
    shared: &Shared<T>,
    headers: HeaderMap,
    payload: Bytes,
    limit: Instant,
) -> Result<Message, RequestErrorKind> {
    let limit = limit.min(Instant::now() + shared.connection.request_timeout());
    let subject = shared.subjects.messages.clone();
    shared.connection.request(subject, Some(headers), payload, limit).await
}

/// What the answer to a message means that was to be stored.
pub(super) fn acknowledged(answer: Result<&Message, &RequestErrorKind>) -> Outcome<Accepted> {
    match answer {
        Ok(message) => read(&message.payload),
        Err(kind) => unanswered(*kind),
    }
}

fn read(answer: &[u8]) -> Outcome<Accepted> {
    match Ack::read(answer) {
        Ok(Ack { seq, duplicate }) => Outcome::Accepted(Accepted { seq, duplicate }),
        Err(NoAck::Refused(error)) => refused(&error),
        Err(NoAck::Unreadable(reason)) => Outcome::Refused(reason),
    }
}

pub(super) fn unanswered<T>(kind: RequestErrorKind) -> Outcome<T> {
    match kind {
        RequestErrorKind::NoResponders => Outcome::NoResponders,
        RequestErrorKind::MaxPayloadExceeded => {
            Outcome::Refused("the message is larger than the server takes now".to_owned())
        }
        RequestErrorKind::InvalidSubject => Outcome::Refused("the subject is invalid".to_owned()),
        RequestErrorKind::TimedOut | RequestErrorKind::Other => Outcome::Unknown,
    }
}

/// What a refusal means.
pub(super) fn refused<T>(error: &jetstream::Error) -> Outcome<T> {
    let text = error.to_string();
    match error.error_code() {
        // The code of every failure to store; only its text tells them apart.
        ErrorCode::STREAM_STORE_FAILED if is_full(&text) => Outcome::Full,
        ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => Outcome::Duplicate,
        ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID => Outcome::Interrupted,
        ErrorCode::STREAM_NOT_FOUND => Outcome::NoResponders,
        ErrorCode::CLUSTER_NOT_AVAILABLE
        | ErrorCode::CLUSTER_NOT_LEADER
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_TOO_MANY_REQUESTS
        | ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH
        | ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT => Outcome::NotNow,
        // A copy of it is on its way through the cluster, and may not arrive.
        ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT => Outcome::Unknown,
        // What Raft says when it cannot take a proposal has no code.
        ErrorCode(0) if error.code() == 503 => Outcome::NotNow,
        _ => Outcome::Refused(text),
    }
}

/// `maximum messages exceeded`, `maximum bytes exceeded`, `maximum messages per subject exceeded`.
fn is_full(text: &str) -> bool {
    text.starts_with("maximum ") && text.contains(" exceeded")
}

impl<T> From<Unstored> for Outcome<T> {
    fn from(error: Unstored) -> Self {
        match error {
            Unstored::NotNow => Self::NotNow,
            Unstored::Refused(reason) => Self::Refused(reason),
        }
    }
}

impl<T> Outcome<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Accepted(value) => Outcome::Accepted(f(value)),
            Self::Full => Outcome::Full,
            Self::NotNow => Outcome::NotNow,
            Self::NoResponders => Outcome::NoResponders,
            Self::Duplicate => Outcome::Duplicate,
            Self::Interrupted => Outcome::Interrupted,
            Self::Unknown => Outcome::Unknown,
            Self::Refused(reason) => Outcome::Refused(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(code: u32, err_code: u32, description: &str) -> Outcome<Accepted> {
        let json = format!(
            r#"{{"error":{{"code":{code},"err_code":{err_code},"description":"{description}"}},"stream":"s","seq":0}}"#
        );
        read(json.as_bytes())
    }

    #[test]
    fn a_full_queue_is_not_a_full_disk() {
        for limit in ["messages", "bytes", "messages per subject"] {
            let outcome = outcome(503, 10_077, &format!("maximum {limit} exceeded"));
            assert!(matches!(outcome, Outcome::Full), "{limit}: {outcome:?}");
        }
        let outcome = outcome(503, 10_077, "no space left on device");
        assert!(matches!(&outcome, Outcome::Refused(reason) if reason.contains("no space")));
    }

    #[test]
    fn an_election_is_waited_for() {
        for (code, err_code) in [(503, 10_008), (500, 10_009), (503, 0), (429, 10_210)] {
            let outcome = outcome(code, err_code, "something");
            assert!(matches!(outcome, Outcome::NotNow), "{err_code}: {outcome:?}");
        }
        assert!(matches!(outcome(409, 10_158, "in process"), Outcome::Unknown));
        assert!(matches!(outcome(400, 10_201, "duplicate"), Outcome::Duplicate));
        assert!(matches!(outcome(500, 10_002, "resource limits"), Outcome::Refused(_)));
    }
}
