//! Publishes to a stream. Where a server syncs every write, those that come while others are under
//! way share an atomic batch, and its sync.
//!
//! A batch (ADR-50) is stored as a whole or not at all. If the server refuses it, for one of its
//! messages, each message is published by itself, and has an answer of its own.
//!
//! Other servers take messages that are published one after the other, and answered later, as fast
//! or faster. Milliseconds for 64 messages as a batch, and one by one (NATS 2.15.1, one loaded
//! disk): 22 and 3 on a server that syncs now and then (it syncs batches), 40 and 201 on one that
//! syncs always, 12 and 17 on three.

use std::ops::ControlFlow;

use async_nats::HeaderMap;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use bytes::Bytes;
use futures_util::future::join_all;
use levada_nats::{Connection, Durability};

use super::together::Together;
use crate::store::StoreError;

/// The fewest messages in a batch: a batch costs as much as the syncs of about so many messages.
pub(super) const FEWEST: usize = 16;
/// The most messages in a batch that the server takes.
const MOST: usize = 1_000;
/// The most bytes in a batch, unless one message has more. The server cuts a client off that has 64
/// MiB under way.
const MOST_BYTES: usize = 8 << 20;

/// Whether messages that are stored like this share batches.
pub(super) fn are_shared(durability: Durability) -> bool {
    durability == Durability::Fsync
}

/// What came of a compare-and-set.
#[derive(Debug, Clone)]
pub(super) enum Put {
    /// It is the newest now, with this sequence number.
    Made(u64),
    /// Another process was faster.
    Taken,
}

/// What is to be stored.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) bytes: Bytes,
    /// The sequence number of the message that is the last of the subject; 0 if there is none.
    pub(super) over: Option<u64>,
}

/// Publishes to one stream.
#[derive(Debug)]
pub(super) struct Publisher {
    connection: Connection,
    /// If they share batches.
    together: Option<Together<Message, Result<Put, StoreError>>>,
}

impl Publisher {
    pub(super) fn new(connection: &Connection, durability: Durability) -> Self {
        let together = are_shared(durability).then(Together::default);
        Self { connection: connection.clone(), together }
    }

    /// Stores a message, once.
    ///
    /// # Errors
    /// If the server did not answer, or that it cannot at the moment: it may be stored.
    pub(super) async fn publish(&self, message: Message) -> Result<Put, StoreError> {
        let Some(together) = &self.together else { return self.publish_one(&message).await };
        let published = together.with(message, async |all| self.publish_all(all).await).await;
        published.unwrap_or_else(|| Err(StoreError::away("a batch of writes was given up")))
    }

    async fn publish_all(&self, messages: Vec<Message>) -> Vec<Result<Put, StoreError>> {
        let mut published = Vec::with_capacity(messages.len());
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(how_many(rest));
            published.extend(match self.publish_batch(batch).await {
                ControlFlow::Break(published) => published,
                ControlFlow::Continue(()) => {
                    join_all(batch.iter().map(|message| self.publish_one(message))).await
                }
            });
            rest = others;
        }
        published
    }

    /// Publishes them as a batch, unless there are few or the server refuses it.
    async fn publish_batch(
        &self,
        messages: &[Message],
    ) -> ControlFlow<Vec<Result<Put, StoreError>>> {
        let count = messages.len();
        let (last, first) = match messages.split_last() {
            Some(split) if count >= FEWEST => split,
            _ => return ControlFlow::Continue(()),
        };
        match self.commit(first, last).await {
            // The messages of a batch follow each other in the stream.
            Ok(end) => {
                let made = (end + 1).saturating_sub(count as u64)..=end;
                ControlFlow::Break(made.map(|sequence| Ok(Put::Made(sequence))).collect())
            }
            Err(error) if is_refusal(&error) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(vec![Err(not_stored(&error)); count]),
        }
    }

    /// The sequence number of the last one.
    async fn commit(&self, first: &[Message], last: &Message) -> Result<u64, PublishError> {
        let (client, jetstream) = (self.connection.client(), self.connection.jetstream());
        let batch = client.new_inbox();
        let batch = batch.rsplit('.').next().unwrap_or(&batch);
        let headers = |message: &Message, number: usize| {
            let mut headers = message.headers();
            headers.insert(NATS_BATCH_ID, batch);
            headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            headers
        };
        for (index, message) in first.iter().enumerate() {
            let headers = headers(message, index + 1);
            let (subject, bytes) = (message.subject.clone(), message.bytes.clone());
            let published = client.publish_with_headers(subject, headers, bytes).await;
            // Nothing is committed.
            published.map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
        }
        let mut headers = headers(last, first.len() + 1);
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let (subject, bytes) = (last.subject.clone(), last.bytes.clone());
        let sent = jetstream.publish_with_headers(subject, headers, bytes).await?;
        Ok(sent.await?.sequence)
    }

    async fn publish_one(&self, message: &Message) -> Result<Put, StoreError> {
        let published = async {
            let (subject, bytes) = (message.subject.clone(), message.bytes.clone());
            let jetstream = self.connection.jetstream();
            let sent = jetstream.publish_with_headers(subject, message.headers(), bytes).await?;
            Ok::<_, PublishError>(sent.await?.sequence)
        };
        match published.await {
            Ok(sequence) => Ok(Put::Made(sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Put::Taken),
            // Also while another write of the subject is on its way to the replicas: the next
            // attempt finds out what came of it.
            Err(error) => Err(not_stored(&error)),
        }
    }
}

impl Message {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(over) = self.over {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, over.to_string());
        }
        headers
    }
}

/// How many of the first ones fit into a batch: at least one.
fn how_many(messages: &[Message]) -> usize {
    let mut bytes = 0;
    let fits = messages.iter().take(MOST).take_while(|message| {
        bytes += message.bytes.len();
        bytes <= MOST_BYTES
    });
    fits.count().max(1)
}

/// Whether it is certain that nothing of a batch is stored, and its messages may be one by one.
fn is_refusal(error: &PublishError) -> bool {
    use PublishErrorKind::{MaxPayloadExceeded, Other, WrongLastSequence};
    matches!(error.kind(), MaxPayloadExceeded | Other | WrongLastSequence)
}

/// What an error of a publish means. Whatever it is, the change may be made later.
fn not_stored(error: &PublishError) -> StoreError {
    StoreError::away(format!("the NATS servers did not store it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_BYTES, Message, how_many};

    fn messages(count: usize, bytes: usize) -> Vec<Message> {
        let message = Message { subject: "a".into(), bytes: vec![0; bytes].into(), over: None };
        vec![message; count]
    }

    #[test]
    fn a_batch_has_as_many_messages_and_bytes_as_the_server_takes() {
        assert_eq!(how_many(&messages(MOST + 1, 10)), MOST);
        assert_eq!(how_many(&messages(20, MOST_BYTES / 16)), 16);
        assert_eq!(how_many(&messages(3, MOST_BYTES + 1)), 1);
        assert_eq!(how_many(&messages(1, 0)), 1);
    }
}
