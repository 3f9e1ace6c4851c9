//! Messages as bytes, and those that are larger than the server takes: they stand in a store of
//! objects, and the message refers to them.
//!
//! # Invariants
//! 1. A message that fits stands in the message: no store is opened for it.
//! 2. An object is complete in the store before a message refers to it.
//! 3. Two calls of [`Objects::pack`] never share an object: what one message's fate deletes, no
//!    other message needs. So a message that is *moved* to another stream, or published again
//!    later, is packed again. Its reference is not copied.
//! 4. Bytes are returned whole or not at all: size and digest are compared with the reference.
//! 5. An object older than the oldest message of its stream by more than the margin belongs to no
//!    message, because a message is published within the margin after its object was stored:
//!    [`Packed::is_fresh`] says whether it still may be. [`Objects::sweep`] deletes such objects.
//!    Both times are the server's, so that the clocks of clients do not matter.
//!
//! The object store of the client is not used: it reads an object through a consumer, which waits
//! for ever if a part is missing; it stores parts one after another; and for each deleted object it
//! keeps a message. Here each part has its subject, is read without a consumer, and one purge
//! deletes them all.

mod error;
mod reference;

pub(crate) use self::error::PayloadError;
pub(crate) use self::reference::Reference;

use crate::{Connection, Durability, Name, stream};
use async_nats::datetime;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::{GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, PurgeErrorKind, RawMessageErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, HeaderName};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use std::error::Error;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The header in which a message refers to its object.
pub(crate) const REFERENCE: &str = "Levada-Object";
/// Made once: a name that is a text is compared with all names that the client knows.
const REFERENCE_NAME: HeaderName = HeaderName::from_static(REFERENCE);

/// What stays free in a message for headers that are added after it was packed: an id, the
/// expected stream, a reply subject.
const ROOM: usize = 1024;

/// The largest part. The server keeps as many bytes as this in memory for each part under way.
const LARGEST_PART: usize = 1 << 20;

/// How many parts of one object are under way at a time.
const AT_A_TIME: usize = 4;

/// How long after its object a message may be published, unless a store has another margin. It is
/// this long because a client that is cut off publishes what it has buffered when it comes back.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The store of objects of one queue, topic or the like.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    connection: Connection,
    /// The stream that is the store.
    bucket: String,
    /// The subjects of its messages, without the last two tokens: id and part.
    subject: String,
    durability: Durability,
    max_age: Duration,
    margin: Duration,
    /// Whether the store was seen. It is made when the first object is stored.
    opened: Arc<AtomicBool>,
}

/// A message as it is published.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) payload: Bytes,
    /// Set if the bytes are in an object; the headers have it as well.
    pub(crate) reference: Option<Reference>,
    /// No message refers to the object when this is over.
    usable_until: Option<Instant>,
}

impl Packed {
    /// Whether the message may still be published. If not, it is packed again (invariant 5).
    pub(crate) fn is_fresh(&self) -> bool {
        self.usable_until.is_none_or(|until| Instant::now() < until)
    }
}

impl Objects {
    /// The store for this kind and name. Nothing is sent to the server yet.
    ///
    /// `kind` is that of the message's stream: `queue`, `topic`. Two kinds with one name have two
    /// stores.
    pub(crate) fn new(
        connection: &Connection,
        kind: &str,
        name: &Name,
        durability: Durability,
    ) -> Self {
        Self {
            connection: connection.clone(),
            bucket: connection.stream_name(&format!("{kind}-objects"), name),
            subject: connection.subject(&format!("{kind}-objects"), name),
            durability,
            max_age: Duration::ZERO,
            margin: MARGIN,
            opened: Arc::default(),
        }
    }

    /// Lets the server delete objects of this age. By default none is too old.
    pub(crate) fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Another margin for invariant 5.
    #[cfg(test)]
    pub(crate) fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// How many bytes a message with these headers may have, so that it needs no object.
    pub(crate) fn limit(&self, headers: &HeaderMap) -> usize {
        let lines = headers.iter().flat_map(|(name, values)| {
            // As they are sent: `name: value`, and a line break.
            values.iter().map(|value| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4)
        });
        let taken = lines.sum::<usize>() + ROOM;
        self.connection.client().max_payload().saturating_sub(taken)
    }

    /// Whether a message of this size, with all of its headers, needs no object.
    pub(crate) fn fits(&self, size: usize) -> bool {
        size + ROOM <= self.connection.client().max_payload()
    }

    /// What to publish for these bytes. If they do not fit, they are stored first, and the
    /// reference is among the headers.
    ///
    /// Cancelled, it may leave parts of an object, which [`sweep`](Self::sweep) deletes.
    pub(crate) async fn pack(
        &self,
        bytes: Bytes,
        headers: &mut HeaderMap,
    ) -> Result<Packed, PayloadError> {
        if bytes.len() <= self.limit(headers) {
            return Ok(Packed { payload: bytes, reference: None, usable_until: None });
        }
        // Half of the margin is left for the way to the server.
        let usable_until = Instant::now().checked_add(self.margin / 2);
        // In a box, as all that is done for large messages: the futures of the others stay small.
        let reference = Box::pin(self.store(bytes)).await?;
        headers.insert(REFERENCE, reference.to_string());
        Ok(Packed { payload: Bytes::new(), reference: Some(reference), usable_until })
    }

    /// The bytes of a message that was received.
    pub(crate) async fn unpack(
        &self,
        headers: Option<&HeaderMap>,
        payload: &Bytes,
    ) -> Result<Bytes, PayloadError> {
        match reference(headers)? {
            Some(reference) => Box::pin(self.load(&reference)).await,
            None => Ok(payload.clone()),
        }
    }

    /// Deletes the object of a message whose fate is decided, if it has one.
    pub(crate) async fn discard(&self, headers: Option<&HeaderMap>) -> Result<(), PayloadError> {
        match reference(headers)? {
            Some(reference) => self.delete(&reference).await,
            None => Ok(()),
        }
    }

    /// Stores an object. It is complete when this returns.
    pub(crate) async fn store(&self, bytes: Bytes) -> Result<Reference, PayloadError> {
        let inbox = self.connection.client().new_inbox();
        // The last token of an inbox is an identifier that no other one equals.
        let id = inbox.rsplit('.').next().unwrap_or(&inbox).to_owned();
        let part_size = self.limit(&HeaderMap::new()).clamp(1, LARGEST_PART);
        let reference = Reference {
            id,
            parts: u32::try_from(bytes.len().div_ceil(part_size)).unwrap_or(u32::MAX),
            size: bytes.len() as u64,
            digest: reference::digest(&bytes),
        };
        self.open().await?;
        let mut stored = self.publish(&reference, &bytes, part_size).await;
        if stored.as_ref().is_err_and(|error| error.kind() == PublishErrorKind::StreamNotFound) {
            // It was there, and was deleted since.
            // ORDERING: Relaxed, no pair: see `open`.
            self.opened.store(false, Ordering::Relaxed);
            self.open().await?;
            stored = self.publish(&reference, &bytes, part_size).await;
        }
        stored.map_err(|error| self.failed("store an object", error))?;
        Ok(reference)
    }

    async fn publish(
        &self,
        reference: &Reference,
        bytes: &Bytes,
        part_size: usize,
    ) -> Result<(), PublishError> {
        let parts = (0..reference.parts).map(|part| {
            let start = part as usize * part_size;
            let bytes = bytes.slice(start..bytes.len().min(start + part_size));
            let message = PublishMessage::build().payload(bytes).expected_stream(&self.bucket);
            let subject = self.part_subject(&reference.id, part);
            async { self.connection.jetstream().send_publish(subject, message).await?.await }
        });
        futures_util::stream::iter(parts)
            .buffer_unordered(AT_A_TIME)
            .try_for_each(|_| ready(Ok(())))
            .await
    }

    /// The object that a message refers to.
    pub(crate) async fn load(&self, reference: &Reference) -> Result<Bytes, PayloadError> {
        let stream = self.stream().await?;
        let parts = (0..reference.parts).map(|part| self.part(&stream, reference, part));
        let mut parts = futures_util::stream::iter(parts).buffered(AT_A_TIME);
        let damaged =
            || PayloadError::Damaged { id: reference.id.clone(), bucket: self.bucket.clone() };
        let mut bytes = BytesMut::new();
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part?);
            if bytes.len() as u64 > reference.size {
                return Err(damaged());
            }
        }
        let whole = bytes.len() as u64 == reference.size;
        if !whole || reference::digest(&bytes) != reference.digest {
            return Err(damaged());
        }
        Ok(bytes.freeze())
    }

    async fn part(
        &self,
        stream: &Stream<()>,
        reference: &Reference,
        part: u32,
    ) -> Result<Bytes, PayloadError> {
        let subject = self.part_subject(&reference.id, part);
        if let Ok(found) = stream.direct_get_last_for_subject(&subject).await {
            return Ok(found.payload);
        }
        // Any replica answers the request above, also one that is behind, and none does if there is
        // no stream. The leader knows.
        let error = match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(found) => return Ok(found.payload),
            Err(error) => error,
        };
        let missing = match error.kind() {
            RawMessageErrorKind::NoMessageFound => true,
            RawMessageErrorKind::JetStream(refusal) => no_stream(&refusal),
            RawMessageErrorKind::InvalidSubject | RawMessageErrorKind::Other => false,
        };
        if !missing {
            return Err(self.failed("read an object", error));
        }
        let Reference { id, parts, .. } = reference.clone();
        Err(PayloadError::Missing { id, bucket: self.bucket.clone(), part, parts })
    }

    /// Deletes an object. One that is not there is deleted.
    pub(crate) async fn delete(&self, reference: &Reference) -> Result<(), PayloadError> {
        let parts = format!("{}.{}.*", self.subject, reference.id);
        match self.stream().await?.purge().filter(parts).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                PurgeErrorKind::JetStream(refusal) if no_stream(&refusal) => Ok(()),
                _ => Err(self.failed("delete an object", error)),
            },
        }
    }

    /// Deletes the objects that belong to no message (invariant 5), and says how many parts they
    /// had. `oldest` is when the server stored the oldest message that is in the stream; if there
    /// is none, when the server was asked.
    ///
    /// It costs one request if there is nothing to delete.
    pub(crate) async fn sweep(&self, oldest: SystemTime) -> Result<u64, PayloadError> {
        let before = oldest.checked_sub(self.margin).unwrap_or(UNIX_EPOCH);
        let before = before.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let before = i128::try_from(before).unwrap_or(i128::MAX);
        let before = datetime::from_nanos(before).map_err(|error| self.failed("sweep", error))?;
        let stream = match self.connection.jetstream().get_stream(&self.bucket).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal) if no_stream(&refusal) => return Ok(0),
                _ => return Err(self.failed("look for old objects", error)),
            },
        };
        let state = &stream.cached_info().state;
        if state.messages == 0 || state.first_timestamp >= before {
            return Ok(0);
        }
        // The server knows where a time is in a stream, and tells a consumer that starts there.
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartTime { start_time: before },
            inactive_threshold: Duration::from_secs(5),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| self.failed("look for old objects", error))?;
        let info = consumer.cached_info();
        let first_kept = info.delivered.stream_sequence + 1;
        // The server deletes it soon if this fails.
        let _ = stream.delete_consumer(&info.name).await;
        let purged = stream.purge().sequence(first_kept).await;
        Ok(purged.map_err(|error| self.failed("delete old objects", error))?.purged)
    }

    async fn open(&self) -> Result<(), PayloadError> {
        // ORDERING: Relaxed, no pair: the flag saves a request and guards no memory.
        if self.opened.load(Ordering::Relaxed) {
            return Ok(());
        }
        let wanted = Config {
            name: self.bucket.clone(),
            subjects: vec![format!("{}.*.*", self.subject)],
            max_messages_per_subject: 1,
            max_age: self.max_age,
            num_replicas: self.durability.replicas(),
            allow_direct: true,
            ..Config::default()
        };
        stream::open(self.connection.jetstream(), wanted).await.map_err(PayloadError::Open)?;
        // ORDERING: Relaxed, no pair: as above.
        self.opened.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The store, which may not exist. The server is not asked.
    async fn stream(&self) -> Result<Stream<()>, PayloadError> {
        let stream = self.connection.jetstream().get_stream_no_info(&self.bucket).await;
        stream.map_err(|error| self.failed("name the stream", error))
    }

    fn part_subject(&self, id: &str, part: u32) -> String {
        format!("{}.{id}.{part}", self.subject)
    }

    fn failed(
        &self,
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> PayloadError {
        PayloadError::Server { action, bucket: self.bucket.clone(), source: source.into() }
    }
}

/// The reference of a message, if it has one.
pub(crate) fn reference(headers: Option<&HeaderMap>) -> Result<Option<Reference>, PayloadError> {
    let value = headers.and_then(|headers| headers.get(REFERENCE_NAME));
    value.map(|value| value.as_str().parse()).transpose()
}

fn no_stream(refusal: &jetstream::Error) -> bool {
    refusal.error_code() == ErrorCode::STREAM_NOT_FOUND
}

#[cfg(test)]
mod tests;
