//! Sending.

use super::error::SendError;
use super::source::Source;
use crate::State;
use crate::codec::Codec;
use async_nats::jetstream::context::{GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a send lasts if the connection has no limit for requests.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause before a message that reached no stream is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// What the server adds to each message in a file, rounded up: its length, number, time, the length
/// of the subject and of the headers, a checksum.
const STORED_WITH: usize = 64;

/// What the server says about a stored message.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let topic = connection.topic("sent".parse()?).open::<u32>().await?;
/// let first = topic.send(7).id("payment-7").await?;
/// let second = topic.send(7).id("payment-7").await?;
/// assert_eq!(second.seq, first.seq);
/// assert!(second.duplicate);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sent {
    /// The message's sequence number.
    pub seq: u64,
    /// Whether a message with this id was there already, so that this one was not stored again.
    pub duplicate: bool,
}

/// A message to send: what [`Topic::send`](super::Topic::send) returns. It does nothing until it is
/// awaited.
#[must_use = "a message is sent when this is awaited"]
pub struct Send<'a, T> {
    source: &'a Source,
    codec: &'a dyn Codec<T>,
    message: T,
    id: Option<String>,
}

impl<'a, T> Send<'a, T> {
    pub(super) fn new(source: &'a Source, codec: &'a dyn Codec<T>, message: T) -> Self {
        Self { source, codec, message, id: None }
    }

    /// An id for the message. The server stores one message with this id within two minutes (or the
    /// topic's [`max_age`](super::Options::max_age), if that is shorter), however often it is sent.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

impl<T> fmt::Debug for Send<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send")
            .field("stream", &self.source.stream)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<'a, T: std::marker::Send + 'static> IntoFuture for Send<'a, T> {
    type Output = Result<Sent, SendError<T>>;
    type IntoFuture = Sending<'a, T>;

    fn into_future(self) -> Sending<'a, T> {
        Sending { future: Box::pin(self.run()) }
    }
}

/// The future of [`Send`].
///
/// # Cancel safety
/// If it is dropped after it was polled, the message may or may not be stored, as with
/// [`SendError::Unknown`].
#[must_use = "a message is sent when this is awaited"]
pub struct Sending<'a, T> {
    future: Pin<Box<dyn Future<Output = Result<Sent, SendError<T>>> + std::marker::Send + 'a>>,
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<Sent, SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// Why a message was not sent, without it.
enum Failure {
    Unknown,
    TooLarge { size: usize, limit: usize },
    NoStream,
    Disconnected,
    Refused(String),
}

impl Failure {
    fn with<T>(self, message: T, source: &Source) -> SendError<T> {
        match self {
            Self::Unknown => SendError::Unknown(message),
            Self::TooLarge { size, limit } => SendError::TooLarge { message, size, limit },
            Self::NoStream => SendError::NoStream { message, stream: source.stream.clone() },
            Self::Disconnected => SendError::Disconnected(message),
            Self::Refused(reason) => SendError::Refused { message, reason },
        }
    }
}

impl<T: 'static> Send<'_, T> {
    async fn run(self) -> Result<Sent, SendError<T>> {
        let Self { source, codec, message, id } = self;
        if let Some(id) = id.clone().filter(|id| id.is_empty() || id.contains(['\r', '\n'])) {
            return Err(SendError::Id { message, id });
        }
        match codec.encode(&message) {
            Ok(payload) => {
                let sent = send(source, payload, id).await;
                sent.map_err(|failure| failure.with(message, source))
            }
            Err(source) => Err(SendError::Encode { message, source }),
        }
    }
}

async fn send(source: &Source, payload: Bytes, id: Option<String>) -> Result<Sent, Failure> {
    check_size(source, payload.len(), id.as_deref())?;
    let patience = source.connection.client().timeout().unwrap_or(PATIENCE);
    let deadline = Instant::now() + patience;
    loop {
        connected(source, deadline).await?;
        let mut message = PublishMessage::build().payload(payload.clone());
        if let Some(id) = &id {
            message = message.message_id(id);
        }
        let jetstream = source.connection.jetstream();
        let publishing = jetstream.send_publish(source.subject.clone(), message);
        let stored = match publishing.await {
            Ok(answer) => answer.await,
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                let limit = source.connection.client().max_payload();
                return Err(Failure::TooLarge { size: payload.len(), limit });
            }
            // It was not handed over to the connection.
            Err(_) => return Err(Failure::Disconnected),
        };
        match stored {
            Ok(PublishAck { sequence, duplicate, .. }) => {
                return Ok(Sent { seq: sequence, duplicate });
            }
            // Nothing listens on the subject, so it was not stored: the stream is deleted, or has
            // no leader at the moment.
            Err(error) if error.kind() == PublishErrorKind::StreamNotFound => {
                check_exists(source).await?;
                if Instant::now() + AGAIN >= deadline {
                    return Err(Failure::Disconnected);
                }
                sleep(AGAIN).await;
            }
            Err(error) => return Err(meaning(&error)),
        }
    }
}

/// Refuses what the server or the stream does not take.
///
/// A stream with `max_bytes` acknowledges a message that is larger than that, and removes it at
/// once.
fn check_size(source: &Source, payload: usize, id: Option<&str>) -> Result<(), Failure> {
    let headers = id.map_or(0, |id| "NATS/1.0\r\nNats-Msg-Id: \r\n\r\n".len() + id.len());
    let size = payload + headers;
    let limit = source.connection.client().max_payload();
    if size > limit {
        return Err(Failure::TooLarge { size, limit });
    }
    let stored = size + source.subject.len() + STORED_WITH;
    match source.max_bytes.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) {
        Some(limit) if stored > limit => Err(Failure::TooLarge { size: stored, limit }),
        _ => Ok(()),
    }
}

/// Waits for a connection: what is sent without one waits in the client and is sent when its sender
/// has long given up.
async fn connected(source: &Source, deadline: Instant) -> Result<(), Failure> {
    let mut state = source.connection.state();
    let state = timeout_at(deadline, state.wait_for(|state| *state != State::Reconnecting)).await;
    match state {
        Ok(Ok(state)) if state.is_connected() => Ok(()),
        _ => Err(Failure::Disconnected),
    }
}

/// Fails if the stream was deleted.
async fn check_exists(source: &Source) -> Result<(), Failure> {
    match source.connection.jetstream().get_stream(&source.stream).await {
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Err(Failure::NoStream)
            }
            _ => Ok(()),
        },
        Ok(_) => Ok(()),
    }
}

fn meaning(error: &PublishError) -> Failure {
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    match (error.kind(), refusal) {
        (_, Some(refusal)) => Failure::Refused(refusal.to_string()),
        _ => Failure::Unknown,
    }
}
