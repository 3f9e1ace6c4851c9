//! What a delivered message says about itself.

use super::headers::{ATTEMPTS, ID, LIMIT, ORIGINAL_ID, SENT_AT};
use async_nats::{HeaderMap, Message};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a message says about itself, in its headers and in the subject of its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Its number in the stream.
    pub(super) seq: u64,
    /// Nanoseconds since 1970 at which the stream stored it. With `seq` it names the message, also
    /// when a stream of the same name was deleted and made again.
    stored_at: u64,
    /// From 1. Those before it came into this stream count.
    pub(super) attempt: u64,
    /// The last attempt, if it is not the queue's.
    pub(super) limit: Option<u64>,
    /// The id it was first sent with.
    pub(super) id: Option<String>,
    /// When a queue of this name first stored it.
    pub(super) sent_at: SystemTime,
}

impl Meta {
    /// `None` if this is no message of a consumer with explicit acknowledgements.
    pub(super) fn read(message: &Message) -> Option<Self> {
        let (seq, delivered, stored_at) = position(message.reply.as_ref()?)?;
        let headers = message.headers.as_ref();
        let text = |name| headers.and_then(|headers: &HeaderMap| headers.get_last(name));
        let number = |name| text(name).and_then(|value| value.as_str().parse::<u64>().ok());
        let id = text(ORIGINAL_ID).or_else(|| text(ID));
        // Only what was in another stream meanwhile has a time of its own.
        let sent_at =
            number(SENT_AT).map_or(Duration::from_nanos(stored_at), Duration::from_millis);
        Some(Self {
            seq,
            stored_at,
            attempt: delivered.saturating_add(number(ATTEMPTS).unwrap_or(0)),
            limit: number(LIMIT),
            id: id.map(|id| id.as_str().to_owned()),
            sent_at: UNIX_EPOCH.checked_add(sent_at).unwrap_or(UNIX_EPOCH),
        })
    }

    /// Names the message among all that a stream of this name ever had.
    pub(super) fn unique(&self) -> String {
        format!("{}-{}", self.stored_at, self.seq)
    }
}

/// The number in the stream, the count of deliveries and the time of storage, from the subject
/// of an acknowledgement: nine parts, or eleven and more with a domain and an account (ADR-15).
fn position(reply: &str) -> Option<(u64, u64, u64)> {
    let parts: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
    let numbers = match parts.len() {
        7 => &parts[2..],
        9.. => &parts[4..],
        _ => return None,
    };
    let number = |i: usize| numbers[i].parse().ok();
    Some((number(1)?, number(0)?, number(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_acknowledgement_are_read() {
        let old = "$JS.ACK.stream.receivers.3.100.7.1790230470084404000.42";
        assert_eq!(position(old), Some((100, 3, 1_790_230_470_084_404_000)));
        let new = "$JS.ACK._.szMpdrwD.stream.receivers.3.100.7.1790230470084404000.42";
        assert_eq!(position(new), position(old));
        assert_eq!(position(&format!("{new}.token")), position(old));
        for other in ["", "$JS.ACK.stream", "_INBOX.a.b", "$JS.ACK.s.c.x.1.2.3.4"] {
            assert_eq!(position(other), None, "{other}");
        }
    }

    #[test]
    fn attempts_in_headers_are_added() {
        let mut headers = HeaderMap::new();
        headers.insert(ATTEMPTS, "4");
        headers.insert(ID, "delayed-1");
        headers.insert(ORIGINAL_ID, "order-7");
        headers.insert(SENT_AT, "1500");
        let message = Message {
            subject: "levada.queue.jobs.0".into(),
            reply: Some("$JS.ACK.s.c.2.9.7.1000.0".into()),
            payload: bytes::Bytes::new(),
            headers: Some(headers),
            status: None,
            description: None,
            length: 0,
        };
        let meta = Meta::read(&message).unwrap();
        assert_eq!((meta.seq, meta.attempt, meta.limit), (9, 6, None));
        assert_eq!(meta.id.as_deref(), Some("order-7"));
        assert_eq!(meta.sent_at, UNIX_EPOCH + Duration::from_millis(1500));
        let plain = Message { headers: None, ..message };
        assert_eq!(Meta::read(&plain).unwrap().sent_at, UNIX_EPOCH + Duration::from_nanos(1000));
        assert_eq!(meta.unique(), "1000-9");
    }
}
