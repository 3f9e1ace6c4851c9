//! A message goes to another stream, and leaves the queue.

use super::headers::{REASON, SEQ};
use super::lease::Lease;
use super::link::Link;
use super::settle::{SettleError, Verdict, settle};
use super::store::{StoreError, kept_headers, store};
use crate::payload::Objects;
use crate::stream::OpenError;
use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use bytes::Bytes;
use std::time::Duration;

/// How many dead letters a queue keeps. The oldest go first.
pub(super) const KEPT: i64 = 100_000;
/// The longest reason in a header, in bytes.
const LONGEST_REASON: usize = 1024;
/// How often a stream is asked to store a message before it stays in the queue.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// How long a message stays in the queue that no other stream stores.
const BACK: Duration = Duration::from_secs(5);

/// Moves a message to the dead letters.
pub(super) async fn dead_letter(
    link: &Link,
    lease: &Lease,
    reason: &str,
) -> Result<(), SettleError> {
    let mut headers = kept_headers(&lease.message, &lease.meta);
    headers.insert(REASON, header_text(reason));
    headers.insert(SEQ, lease.meta.seq.to_string());
    let target =
        Target { subject: &link.subjects.dead, objects: &link.stores.dead, stream: config(link) };
    // Moved a second time, because the first one was not acknowledged, it is stored once.
    move_to(link, lease, target, &lease.meta.unique(), headers).await
}

/// The stream of dead letters.
fn config(link: &Link) -> Config {
    let default_window = Duration::from_secs(120);
    Config {
        name: link.subjects.dead_stream.clone(),
        subjects: vec![link.subjects.dead.clone()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_messages: KEPT,
        num_replicas: link.replicas(),
        // A receiver that dies between the two steps leaves the message to the next one, a lease
        // later.
        duplicate_window: default_window.max(3 * link.leases.duration()),
        ..Config::default()
    }
}

/// Where a message moves to.
pub(super) struct Target<'a> {
    pub(super) subject: &'a str,
    pub(super) objects: &'a Objects,
    /// Its stream, which is made if it does not exist.
    pub(super) stream: Config,
}

/// Stores the message in another stream; then it leaves the queue. In this order it is never in
/// neither.
pub(super) async fn move_to(
    link: &Link,
    lease: &Lease,
    target: Target<'_>,
    id: &str,
    headers: HeaderMap,
) -> Result<(), SettleError> {
    for tries in 1.. {
        if lease.is_lost() {
            return Err(SettleError::Lost);
        }
        if !link.connected().await {
            return Err(SettleError::Disconnected);
        }
        match store_there(link, lease, &target, id, headers.clone()).await {
            Ok(()) => break,
            Err(reason) if tries == TRIES => {
                // Not at once: the next receiver would meet the same.
                let _ = settle(link, lease, Verdict::Nak(BACK)).await;
                return Err(SettleError::Refused { reason });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    settle(link, lease, Verdict::Ack).await
}

async fn store_there(
    link: &Link,
    lease: &Lease,
    target: &Target<'_>,
    id: &str,
    mut headers: HeaderMap,
) -> Result<(), String> {
    let message = &lease.message;
    let bytes = match link.stores.queue.unpack(message.headers.as_ref(), &message.payload).await {
        Ok(bytes) => bytes,
        // There is nothing to keep but the reason.
        Err(error) if error.is_final() => Bytes::new(),
        Err(error) => return Err(error.to_string()),
    };
    let packed = target.objects.pack(bytes, &mut headers).await;
    let packed = packed.map_err(|error| error.to_string())?;
    let connection = &link.connection;
    let copy = (headers, packed.payload);
    let mut stored = store(connection, target.subject, id, copy.clone()).await;
    if matches!(stored, Err(StoreError::NoStream)) {
        make(link, target.stream.clone()).await.map_err(|error| error.to_string())?;
        stored = store(connection, target.subject, id, copy).await;
    }
    stored.map_err(|error| match error {
        StoreError::Full => "the stream is full".to_owned(),
        StoreError::NoStream => "the stream does not exist".to_owned(),
        StoreError::Other(reason) => reason,
    })
}

async fn make(link: &Link, config: Config) -> Result<(), OpenError> {
    match link.connection.open_stream(config).await {
        Ok(_) => Ok(()),
        // It exists: an operator has given it other limits.
        Err(OpenError::Differs { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The text as a header: in one line, not too long.
fn header_text(reason: &str) -> String {
    let mut text = String::new();
    for c in reason.chars() {
        if text.len() + c.len_utf8() > LONGEST_REASON {
            break;
        }
        text.push(if c.is_control() { ' ' } else { c });
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(header_text(" a\r\nNats-Rollup: all "), "a  Nats-Rollup: all");
        assert_eq!(header_text(&"\u{e9}".repeat(600)).len(), LONGEST_REASON);
        assert_eq!(header_text("\n"), "");
    }
}
