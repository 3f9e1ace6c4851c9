//! A message goes to another stream, and leaves the queue.

use super::headers::{REASON, SEQ};
use super::lease::Lease;
use super::link::Link;
use super::settle::{SettleError, Verdict, settle};
use super::store::{StoreError, kept_headers, store};
use crate::stream::OpenError;
use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;

/// How many dead letters a queue keeps. The oldest go first.
pub(super) const KEPT: i64 = 100_000;
/// The longest reason in a header, in bytes.
const LONGEST_REASON: usize = 1024;
/// The bytes of a message's headers without those that `size` counts: the first and the last line,
/// the id and the name of the reason.
const FRAME: usize = 64;
/// How often a stream is asked to store a message before it stays in the queue.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// How long a message stays in the queue that no other stream stores.
const BACK: Duration = Duration::from_secs(5);

/// Moves a message to the dead letters.
pub(super) async fn bury(link: &Link, lease: &Lease, reason: &str) -> Result<(), SettleError> {
    let mut headers = kept_headers(&lease.message, &lease.meta);
    headers.insert(SEQ, lease.meta.seq.to_string());
    let id = lease.meta.unique();
    // A message that is almost as large as the server takes has a short reason.
    let size = lease.message.payload.len() + size(&headers) + id.len() + FRAME;
    let room = link.connection.client().max_payload().saturating_sub(size);
    headers.insert(REASON, header_text(reason, room.min(LONGEST_REASON)));
    let subject = &link.subjects.dead;
    // Moved a second time, because the first one was not acknowledged, it is stored once.
    move_to(link, lease, subject, &id, headers, config(link)).await
}

/// The bytes of these headers on the wire.
fn size(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
    });
    lines.sum()
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

/// Stores the message in another stream, which is made if it does not exist; then it leaves the
/// queue. In this order it is never in neither.
pub(super) async fn move_to(
    link: &Link,
    lease: &Lease,
    subject: &str,
    id: &str,
    headers: HeaderMap,
    stream: Config,
) -> Result<(), SettleError> {
    let mut tries = 0;
    loop {
        if lease.is_lost() {
            return Err(SettleError::Lost);
        }
        if !link.connected().await {
            return Err(SettleError::Disconnected);
        }
        let message = (headers.clone(), lease.message.payload.clone());
        let reason = match store(&link.connection, subject, id, message).await {
            Ok(()) => return settle(link, lease, Verdict::Ack).await,
            Err(StoreError::NoStream) => match make(link, stream.clone()).await {
                Ok(()) => String::from("the stream was made only now"),
                Err(error) => error.to_string(),
            },
            Err(StoreError::Full) => String::from("the stream is full"),
            Err(StoreError::Other(reason)) => reason,
        };
        tries += 1;
        if tries == TRIES {
            // Not at once: the next receiver would meet the same.
            let _ = settle(link, lease, Verdict::Nak(BACK)).await;
            return Err(SettleError::Refused { reason });
        }
        if tries > 1 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn make(link: &Link, config: Config) -> Result<(), OpenError> {
    match link.connection.open_stream(config).await {
        Ok(_) => Ok(()),
        // It exists: an operator has given it other limits.
        Err(OpenError::Differs { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The text as a header: in one line of so many bytes.
fn header_text(reason: &str, longest: usize) -> String {
    let mut text = String::new();
    for c in reason.chars() {
        if text.len() + c.len_utf8() > longest {
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
        assert_eq!(header_text(" a\r\nNats-Rollup: all ", 99), "a  Nats-Rollup: all");
        assert_eq!(header_text(&"\u{e9}".repeat(600), 1023).len(), 1022);
        assert_eq!(header_text("\n", 99), "");
        assert_eq!(header_text("a", 0), "");
    }
}
