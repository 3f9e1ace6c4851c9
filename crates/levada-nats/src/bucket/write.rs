//! Writing to a bucket, until the answer is known.

use super::push::OPERATION;
use super::{Bucket, ReadError};
use crate::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use levada::watch;
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Before an attempt follows one that the server did not take.
const PAUSE: Duration = Duration::from_millis(100);

/// As good as no limit.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) key: &'a str,
    /// The value, or `None` to remove the key.
    pub(crate) value: Option<Bytes>,
    /// The revision that the key must have: 0 if it must not exist.
    pub(crate) expected: Option<u64>,
    /// After how long the message expires, in whole seconds.
    pub(crate) ttl: Option<Duration>,
}

/// Why something is not written, or may not be.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The key has another revision than was expected.
    Changed,
    /// The message is larger than the server takes.
    TooLarge { max: usize },
    /// The bucket does not exist.
    NoBucket,
    /// The server refused.
    Refused(String),
    /// No server was reached in time: nothing was written.
    Disconnected,
    /// The message may be stored, or come to be.
    Unknown,
}

/// How an attempt ended.
enum Attempt {
    Written(u64),
    Failed(WriteError),
    /// This attempt stored nothing, and a later one may succeed.
    Unavailable,
    /// It may have stored the message.
    Unanswered,
}

impl Bucket {
    /// Writes, within this time, and returns the new revision.
    ///
    /// Every attempt carries the same id, so that the server stores the message once: an attempt
    /// after one without an answer finds out how that one ended. (The server compares revisions
    /// before ids. So an attempt that meets another revision looks whose that is.)
    pub(crate) async fn write(
        &self,
        write: &Write<'_>,
        within: Duration,
    ) -> Result<u64, WriteError> {
        let deadline = deadline(within);
        let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let message = message(write, &id);
        let mut state = self.connection().state();
        let mut unanswered = false;
        loop {
            // The client keeps what it is given without a connection, and sends it later, perhaps
            // long after the caller gave up. So nothing is given to it then.
            let connected = timeout_at(deadline, connected(&mut state)).await;
            let attempt = match connected {
                Ok(true) => {
                    let attempt = self.attempt(write.key, message.clone(), &mut state);
                    timeout_at(deadline, attempt).await.unwrap_or(Attempt::Unanswered)
                }
                Ok(false) | Err(_) if unanswered => return Err(WriteError::Unknown),
                Ok(false) | Err(_) => return Err(WriteError::Disconnected),
            };
            match attempt {
                Attempt::Written(revision) => return Ok(revision),
                Attempt::Failed(WriteError::Changed) if unanswered => {
                    match self.last_with_id(write.key, &id).await {
                        Ok(Some(revision)) => return Ok(revision),
                        // It was not stored, or has been overwritten since.
                        Ok(None) | Err(ReadError::NoBucket) => return Err(WriteError::Unknown),
                        Err(ReadError::NoAnswer(_)) => {}
                    }
                }
                // The failure is that of this attempt.
                Attempt::Failed(_) if unanswered => return Err(WriteError::Unknown),
                Attempt::Failed(error) => return Err(error),
                Attempt::Unavailable => {}
                Attempt::Unanswered => unanswered = true,
            }
            if Instant::now() + PAUSE >= deadline {
                return Err(if unanswered {
                    WriteError::Unknown
                } else {
                    WriteError::Disconnected
                });
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        key: &str,
        message: PublishMessage,
        state: &mut watch::Receiver<State>,
    ) -> Attempt {
        let sent = self.connection().jetstream().send_publish(self.subject(key), message).await;
        let answer = match sent {
            Ok(answer) => answer.into_future(),
            Err(error) => return self.failed(&error).await,
        };
        let lost = state.wait_for(|state| !state.is_connected());
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            // The answer went to the former connection.
            _ = lost => return Attempt::Unanswered,
        };
        match answer {
            Ok(answer) => Attempt::Written(answer.sequence),
            Err(error) => self.failed(&error).await,
        }
    }

    async fn failed(&self, error: &PublishError) -> Attempt {
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Attempt::Failed(WriteError::Changed),
            PublishErrorKind::MaxPayloadExceeded => Attempt::Failed(self.too_large()),
            // No stream takes the subject: there is none, or it has no leader for the moment.
            PublishErrorKind::StreamNotFound => match self.position().await {
                Err(ReadError::NoBucket) => Attempt::Failed(WriteError::NoBucket),
                _ => Attempt::Unavailable,
            },
            PublishErrorKind::MaxAckPending => Attempt::Unavailable,
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Attempt::Unanswered,
            _ => self.refused(error),
        }
    }

    fn refused(&self, error: &PublishError) -> Attempt {
        let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
        match refusal.map(jetstream::Error::error_code) {
            // A cluster answers so while another write to the key is under way.
            Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) => {
                Attempt::Failed(WriteError::Changed)
            }
            Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Attempt::Failed(self.too_large()),
            Some(_) => Attempt::Failed(WriteError::Refused(error.to_string())),
            None => Attempt::Unanswered,
        }
    }

    fn too_large(&self) -> WriteError {
        WriteError::TooLarge { max: self.connection().client().server_info().max_payload }
    }
}

/// The end of this time, which may be longer than a clock goes.
pub(crate) fn deadline(within: Duration) -> Instant {
    Instant::now() + within.min(LONGEST)
}

fn message(write: &Write<'_>, id: &str) -> PublishMessage {
    let mut message =
        PublishMessage::build().message_id(id).payload(write.value.clone().unwrap_or_default());
    if write.value.is_none() {
        message = message.header(OPERATION, "DEL");
    }
    if let Some(expected) = write.expected {
        message = message.expected_last_subject_sequence(expected);
    }
    if let Some(ttl) = write.ttl {
        message = message.ttl(ttl);
    }
    message
}

/// Waits for a connection; `false` if there will be none.
async fn connected(state: &mut watch::Receiver<State>) -> bool {
    let state = state.wait_for(|state| state.is_connected() || state.is_closed()).await;
    state.is_ok_and(|state| state.is_connected())
}
