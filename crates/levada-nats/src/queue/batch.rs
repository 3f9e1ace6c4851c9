//! Atomic batches of ADR-50: all messages of a batch are stored, or none is.

use super::encode::Encoded;
use super::publish::{Doubt, Outcome, acknowledged, refused, request, unanswered};
use super::{Accepted, Shared};
use crate::connection::{Ack, NoAck};
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::{HeaderMap, Message};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The most messages in a batch that the server takes.
pub(super) const MOST: usize = 1_000;
/// The most bytes in a batch. The server cuts a client off that has 64 MiB under way.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// How many batches of a process are under way at once. The server takes 50 of a stream, from all
/// processes.
pub(super) const AT_ONCE: usize = 8;
/// How long a batch waits for the others to end. The server refuses those that are too many.
pub(super) const STALLED: Duration = Duration::from_secs(2);

/// Publishes the messages as one batch, once, and waits for the answers until the limit. There are
/// at least two and at most [`MOST`].
pub(super) async fn publish_batch<T>(
    shared: &Shared<T>,
    messages: &mut [Encoded],
    doubt: &mut Doubt,
    limit: Instant,
) -> Outcome<Vec<Accepted>> {
    // Batches that are not polled hold their permits, and do not stop this one for longer.
    let patience = STALLED.min(limit.saturating_duration_since(Instant::now()));
    let _permit = shared.senders.batches.wait(patience).await;
    for message in messages.iter_mut() {
        if let Err(error) = message.pack(shared, limit).await {
            return error.into();
        }
    }
    let messages: &[Encoded] = messages;
    let client = shared.connection.client();
    let [first, middle @ .., last] = messages else { return Outcome::NotNow };
    let batch = shared.senders.ids.next();

    let answer = request(shared, headers(first, &batch, 1), first.payload(), limit).await;
    let begun = answer.map_or_else(unanswered, |answer| begun(&answer));
    match begun {
        Outcome::Accepted(()) => {}
        other => return other.map(|()| Vec::new()),
    }
    for (index, message) in middle.iter().enumerate() {
        let headers = headers(message, &batch, index + 2);
        let subject = shared.subjects.messages.clone();
        let published = client.publish_with_headers(subject, headers, message.payload());
        if !matches!(timeout_at(limit, published).await, Ok(Ok(()))) {
            return Outcome::NotNow; // Nothing was committed.
        }
    }
    let mut headers = headers(last, &batch, messages.len());
    headers.insert(NATS_BATCH_COMMIT, "1");
    let before = doubt.begin();
    let answer = request(shared, headers, last.payload(), limit).await;
    let outcome = acknowledged(answer.as_ref());
    doubt.settle(before, &outcome);
    // The messages of a batch follow each other in the stream.
    let seqs = |end: u64| (end + 1).saturating_sub(messages.len() as u64)..=end;
    outcome.map(|last| seqs(last.seq).map(|seq| Accepted { seq, duplicate: false }).collect())
}

fn headers(message: &Encoded, batch: &str, sequence: usize) -> HeaderMap {
    let mut headers = message.headers();
    headers.insert(NATS_BATCH_ID, batch);
    headers.insert(NATS_BATCH_SEQUENCE, sequence.to_string());
    headers
}

/// What the answer to the first message means: nothing is in it, or an error.
fn begun(answer: &Message) -> Outcome<()> {
    match Ack::read(&answer.payload) {
        Err(NoAck::Refused(error)) => refused(&error),
        _ => Outcome::Accepted(()),
    }
}
