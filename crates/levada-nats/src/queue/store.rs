//! A message goes from one stream of a queue into another.

use super::headers;
use super::meta::Meta;
use crate::Connection;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use std::error::Error;
use std::time::UNIX_EPOCH;

/// Why a stream did not store a message.
#[derive(Debug)]
pub(super) enum StoreError {
    /// The stream is full.
    Full,
    /// The stream does not exist.
    NoStream,
    /// Another reason, also that the server did not answer.
    Other(String),
}

/// Stores a message; `id` makes a second storing one with the first.
pub(super) async fn store(
    connection: &Connection,
    subject: &str,
    id: &str,
    (mut headers, payload): (HeaderMap, Bytes),
) -> Result<(), StoreError> {
    headers.insert(headers::ID, id);
    let message = PublishMessage::build().payload(payload).headers(headers);
    let jetstream = connection.jetstream();
    let sent = jetstream.send_publish(subject.to_owned(), message).await;
    match sent {
        Ok(answer) => answer.await.map(drop).map_err(|error| why(&error)),
        Err(error) => Err(why(&error)),
    }
}

fn why(error: &PublishError) -> StoreError {
    if error.kind() == PublishErrorKind::StreamNotFound {
        return StoreError::NoStream;
    }
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    match refusal {
        // The same code has other reasons, such as a full disk.
        Some(refusal)
            if refusal.error_code() == ErrorCode::STREAM_STORE_FAILED
                && refusal.to_string().starts_with("maximum") =>
        {
            StoreError::Full
        }
        Some(refusal) => StoreError::Other(refusal.to_string()),
        None => StoreError::Other(error.to_string()),
    }
}

/// The headers that a message keeps in another stream: its own, without the server's, which mean
/// something only in the stream they are of; and where it stands.
pub(super) fn kept_headers(message: &Message, meta: &Meta) -> HeaderMap {
    let mut kept = own_headers(message.headers.as_ref());
    kept.insert(headers::ATTEMPTS, meta.attempt.to_string());
    if let Some(id) = &meta.id {
        kept.insert(headers::ORIGINAL_ID, id.as_str());
    }
    let sent_at = meta.sent_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    kept.insert(headers::SENT_AT, sent_at.as_millis().to_string());
    kept
}

/// The headers without the server's, and without the reference to an object: that is in the store
/// of the stream that the message is of.
pub(super) fn own_headers(all: Option<&HeaderMap>) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in all.into_iter().flat_map(HeaderMap::iter) {
        let text: &str = name.as_ref();
        if !text.starts_with("Nats-") && text != headers::OBJECT {
            for value in values {
                own.append(name.clone(), value.clone());
            }
        }
    }
    own
}
