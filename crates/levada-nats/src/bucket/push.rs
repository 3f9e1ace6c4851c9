//! What a bucket pushes.

use async_nats::header::{
    HeaderMap, NATS_MARKER_REASON, NATS_MESSAGE_TTL, NATS_SEQUENCE, NATS_STREAM, NATS_SUBJECT,
};
use async_nats::{HeaderValue, Message};
use bytes::Bytes;
use std::time::Duration;

/// Which operation a message of a bucket stands for; without it, it holds a value.
pub(super) const OPERATION: &str = "KV-Operation";

/// A message that a bucket has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) key: String,
    pub(crate) revision: u64,
    /// The value, or `None` if the key was removed.
    pub(crate) value: Option<Bytes>,
    /// After how long it expires, as far as the message says so in whole seconds.
    pub(crate) ttl: Option<Duration>,
}

/// The push that this message is, if it is one of this stream.
pub(super) fn parse(message: &Message, stream: &str, prefix: &str) -> Option<Pushed> {
    let headers = message.headers.as_ref()?;
    let header = |name| headers.get(name).map(HeaderValue::as_str);
    // Other clients may publish to the subject of the pushes.
    if header(NATS_STREAM)? != stream {
        return None;
    }
    let key = header(NATS_SUBJECT)?.strip_prefix(prefix)?.to_owned();
    let revision = header(NATS_SEQUENCE)?.parse().ok()?;
    let value = (!removes(headers)).then(|| message.payload.clone());
    let ttl = header(NATS_MESSAGE_TTL).and_then(|seconds| seconds.parse().ok());
    Some(Pushed { key, revision, value, ttl: ttl.map(Duration::from_secs) })
}

/// Whether a message of a bucket stands for the removal of its key.
pub(super) fn removes(headers: &HeaderMap) -> bool {
    let operation = headers.get(OPERATION).map(HeaderValue::as_str);
    matches!(operation, Some("DEL" | "PURGE")) || headers.get(NATS_MARKER_REASON).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &[(&'static str, &str)]) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, *value);
        }
        Message {
            subject: "levada.cell.config".into(),
            reply: None,
            payload: Bytes::from_static(b"7"),
            headers: Some(map),
            status: None,
            description: None,
            length: 0,
        }
    }

    const OURS: [(&str, &str); 3] =
        [("Nats-Stream", "KV_a"), ("Nats-Subject", "$KV.a.value"), ("Nats-Sequence", "12")];

    #[test]
    fn a_push_has_its_key_its_revision_and_its_value() {
        let pushed = parse(&message(&OURS), "KV_a", "$KV.a.").unwrap();
        assert_eq!((pushed.key.as_str(), pushed.revision), ("value", 12));
        assert_eq!(pushed.value, Some(Bytes::from_static(b"7")));
        assert_eq!(pushed.ttl, None);
        let expiring =
            parse(&message(&[&OURS[..], &[("Nats-TTL", "15")]].concat()), "KV_a", "$KV.a.");
        assert_eq!(expiring.unwrap().ttl, Some(Duration::from_secs(15)));
        for marker in
            [("KV-Operation", "DEL"), ("KV-Operation", "PURGE"), ("Nats-Marker-Reason", "MaxAge")]
        {
            let headers = [&OURS[..], &[marker]].concat();
            assert_eq!(parse(&message(&headers), "KV_a", "$KV.a.").unwrap().value, None);
        }
    }

    #[test]
    fn what_is_no_push_of_this_stream_is_left_out() {
        assert_eq!(parse(&message(&OURS), "KV_b", "$KV.b."), None);
        assert_eq!(parse(&message(&OURS[..2]), "KV_a", "$KV.a."), None);
        let wrong = [OURS[0], OURS[1], ("Nats-Sequence", "x")];
        assert_eq!(parse(&message(&wrong), "KV_a", "$KV.a."), None);
        let bare = Message { headers: None, ..message(&[]) };
        assert_eq!(parse(&bare, "KV_a", "$KV.a."), None);
    }
}
