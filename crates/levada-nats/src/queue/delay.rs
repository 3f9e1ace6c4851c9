//! Messages that are delivered again after a long time wait in a stream of their own.
//!
//! The server sends a message at a given time to another subject of the same stream, and wants a
//! stream without `discard = new` for it: a bounded queue cannot be that stream. Receivers forward
//! the messages that are due into the queue.

use super::consumer;
use super::dead::{Target, move_to};
use super::lease::Lease;
use super::link::Link;
use super::meta::Meta;
use super::objects::Stores;
use super::settle::SettleError;
use super::store::{kept_headers, own_headers, store};
use async_nats::header::{NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The consumer that all forwarding receivers share.
const CONSUMER: &str = "forwarders";
/// For how long a due message is one forwarder's.
const LEASE: Duration = Duration::from_secs(30);
/// How many due messages a forwarder takes at once.
const BATCH: usize = 64;
/// How long one request for due messages waits.
const EXPIRES: Duration = Duration::from_secs(10);
/// The pause before a forwarder looks again whether the stream exists. No delay is shorter.
const PAUSE: Duration = Duration::from_secs(10);
/// The pause before a full queue is tried again.
const FULL: Duration = Duration::from_millis(250);

/// Puts a message into the stream of delays; then it leaves the queue.
pub(super) async fn postpone(
    link: &Link,
    lease: &Lease,
    after: Duration,
) -> Result<(), SettleError> {
    let mut headers = kept_headers(&lease.message, &lease.meta);
    let at = SystemTime::now().checked_add(after).and_then(rfc3339);
    let Some(at) = at else {
        return Err(SettleError::Refused { reason: format!("a delay of {after:?} has no date") });
    };
    headers.insert(NATS_SCHEDULE, format!("@at {at}"));
    headers.insert(NATS_SCHEDULE_TARGET, link.subjects.due.as_str());
    // Each waiting message has a subject of its own: the next one of a subject replaces the last.
    let id = format!("{}-{}", lease.meta.unique(), lease.meta.attempt);
    let subject = format!("{}.{id}", link.subjects.delayed);
    let target = Target { subject: &subject, objects: &link.stores.delay, stream: config(link) };
    let moved = move_to(link, lease, target, &id, headers).await;
    link.delayed.notify_one();
    moved
}

/// The stream of delays.
fn config(link: &Link) -> Config {
    let subjects = &link.subjects;
    Config {
        name: subjects.delay_stream.clone(),
        subjects: vec![format!("{}.*", subjects.delayed), subjects.due.clone()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: link.replicas(),
        allow_message_schedules: true,
        ..Config::default()
    }
}

/// Forwards due messages, until the receiver is closed.
pub(super) async fn forward(link: Arc<Link>) {
    tokio::select! {
        () = forward_for_ever(&link) => {}
        () = link.closed.wait() => {}
    }
}

async fn forward_for_ever(link: &Link) {
    let config = async_nats::jetstream::consumer::pull::Config {
        filter_subject: link.subjects.due.clone(),
        ..consumer::config(CONSUMER, LEASE)
    };
    loop {
        let stream = &link.subjects.delay_stream;
        let opened = consumer::open(&link.connection, stream, config.clone()).await;
        if let Ok(consumer) = opened {
            // It ends when something is wrong, or when it has found nothing: then it begins anew.
            while forward_some(link, &consumer).await {}
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = link.delayed.notified() => {}
        }
    }
}

/// Forwards what is due now and in the next seconds; false if the consumer does not answer.
async fn forward_some(link: &Link, consumer: &PullConsumer) -> bool {
    // Without a heartbeat: after one, async-nats 0.51 does not poll the batch again until its time
    // is over, and a message that comes meanwhile waits for the lease.
    let batch = consumer.batch().max_messages(BATCH).expires(EXPIRES);
    let Ok(mut messages) = batch.messages().await else { return false };
    while let Some(message) = messages.next().await {
        match message {
            Ok(message) => forward_one(link, message).await,
            Err(_) => return false,
        }
    }
    true
}

async fn forward_one(link: &Link, message: Message) {
    let Some(meta) = Meta::read(&message.message) else { return };
    let id = format!("delayed-{}", meta.unique());
    let give_up = Instant::now() + LEASE / 2;
    loop {
        match store_in_queue(link, &message, &id).await {
            Ok(()) => break,
            Err(reason) if Instant::now() > give_up => {
                tracing::debug!(reason, "a delayed message waits for its queue");
                let _ = message.ack_with(AckKind::Nak(Some(FULL))).await;
                return;
            }
            Err(_) => tokio::time::sleep(FULL).await,
        }
    }
    // Removed before it is acknowledged: the other way round it would stay for ever if this process
    // ended in between. Forwarded twice it is one message, by its id.
    let jetstream = link.connection.jetstream();
    let subject = format!("STREAM.MSG.DELETE.{}", link.subjects.delay_stream);
    let request = json!({ "seq": meta.seq, "no_erase": true });
    let removed: Result<Value, _> = jetstream.request(subject, &request).await;
    if removed.is_ok() {
        let _ = message.ack().await;
        let _ = link.stores.delay.discard(message.headers.as_ref()).await;
    }
}

async fn store_in_queue(link: &Link, message: &Message, id: &str) -> Result<(), String> {
    let Stores { queue, delay, .. } = &link.stores;
    let bytes = match delay.unpack(message.headers.as_ref(), &message.payload).await {
        Ok(bytes) => bytes,
        // The message comes back without its bytes, cannot be decoded, and is a dead letter.
        Err(error) if error.is_final() => Bytes::new(),
        Err(error) => return Err(error.to_string()),
    };
    let mut headers = own_headers(message.headers.as_ref());
    let packed = queue.pack(bytes, &mut headers).await.map_err(|error| error.to_string())?;
    let copy = (headers, packed.payload);
    let stored = store(&link.connection, &link.subjects.messages, id, copy).await;
    stored.map_err(|error| format!("{error:?}"))
}

/// The time as RFC 3339 has it, rounded up to milliseconds.
fn rfc3339(time: SystemTime) -> Option<String> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    let millis = i64::try_from(since.as_nanos().div_ceil(1_000_000)).ok()?;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    // The server reads years of four digits.
    (year <= 9999).then(|| {
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    })
}

/// The date so many days after 1970-01-01, for times after that. The algorithm is
/// `civil_from_days` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(rfc3339(time).as_deref(), Some(text));
        }
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(253_402_300_800_000)), None);
        let rounded = rfc3339(UNIX_EPOCH + Duration::from_nanos(1)).unwrap();
        assert_eq!(rounded, "1970-01-01T00:00:00.001Z");
    }
}
