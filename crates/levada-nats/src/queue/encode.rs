//! A message as the server takes it: an id, bytes, headers.

use super::error::Cause;
use super::{Capacity, Shared, headers};
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

const ID: HeaderName = HeaderName::from_static(headers::ID);
const SENT_AT: HeaderName = HeaderName::from_static(headers::SENT_AT);

/// What a stream adds to the bytes of a message at least, when it counts them.
const STORED_OVERHEAD: usize = 22;

/// What the headers of a batch add: their names, an id of 22 characters, a number, `1`.
const BATCH_HEADERS: usize = 110;

/// A message as the server takes it. It stays the same when it is sent again.
pub(super) struct Encoded {
    pub(super) id: String,
    pub(super) payload: Bytes,
    /// Milliseconds since 1970-01-01 UTC.
    sent_at: u128,
}

impl Encoded {
    /// Encodes the message. An error says why the server would not take it.
    pub(super) fn new<T: 'static>(
        shared: &Shared<T>,
        message: &T,
        id: String,
    ) -> Result<Self, Cause> {
        check_id(&id)?;
        let payload = shared.codec.encode(message).map_err(Cause::Encode)?;
        let sent_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let encoded = Self { id, payload, sent_at };
        // Larger payloads fail here, before a server closes the connection because of them.
        let size = encoded.size() + BATCH_HEADERS;
        let limit = shared.connection.client().max_payload();
        if size > limit {
            return Err(Cause::TooLarge { size, limit });
        }
        if let Capacity::Bytes(capacity) = shared.capacity {
            let size = encoded.size() + STORED_OVERHEAD;
            let limit = usize::try_from(capacity).unwrap_or(usize::MAX);
            if size > limit {
                return Err(Cause::TooLarge { size, limit });
            }
        }
        Ok(encoded)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, self.id.as_str());
        headers.insert(SENT_AT, self.sent_at.to_string());
        headers
    }

    /// The bytes of headers and payload on the wire.
    pub(super) fn size(&self) -> usize {
        let line = |name: &str, len: usize| name.len() + ": ".len() + len + "\r\n".len();
        let sent_at = self.sent_at.checked_ilog10().unwrap_or(0) as usize + 1;
        "NATS/1.0\r\n\r\n".len()
            + line(headers::ID, self.id.len())
            + line(headers::SENT_AT, sent_at)
            + self.payload.len()
    }
}

/// A fresh id: a NUID, which is what the client's inboxes end on.
pub(super) fn fresh_id(client: &async_nats::Client) -> String {
    let inbox = client.new_inbox();
    inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
}

/// The server trims ids, and takes an empty one for none; a line break would end the header.
fn check_id(id: &str) -> Result<(), Cause> {
    let wrong = if id.is_empty() {
        "it is empty"
    } else if id.chars().any(char::is_control) {
        "it has a control character"
    } else if id.trim() != id {
        "it begins or ends with a space"
    } else {
        return Ok(());
    };
    Err(Cause::Refused(format!("{id:?} cannot be an id: {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_the_server_would_read_otherwise_is_refused() {
        for wrong in ["", " a", "a ", "a\r\nNats-Rollup: all", "\u{7f}", "\t"] {
            let cause = check_id(wrong).unwrap_err();
            assert!(matches!(&cause, Cause::Refused(reason) if reason.contains("id")), "{wrong:?}");
        }
        for right in ["a", "order 7", "größe", "a:b"] {
            assert!(check_id(right).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn the_size_counts_every_byte_of_the_headers() {
        let encoded =
            Encoded { id: "seven".into(), payload: Bytes::from_static(b"1234"), sent_at: 1_234 };
        let text = "NATS/1.0\r\nNats-Msg-Id: seven\r\nLevada-Sent-At: 1234\r\n\r\n1234";
        assert_eq!(encoded.size(), text.len());
    }
}
