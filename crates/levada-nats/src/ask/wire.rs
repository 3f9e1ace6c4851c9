//! What askers and answerers send to each other.
//!
//! | to | message | contents |
//! |---|---|---|
//! | `NAMESPACE.ask.NAME`, one of the group | a question | its bytes; [`WITHIN`] |
//! | `ASKER.ID` | the answer, or a [`Refusal`] | its bytes, or the service error headers |
//! | `ASKER.held` | "I hold these questions of yours" | ids |
//! | `ANSWERER.asked` | "I wait for answers to these" | ids |
//! | `ANSWERER.ASKER`, `ASKER.ANSWERER` | the reply to one of those | ids it does not know |
//! | `ANSWERER.filled` | an answerer to itself, see `group.rs` | nothing |
//! | `ANSWERER.cancel` or `NAMESPACE.ask.NAME.cancel` | "I cancel these" | the asker, ids |
//!
//! ASKER and ANSWERER are inboxes, subjects that nothing else receives from. Where they stand
//! behind another one, their last token is meant. A program without this crate asks by a plain
//! request, and is asked by one.

use async_nats::{HeaderMap, HeaderName};
use bytes::{BufMut, Bytes, BytesMut};
use std::time::Duration;

/// The header of a question with the time that its asker still waits, in microseconds.
pub(super) const WITHIN: HeaderName = HeaderName::from_static("Levada-Within");

/// The headers of errors of NATS services.
const ERROR: HeaderName = HeaderName::from_static("Nats-Service-Error");
const ERROR_CODE: HeaderName = HeaderName::from_static("Nats-Service-Error-Code");

/// The longest reason that is sent, in characters: what a codec says may quote the whole message.
const REASON: usize = 512;

/// The group that all answerers of a name form: each question goes to one of them.
pub(super) const GROUP: &str = "answerers";

/// The third tokens.
pub(super) const HELD: &str = "held";
pub(super) const ASKED: &str = "asked";
pub(super) const CANCEL: &str = "cancel";
pub(super) const FILLED: &str = "filled";

/// How many ids one message has at most: 64 KiB.
pub(super) const IDS: usize = 8192;

/// Where questions are cancelled whose answerer the asker does not know.
pub(super) fn cancel_subject(questions: &str) -> String {
    format!("{questions}.{CANCEL}")
}

/// A deadline as a header, and back.
pub(super) fn within_header(within: Duration) -> String {
    u64::try_from(within.as_micros()).unwrap_or(u64::MAX).to_string()
}

pub(super) fn within(headers: Option<&HeaderMap>) -> Option<Duration> {
    let value = headers?.get(WITHIN)?;
    value.as_str().parse().ok().map(Duration::from_micros)
}

/// Inbox and last token: `_INBOX.a` and `7`.
pub(super) fn split(subject: &str) -> Option<(&str, &str)> {
    subject.rsplit_once('.')
}

/// The last token of an inbox, which no other inbox has.
pub(super) fn token(inbox: &str) -> &str {
    split(inbox).map_or(inbox, |(_, token)| token)
}

pub(super) fn ids(ids: &[u64]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ids.len() * 8);
    ids.iter().for_each(|id| bytes.put_u64(*id));
    bytes.freeze()
}

/// What is no whole id is ignored.
pub(super) fn parse_ids(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks::<8>().0.iter().map(|id| u64::from_be_bytes(*id))
}

/// The asker's inbox, a line break, and ids.
pub(super) fn cancellation(inbox: &str, ids: &[u64]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(inbox.len() + 1 + ids.len() * 8);
    bytes.put_slice(inbox.as_bytes());
    bytes.put_u8(b'\n');
    ids.iter().for_each(|id| bytes.put_u64(*id));
    bytes.freeze()
}

pub(super) fn parse_cancellation(bytes: &[u8]) -> Option<(&str, impl Iterator<Item = u64>)> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    let inbox = std::str::from_utf8(&bytes[..at]).ok()?;
    Some((inbox, parse_ids(&bytes[at + 1..])))
}

/// A reply that is no answer. The codes are those of HTTP; the headers are those of NATS services,
/// so that their tools show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) const DROPPED: u16 = 410;
    pub(super) const BUSY: u16 = 429;
    pub(super) const LEAVING: u16 = 421;

    pub(super) fn dropped() -> Self {
        let reason = "the answerer dropped the question without an answer".to_owned();
        Self { code: Self::DROPPED, reason }
    }

    pub(super) fn busy() -> Self {
        Self { code: Self::BUSY, reason: "the answerer has no free seat".to_owned() }
    }

    /// The question came while the answerer left, and is for another one.
    pub(super) fn leaving() -> Self {
        Self { code: Self::LEAVING, reason: "the answerer is leaving".to_owned() }
    }

    /// The answerer cannot read the question.
    pub(super) fn unreadable(error: &dyn std::fmt::Display) -> Self {
        Self { code: 400, reason: format!("the answerer cannot read the question: {error}") }
    }

    /// The answerer has an answer, and cannot send it.
    pub(super) fn unsendable(error: &dyn std::fmt::Display) -> Self {
        Self { code: 500, reason: format!("the answerer cannot send its answer: {error}") }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ERROR_CODE, self.code.to_string());
        // A header has no line breaks.
        let line_break = |c: char| c == '\r' || c == '\n';
        let reason = self.reason.chars().map(|c| if line_break(c) { ' ' } else { c });
        let reason: String = reason.take(REASON).collect();
        headers.insert(ERROR, reason);
        headers
    }

    pub(super) fn parse(headers: Option<&HeaderMap>) -> Option<Self> {
        let headers = headers?;
        let reason = headers.get(ERROR);
        let code = headers.get(ERROR_CODE);
        if reason.is_none() && code.is_none() {
            return None;
        }
        let code = code.and_then(|code| code.as_str().parse().ok()).unwrap_or(500);
        let reason = reason.map_or_else(String::new, |reason| reason.as_str().to_owned());
        Some(Self { code, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive() {
        let list = [0, 1, u64::MAX];
        assert_eq!(parse_ids(&ids(&list)).collect::<Vec<_>>(), list);
        assert_eq!(parse_ids(b"\0\0\0\0\0\0\0\x07rest").collect::<Vec<_>>(), [7]);
        let bytes = cancellation("_INBOX.a", &list);
        let (inbox, parsed) = parse_cancellation(&bytes).unwrap();
        assert_eq!((inbox, parsed.collect::<Vec<_>>()), ("_INBOX.a", list.to_vec()));
        assert!(parse_cancellation(b"no line break").is_none());
        assert!(parse_cancellation(b"\xff\n").is_none());
    }

    #[test]
    fn a_refusal_survives() {
        let refusal = Refusal::unreadable(&"line one\nline two");
        let parsed = Refusal::parse(Some(&refusal.headers())).unwrap();
        assert_eq!(parsed.code, 400);
        assert!(parsed.reason.ends_with("line one line two"), "{}", parsed.reason);
        assert_eq!(Refusal::parse(Some(&HeaderMap::new())), None);
        assert_eq!(Refusal::parse(None), None);
    }

    #[test]
    fn a_deadline_survives() {
        for text in ["", "-1", "1.5", "x", "99999999999999999999"] {
            let mut headers = HeaderMap::new();
            headers.insert(WITHIN, text);
            assert_eq!(within(Some(&headers)), None, "{text}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(WITHIN, within_header(Duration::from_millis(1500)));
        assert_eq!(within(Some(&headers)), Some(Duration::from_millis(1500)));
        headers.insert(WITHIN, within_header(Duration::MAX));
        assert_eq!(within(Some(&headers)), Some(Duration::from_micros(u64::MAX)));
    }
}
