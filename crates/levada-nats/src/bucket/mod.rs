//! A bucket: a stream that keeps the newest message of each key, and pushes each one it stores.
//!
//! It is a key-value bucket of NATS, so that `nats kv` shows and changes it. Two things are added:
//!
//! * **Pushes.** The stream republishes each message it has stored, with its sequence, to a subject
//!   of its own. A subscriber needs no consumer, so that the server keeps nothing for it: nothing
//!   can leak when many clients reconnect at once, and nothing of a client can be deleted. A push
//!   can be lost on its way, as every message of NATS core; so a subscriber also asks at
//!   intervals.
//! * **Sequences that never begin again.** The first one is the time of the creation in
//!   microseconds. If the bucket is deleted and made again, its sequences go on above the former
//!   ones, and a compare-and-set with a former one fails.

mod feed;
mod push;
mod read;
mod write;

pub(crate) use self::feed::{Event, Feed};
pub(crate) use self::push::Pushed;
pub(crate) use self::read::{Entry, Position, ReadError};
pub(crate) use self::write::{Write, WriteError, deadline};

use crate::stream::{self, Durability, OpenError};
use crate::{Connection, Name};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, Stream};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The newest message of each key. Clones share it.
#[derive(Clone)]
pub(crate) struct Bucket {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
    stream: Stream<()>,
    config: Config,
    /// What stands before a key in the subject of its messages.
    prefix: String,
    /// Where the stream pushes to.
    pushes: String,
}

/// What a bucket is for.
pub(crate) struct Purpose<'a> {
    /// `cell`: part of the names.
    pub(crate) kind: &'a str,
    pub(crate) name: &'a Name,
    /// The one key that it has, or `>` for all.
    pub(crate) keys: &'a str,
    pub(crate) durability: Durability,
    /// Whether a message may expire.
    pub(crate) expiring: bool,
}

impl Bucket {
    /// The bucket, which is made if it does not exist.
    pub(crate) async fn open(
        connection: &Connection,
        purpose: &Purpose<'_>,
    ) -> Result<Self, OpenError> {
        let bucket = connection.stream_name(purpose.kind, purpose.name);
        let prefix = format!("$KV.{bucket}.");
        let mut pushes = connection.subject(purpose.kind, purpose.name);
        if purpose.keys == ">" {
            // The server wants the same wildcards on both sides.
            pushes += ".>";
        }
        let wanted = Config {
            name: format!("KV_{bucket}"),
            subjects: vec![format!("{prefix}{}", purpose.keys)],
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            allow_message_ttl: purpose.expiring,
            num_replicas: purpose.durability.replicas(),
            republish: Some(Republish {
                source: format!("{prefix}{}", purpose.keys),
                destination: pushes.clone(),
                headers_only: false,
            }),
            ..Config::default()
        };
        create(connection, wanted.clone()).await?;
        // The bare name takes no answer of the server, so that it cannot be out of date.
        let stream = connection.jetstream().get_stream_no_info(&wanted.name).await;
        let stream = stream.map_err(|error| OpenError::no_answer(&wanted.name, error))?;
        let shared =
            Shared { connection: connection.clone(), stream, config: wanted, prefix, pushes };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Makes the bucket again, after it was deleted.
    pub(crate) async fn make(&self) -> Result<(), OpenError> {
        create(self.connection(), self.shared.config.clone()).await
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.shared.connection
    }

    /// The name of the stream, for messages to people.
    pub(crate) fn stream_name(&self) -> &str {
        &self.shared.config.name
    }

    fn subject(&self, key: &str) -> String {
        format!("{}{key}", self.shared.prefix)
    }
}

/// Makes the stream, or compares the one that exists.
async fn create(connection: &Connection, wanted: Config) -> Result<(), OpenError> {
    let created = Config { first_sequence: Some(first_sequence()), ..wanted.clone() };
    let Err(error) = connection.jetstream().create_stream(created).await else { return Ok(()) };
    match error.kind() {
        CreateStreamErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::STREAM_NAME_EXIST =>
        {
            // Each creation has another first sequence: that of the existing one is not compared.
            stream::open(connection.jetstream(), wanted).await.map(drop)
        }
        CreateStreamErrorKind::JetStream(refusal) => {
            Err(OpenError::from_server(&wanted.name, &refusal))
        }
        _ => Err(OpenError::no_answer(&wanted.name, error)),
    }
}

/// Microseconds since 1970. Until the year 2255 a number of JavaScript can hold it, which tools
/// around NATS may need.
fn first_sequence() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(1).max(1)
}
