//! A message as the server takes it: an id, bytes, headers.

use super::error::Cause;
use super::{Capacity, Shared, headers};
use crate::OpenError;
use crate::payload::{Packed, PayloadError};
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

const ID: HeaderName = HeaderName::from_static(headers::ID);
const OBJECT: HeaderName = HeaderName::from_static(headers::OBJECT);

/// What a stream adds to the bytes of a message at least, when it counts them.
const STORED_OVERHEAD: usize = 22;

/// What is kept free for other headers: those of a batch, and the name of an object.
const OTHER_HEADERS: usize = 512;

/// How long a send that has failed takes to delete its object. Receivers delete what is left.
const CLEANING: Duration = Duration::from_secs(1);

/// A message as the server takes it. It stays the same when it is sent again.
pub(super) struct Encoded {
    pub(super) id: String,
    bytes: Bytes,
    /// What is published instead of the bytes: they may be in an object.
    packed: Option<Packed>,
}

/// Why an object could not be stored.
pub(super) enum Unstored {
    NotNow,
    Refused(String),
}

impl Encoded {
    /// Encodes the message. An error says why the server would not take it.
    pub(super) fn new<T: 'static>(
        shared: &Shared<T>,
        message: &T,
        id: String,
    ) -> Result<Self, Cause> {
        check_id(&id)?;
        let bytes = shared.codec.encode(message).map_err(Cause::Encode)?;
        let encoded = Self { id, bytes, packed: None };
        // Bytes may be in an object, headers may not.
        let size = encoded.size() - encoded.bytes.len() + OTHER_HEADERS;
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

    /// Stores the object of a message that is larger than the server takes, unless it is stored.
    pub(super) async fn pack<T>(
        &mut self,
        shared: &Shared<T>,
        limit: Instant,
    ) -> Result<(), Unstored> {
        let objects = &shared.stores.queue;
        if objects.fits(self.size()) || self.packed.as_ref().is_some_and(Packed::is_fresh) {
            return Ok(());
        }
        self.packed = None;
        let mut headers = self.headers();
        match timeout_at(limit, objects.pack(self.bytes.clone(), &mut headers)).await {
            Ok(Ok(packed)) => {
                self.packed = Some(packed);
                Ok(())
            }
            Ok(Err(
                PayloadError::Server { .. } | PayloadError::Open(OpenError::NoAnswer { .. }),
            ))
            | Err(_) => Err(Unstored::NotNow),
            Ok(Err(error)) => Err(Unstored::Refused(error.to_string())),
        }
    }

    /// Deletes the object, if the message has one. No message in the queue has it.
    pub(super) async fn clean<T>(&mut self, shared: &Shared<T>) {
        let packed = self.packed.take();
        if let Some(object) = packed.and_then(|packed| packed.reference) {
            // Receivers delete it later if this does not.
            // In a box, so that the future of a usual send is small.
            let deleting = Box::pin(shared.stores.queue.delete(&object));
            let deleted = timeout(CLEANING, deleting).await;
            tracing::debug!(queue = shared.name.as_str(), ?deleted, "the object of a failed send");
        }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, self.id.as_str());
        if let Some(object) = self.packed.as_ref().and_then(|packed| packed.reference.as_ref()) {
            headers.insert(OBJECT, object.to_string());
        }
        headers
    }

    pub(super) fn payload(&self) -> Bytes {
        self.packed.as_ref().map_or_else(|| self.bytes.clone(), |packed| packed.payload.clone())
    }

    /// The bytes of headers and payload on the wire, if they are not in an object.
    pub(super) fn size(&self) -> usize {
        "NATS/1.0\r\nNats-Msg-Id: \r\n\r\n".len() + self.id.len() + self.bytes.len()
    }
}

/// The server trims ids, and takes an empty one for none; a line break would end the header.
fn check_id(id: &str) -> Result<(), Cause> {
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = if is_plain {
        return Ok(());
    } else if id.is_empty() {
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
        let bytes = Bytes::from_static(b"1234");
        let encoded = Encoded { id: "seven".into(), bytes, packed: None };
        let text = "NATS/1.0\r\nNats-Msg-Id: seven\r\n\r\n1234";
        assert_eq!(encoded.size(), text.len());
    }
}
