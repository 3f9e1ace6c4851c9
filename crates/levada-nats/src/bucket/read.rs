//! What a bucket holds, from the leader of its stream.
//!
//! A replica may answer a direct get before it has the newest message, and the client would ask the
//! same replica again. So all reads go to the leader.

use super::Bucket;
use super::push::removes;
use async_nats::datetime::DateTime;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, InfoError, LastRawMessageErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::HashSet;
use std::error::Error;

/// The newest message of a key.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) revision: u64,
    /// The value, or `None` if the key was removed.
    pub(crate) value: Option<Bytes>,
}

/// Where the stream of a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// When the stream was created: another time is another stream.
    pub(crate) created: DateTime,
    /// The sequence of the newest message that it has or had.
    pub(crate) last: u64,
    /// How many keys it has.
    pub(crate) keys: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The bucket does not exist.
    NoBucket,
    /// The server did not answer, or refused.
    NoAnswer(Box<dyn Error + Send + Sync>),
}

impl Bucket {
    /// The newest message of a key.
    pub(crate) async fn last(&self, key: &str) -> Result<Option<Entry>, ReadError> {
        Ok(self.last_message(key).await?.map(|message| {
            let value = (!removes(&message.headers)).then_some(message.payload);
            Entry { revision: message.sequence, value }
        }))
    }

    /// The revision of the newest message of a key, if that has this id.
    pub(super) async fn last_with_id(&self, key: &str, id: &str) -> Result<Option<u64>, ReadError> {
        let message = self.last_message(key).await?.filter(|message| {
            message.headers.get(NATS_MESSAGE_ID).is_some_and(|found| found.as_str() == id)
        });
        Ok(message.map(|message| message.sequence))
    }

    async fn last_message(&self, key: &str) -> Result<Option<StreamMessage>, ReadError> {
        let subject = self.subject(key);
        let error = match self.shared.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => return Ok(Some(message)),
            Err(error) => error,
        };
        match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(refusal) => match refusal.error_code() {
                ErrorCode::NO_MESSAGE_FOUND => Ok(None),
                ErrorCode::STREAM_NOT_FOUND => Err(ReadError::NoBucket),
                _ => Err(ReadError::NoAnswer(Box::new(error))),
            },
            LastRawMessageErrorKind::InvalidSubject | LastRawMessageErrorKind::Other => {
                Err(ReadError::NoAnswer(Box::new(error)))
            }
        }
    }

    /// All keys, those that were removed and whose marker has not expired yet among them.
    pub(crate) async fn keys(&self) -> Result<HashSet<String>, ReadError> {
        let subjects = self.shared.stream.info_with_subjects(self.subject(">")).await;
        let mut subjects = subjects.map_err(no_info)?;
        from_a_leader(&subjects.info)?;
        let mut keys = HashSet::new();
        while let Some(found) = subjects.next().await {
            let (subject, _) = found.map_err(no_info)?;
            keys.extend(subject.strip_prefix(&self.shared.prefix).map(str::to_owned));
        }
        Ok(keys)
    }

    /// Where its stream stands: one small answer, however large the values are.
    pub(crate) async fn position(&self) -> Result<Position, ReadError> {
        let info: Info = self.shared.stream.get_info().await.map_err(no_info)?;
        from_a_leader(&info)?;
        Ok(Position {
            created: info.created,
            last: info.state.last_sequence,
            keys: info.state.messages,
        })
    }
}

/// A replica that knows of no leader answers as well. It may be cut off from the others, and not
/// know what they have stored since.
fn from_a_leader(info: &Info) -> Result<(), ReadError> {
    match &info.cluster {
        Some(cluster) if cluster.leader.as_ref().is_none_or(String::is_empty) => {
            Err(ReadError::NoAnswer("the stream has no leader".into()))
        }
        // A server that is in no cluster says nothing about it.
        Some(_) | None => Ok(()),
    }
}

fn no_info(error: InfoError) -> ReadError {
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    match refusal.map(jetstream::Error::error_code) {
        Some(ErrorCode::STREAM_NOT_FOUND) => ReadError::NoBucket,
        _ => ReadError::NoAnswer(Box::new(error)),
    }
}
