//! The streams of the cluster, and how they are written and read.
//!
//! | stream    | subject                  | a message                                        |
//! |-----------|--------------------------|--------------------------------------------------|
//! | `records` | `NAME.records.ID`        | the record of a job, as JSON; the last one only  |
//! | `records` | `NAME.keys.DIGEST`       | the id of the job that has an idempotency key    |
//! | `bodies`  | `NAME.bodies.ID.SIDE.N`  | a piece of an input (`in`) or output (`out`)     |

use std::fmt::Write;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use bytes::{Bytes, BytesMut};
use futures_util::future::try_join_all;
use levada_nats::{Connection, Durability, OpenError};

use crate::job::{IdempotencyKey, JobId, Record};
use crate::store::StoreError;
use crate::store::body::Body;

/// How many bytes of a body one message has: less than the server takes by default (1 MiB).
const PIECE: usize = 512 * 1024;

/// What the cluster keeps.
#[derive(Debug)]
pub(super) struct Wire {
    connection: Connection,
    records: Stream,
    bodies: Stream,
}

/// Which of a job's bodies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Input,
    Output,
}

/// What came of a compare-and-set.
#[derive(Debug)]
pub(super) enum Put {
    /// It is the newest now, with this sequence number.
    Made(u64),
    /// Another process was faster.
    Taken,
}

impl Wire {
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
        Ok(Self { connection: connection.clone(), records, bodies })
    }

    pub(super) fn records(&self) -> &Stream {
        &self.records
    }

    /// The subject of all records.
    pub(super) fn all_records(&self) -> String {
        format!("{}.records.*", self.connection.namespace())
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
        let side = match side {
            Side::Input => "in",
            Side::Output => "out",
        };
        format!("{}.{side}.{number}", self.of_bodies(id))
    }

    /// The newest record of a job, and its sequence number.
    pub(super) async fn record(&self, id: JobId) -> Result<Option<(u64, Record)>, StoreError> {
        let Some((sequence, bytes)) = last(&self.records, &self.of_record(id)).await? else {
            return Ok(None);
        };
        Ok(Some((sequence, decode(&bytes)?)))
    }

    /// Writes a record over the one with this sequence number; 0 if there is none.
    pub(super) async fn put_record(&self, record: &Record, over: u64) -> Result<Put, StoreError> {
        let subject = self.of_record(record.id);
        let bytes = encode(record);
        match self.put(&subject, bytes.clone(), over).await? {
            Put::Made(sequence) => Ok(Put::Made(sequence)),
            // An earlier attempt may have succeeded without an answer.
            Put::Taken => match last(&self.records, &subject).await? {
                Some((sequence, there)) if there == bytes => Ok(Put::Made(sequence)),
                _ => Ok(Put::Taken),
            },
        }
    }

    /// Has a key name this job. The job that it names.
    pub(super) async fn put_key(
        &self,
        key: &IdempotencyKey,
        id: JobId,
    ) -> Result<JobId, StoreError> {
        let subject = self.of_key(&key.name);
        let mut over = 0;
        loop {
            let bytes = Bytes::copy_from_slice(&id.to_bytes());
            if let Put::Made(_) = self.put(&subject, bytes, over).await? {
                return Ok(id);
            }
            match last(&self.records, &subject).await? {
                None => over = 0,
                Some((sequence, bytes)) => {
                    let owner = job_id(&bytes)?;
                    // Of a job that was never accepted, or is forgotten, only the key is left.
                    if owner == id || self.record(owner).await?.is_some() {
                        return Ok(owner);
                    }
                    over = sequence;
                }
            }
        }
    }

    /// The job that a key names.
    pub(super) async fn by_key(&self, name: &[u8; 32]) -> Result<Option<JobId>, StoreError> {
        let found = last(&self.records, &self.of_key(name)).await?;
        found.map(|(_, bytes)| job_id(&bytes)).transpose()
    }

    async fn put(&self, subject: &str, bytes: Bytes, over: u64) -> Result<Put, StoreError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, over.to_string());
        let jetstream = self.connection.jetstream();
        let sent = jetstream.publish_with_headers(subject.to_owned(), headers, bytes).await;
        let stored = match sent {
            Ok(stored) => stored.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) => Ok(Put::Made(stored.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Put::Taken),
            Err(error) => Err(not_stored(&error)),
        }
    }

    /// Stores an input or output. Twice is once.
    pub(super) async fn put_body(
        &self,
        id: JobId,
        side: Side,
        body: &Body,
    ) -> Result<(), StoreError> {
        let bytes = body.clone().into_memory().await?;
        let pieces = pieces_of(bytes.len() as u64);
        let put = |number: usize| {
            let from = number * PIECE;
            let piece = bytes.slice(from..(from + PIECE).min(bytes.len()));
            let subject = self.of_piece(id, side, number);
            async move {
                let sent = self.connection.jetstream().publish(subject, piece).await;
                let stored = match sent {
                    Ok(stored) => stored.await,
                    Err(error) => Err(error),
                };
                stored.map_err(|error| not_stored(&error))
            }
        };
        try_join_all((0..pieces).map(put)).await?;
        Ok(())
    }

    /// An input or output of this length.
    ///
    /// # Errors
    /// Also if a piece of it is not there.
    pub(super) async fn body(&self, id: JobId, side: Side, len: u64) -> Result<Body, StoreError> {
        let pieces = (0..pieces_of(len)).map(async |number| {
            let found = last(&self.bodies, &self.of_piece(id, side, number)).await?;
            let missing =
                || StoreError::corrupt(format!("piece {number} of a body of {id} is gone"));
            found.map(|(_, bytes)| bytes).ok_or_else(missing)
        });
        let mut pieces = try_join_all(pieces).await?;
        let body = match pieces.len() {
            0 => Bytes::new(),
            1 => pieces.remove(0),
            _ => {
                let mut whole = BytesMut::new();
                pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
                whole.freeze()
            }
        };
        if body.len() as u64 != len {
            let there = body.len();
            return Err(StoreError::corrupt(format!(
                "a body of {id} has {there} bytes, not {len}"
            )));
        }
        Ok(Body::from(body))
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
async fn last(stream: &Stream, subject: &str) -> Result<Option<(u64, Bytes)>, StoreError> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some((message.sequence, message.payload))),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(StoreError::away(format!("cannot read {subject}: {error}"))),
    }
}

/// What an error of a publish means. Whatever it is, the change may be made later.
pub(super) fn not_stored(error: &PublishError) -> StoreError {
    StoreError::away(format!("the NATS servers did not store it: {error}"))
}

pub(super) fn decode(bytes: &Bytes) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| {
        StoreError::corrupt(format!("the record of a job cannot be read: {error}"))
    })
}

fn encode(record: &Record) -> Bytes {
    // It has no map and no number that JSON does not have.
    serde_json::to_vec(record).expect("a record is JSON").into()
}

fn job_id(bytes: &Bytes) -> Result<JobId, StoreError> {
    let bytes = bytes.as_ref().try_into();
    let bytes = bytes.map_err(|_| StoreError::corrupt("a key has no job"))?;
    Ok(JobId::from_bytes(bytes))
}
