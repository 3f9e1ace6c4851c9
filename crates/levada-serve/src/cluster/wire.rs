//! The streams of the cluster, and how they are written and read.
//!
//! | stream    | subject                  | a message                                        |
//! |-----------|--------------------------|--------------------------------------------------|
//! | `records` | `NAME.records.ID`        | the record of a job, as JSON; the last one only  |
//! | `records` | `NAME.keys.DIGEST`       | the id of the job that has an idempotency key,   |
//! |           |                          | and the digest of what was sent with it          |
//! | `bodies`  | `NAME.bodies.ID.in.N`    | a piece of the input                             |
//! | `bodies`  | `NAME.bodies.ID.out.A.N` | a piece of what attempt A wrote                  |

use std::env::temp_dir;
use std::fmt::Write;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use levada_nats::{Connection, Durability, OpenError};
use tokio::time::{Instant, sleep};

use super::batch::{Message, Publisher, Put};
use crate::job::{IdempotencyKey, JobId, Moment, Record};
use crate::store::body::{Body, BodyFile, INLINE};
use crate::store::{StoreError, StoreErrorKind};

/// How many bytes of a body one message has: less than the server takes by default (1 MiB).
const PIECE: usize = 512 * 1024;
/// How many pieces of a body are in memory at once: one comes while another one goes.
const AT_ONCE: usize = 2;
/// For how long a write or a read is tried again: three servers elect a leader in 4 to 9 seconds.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long after an attempt the next one is made, at most.
const AGAIN: Duration = Duration::from_millis(200);

/// The length of a job's id, with which the message of a key begins.
const ID_BYTES: usize = 16;

/// What the cluster keeps.
#[derive(Debug)]
pub(super) struct Wire {
    connection: Connection,
    records: Stream,
    bodies: Stream,
    to_records: Publisher,
    to_bodies: Publisher,
}

/// Which of a job's bodies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Input,
    /// Of this attempt: a worker that lost its lease does not overwrite the output of another one.
    Output(u32),
}

impl Wire {
    /// What the front ends made the cluster with; `None` if it is not there yet. (Streams that a
    /// server syncs at once are like those that it does not.)
    pub(super) async fn durability(
        connection: &Connection,
    ) -> Result<Option<Durability>, OpenError> {
        let stream = format!("{}_service_records", connection.namespace());
        match connection.jetstream().get_stream(&stream).await {
            Ok(found) if found.cached_info().config.num_replicas > 1 => {
                Ok(Some(Durability::Replicated))
            }
            Ok(_) => Ok(Some(Durability::Lazy)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(OpenError::NoAnswer { stream, source: Box::new(error) }),
            },
        }
    }

    pub(super) async fn open(
        connection: &Connection,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let name = connection.namespace();
        let last_of_each = |kind: &str, subjects: Vec<String>| Config {
            name: format!("{name}_service_{kind}"),
            subjects,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            max_messages_per_subject: 1,
            num_replicas: if durability == Durability::Replicated { 3 } else { 1 },
            allow_atomic_publish: true,
            ..Config::default()
        };
        let subjects = vec![format!("{name}.records.*"), format!("{name}.keys.*")];
        let records = connection.open_stream(last_of_each("records", subjects)).await?;
        let subjects = vec![format!("{name}.bodies.>")];
        let bodies = connection.open_stream(last_of_each("bodies", subjects)).await?;
        let [to_records, to_bodies] = [(); 2].map(|()| Publisher::new(connection, durability));
        Ok(Self { connection: connection.clone(), records, bodies, to_records, to_bodies })
    }

    pub(super) fn records(&self) -> &Stream {
        &self.records
    }

    pub(super) fn bodies(&self) -> &Stream {
        &self.bodies
    }

    /// The subject of all bodies.
    pub(super) fn all_bodies(&self) -> String {
        format!("{}.bodies.>", self.connection.namespace())
    }

    /// The job whose body has this subject.
    pub(super) fn job_of_body(&self, subject: &str) -> Option<JobId> {
        let rest = subject.strip_prefix(self.connection.namespace().as_str())?;
        rest.strip_prefix(".bodies.")?.split('.').next()?.parse().ok()
    }

    /// The subject of all records.
    pub(super) fn all_records(&self) -> String {
        format!("{}.records.*", self.connection.namespace())
    }

    /// Whether the servers answer for the streams.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let away = |error: &dyn std::fmt::Display| {
            StoreError::away(format!("the NATS servers do not answer: {error}"))
        };
        self.records.get_info().await.map_err(|error| away(&error))?;
        self.bodies.get_info().await.map_err(|error| away(&error))?;
        Ok(())
    }

    fn of_record(&self, id: JobId) -> String {
        format!("{}.records.{id}", self.connection.namespace())
    }

    fn of_key(&self, name: &[u8; 32]) -> String {
        let mut subject = format!("{}.keys.", self.connection.namespace());
        for byte in name {
            // Writing to a string does not fail.
            let _ = write!(subject, "{byte:02x}");
        }
        subject
    }

    fn of_bodies(&self, id: JobId) -> String {
        format!("{}.bodies.{id}", self.connection.namespace())
    }

    fn of_piece(&self, id: JobId, side: Side, number: usize) -> String {
        let bodies = self.of_bodies(id);
        match side {
            Side::Input => format!("{bodies}.in.{number}"),
            Side::Output(attempt) => format!("{bodies}.out.{attempt}.{number}"),
        }
    }

    /// The newest record of a job, and its sequence number.
    pub(super) async fn record(&self, id: JobId) -> Result<Option<(u64, Record)>, StoreError> {
        let Some(message) = last(&self.records, &self.of_record(id)).await? else {
            return Ok(None);
        };
        Ok(Some((message.sequence, decode(&message.payload, moment(message.time))?)))
    }

    /// Writes a record over the one with this sequence number; 0 if there is none.
    pub(super) async fn put_record(&self, record: &Record, over: u64) -> Result<Put, StoreError> {
        let subject = self.of_record(record.id);
        let bytes = encode(record);
        match self.put(&subject, bytes.clone(), over).await? {
            Put::Made(sequence) => Ok(Put::Made(sequence)),
            // An earlier attempt may have succeeded without an answer.
            Put::Taken => match last(&self.records, &subject).await? {
                Some(there) if there.payload == bytes => Ok(Put::Made(there.sequence)),
                _ => Ok(Put::Taken),
            },
        }
    }

    /// Has a key name this job, unless it names one already. The job that it names.
    ///
    /// That job may not be accepted yet: another process may be about to do that, or may have died
    /// before it was done. The same request becomes the same job then, of which there is one.
    pub(super) async fn put_key(
        &self,
        key: &IdempotencyKey,
        id: JobId,
    ) -> Result<JobId, StoreError> {
        let subject = self.of_key(&key.name);
        let mut over = 0;
        loop {
            let bytes = Bytes::from([&id.to_bytes()[..], &key.content].concat());
            if let Put::Made(_) = self.put(&subject, bytes, over).await? {
                return Ok(id);
            }
            match last(&self.records, &subject).await? {
                None => over = 0,
                Some(StreamMessage { sequence, payload, .. }) => {
                    let owner = job_id(&payload)?;
                    let is_same = payload.get(ID_BYTES..) == Some(&key.content);
                    if owner == id || is_same || self.record(owner).await?.is_some() {
                        return Ok(owner);
                    }
                    // Another request, which was refused.
                    over = sequence;
                }
            }
        }
    }

    /// The job that a key names.
    pub(super) async fn by_key(&self, name: &[u8; 32]) -> Result<Option<JobId>, StoreError> {
        let found = last(&self.records, &self.of_key(name)).await?;
        found.map(|message| job_id(&message.payload)).transpose()
    }

    async fn put(&self, subject: &str, bytes: Bytes, over: u64) -> Result<Put, StoreError> {
        let message = Message { subject: subject.to_owned(), bytes, over: Some(over) };
        patiently(|| self.to_records.publish(message.clone())).await
    }

    /// Stores an input or output. Twice is once.
    pub(super) async fn put_body(
        &self,
        id: JobId,
        side: Side,
        body: &Body,
    ) -> Result<(), StoreError> {
        let put = async |number: usize| {
            let bytes = body.part((number * PIECE) as u64, PIECE).await?;
            let message = Message { subject: self.of_piece(id, side, number), bytes, over: None };
            patiently(|| self.to_bodies.publish(message.clone())).await
        };
        let pieces = stream::iter(0..pieces_of(body.len())).map(put);
        pieces.buffer_unordered(AT_ONCE).try_for_each(|_| ready(Ok(()))).await
    }

    /// An input or output of this length: in a file if it is large. Blocks.
    ///
    /// # Errors
    /// Also if a piece of it is not there.
    pub(super) async fn body(&self, id: JobId, side: Side, len: u64) -> Result<Body, StoreError> {
        let piece = async |number| {
            let found = last(&self.bodies, &self.of_piece(id, side, number)).await?;
            let missing =
                || StoreError::corrupt(format!("piece {number} of a body of {id} is gone"));
            found.map(|message| message.payload).ok_or_else(missing)
        };
        let mut pieces = pin!(stream::iter(0..pieces_of(len)).map(piece).buffered(AT_ONCE));
        let mut file =
            if len > INLINE as u64 { BodyFile::without_name(&temp_dir())? } else { None };
        let mut memory = BytesMut::new();
        while let Some(piece) = pieces.try_next().await? {
            match &mut file {
                Some(file) => file.write(&piece)?,
                None => memory.extend_from_slice(&piece),
            }
        }
        let body = file.map_or_else(|| memory.freeze().into(), |file| Body::File(Arc::new(file)));
        if body.len() != len {
            let there = body.len();
            return Err(StoreError::corrupt(format!(
                "a body of {id} has {there} bytes, not {len}"
            )));
        }
        Ok(body)
    }

    /// Input and output of a job are given up.
    pub(super) async fn drop_bodies(&self, id: JobId) -> Result<(), StoreError> {
        self.purge(&self.bodies, self.of_bodies(id) + ".>").await
    }

    /// A job is forgotten: its bodies, its key and, last, its record.
    pub(super) async fn forget(
        &self,
        id: JobId,
        key: Option<IdempotencyKey>,
    ) -> Result<(), StoreError> {
        self.drop_bodies(id).await?;
        if let Some(key) = key
            && self.by_key(&key.name).await? == Some(id)
        {
            self.purge(&self.records, self.of_key(&key.name)).await?;
        }
        self.purge(&self.records, self.of_record(id)).await
    }

    async fn purge(&self, stream: &Stream, subject: String) -> Result<(), StoreError> {
        let purged = stream.purge().filter(subject).await;
        purged.map(drop).map_err(|error| StoreError::away(format!("cannot delete: {error}")))
    }
}

fn pieces_of(len: u64) -> usize {
    usize::try_from(len.div_ceil(PIECE as u64)).unwrap_or(usize::MAX)
}

/// The newest message of a subject, from the leader of its stream.
async fn last(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, StoreError> {
    patiently(|| last_once(stream, subject)).await
}

async fn last_once(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, StoreError> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(StoreError::away(format!("cannot read {subject}: {error}"))),
    }
}

/// Tries again while the servers do not answer, as while they elect a leader; but not for long.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.kind == StoreErrorKind::Away && begun.elapsed() < PATIENCE => {
                sleep(AGAIN.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
            }
            done => return done,
        }
    }
}

/// The record that the servers stored at this time, by their clock.
pub(super) fn decode(bytes: &Bytes, stored: Moment) -> Result<Record, StoreError> {
    let mut record: Record = serde_json::from_slice(bytes).map_err(|error| {
        StoreError::corrupt(format!("the record of a job cannot be read: {error}"))
    })?;
    record.stored_at(stored);
    Ok(record)
}

/// A time of the servers.
pub(super) fn moment(time: DateTime) -> Moment {
    Moment(u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default())
}

fn encode(record: &Record) -> Bytes {
    // It has no map and no number that JSON does not have.
    serde_json::to_vec(record).expect("a record is JSON").into()
}

fn job_id(bytes: &Bytes) -> Result<JobId, StoreError> {
    let bytes = bytes.first_chunk().ok_or_else(|| StoreError::corrupt("a key has no job"))?;
    Ok(JobId::from_bytes(*bytes))
}
