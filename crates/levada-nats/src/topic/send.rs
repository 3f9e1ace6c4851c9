//! Sending.

use super::error::SendError;
use super::source::Source;
use crate::State;
use crate::codec::Codec;
use crate::connection::{Ack, NoAck};
use crate::payload::PayloadError;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, RequestErrorKind};
use bytes::Bytes;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// The pause before a message that reached no stream is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// How often a sender of large messages deletes the objects of those that are gone.
const SWEEP: Duration = Duration::from_secs(600);

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
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let topic = connection.topic("states".parse()?).open::<String>().await?;
/// let sent = topic.send("paid".to_owned()).id("order-7-paid").await?;
/// println!("stored as {}", sent.seq);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
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
    /// A message with an id is sent again if the connection is lost before the server has answered,
    /// as long as the time for it lasts.
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
    let mut headers = HeaderMap::new();
    if let Some(id) = id {
        headers.insert(NATS_MESSAGE_ID, id);
    }
    let patience = source.connection.request_timeout();
    connected(source, Instant::now() + patience).await?;
    let packed = source.objects.pack(payload, &mut headers).await.map_err(|error| match error {
        // An answer to a part was lost. No message refers to the others.
        PayloadError::Server { .. } => Failure::Disconnected,
        error => Failure::Refused(error.to_string()),
    })?;
    let sent = publish(source, packed.payload, headers, Instant::now() + patience).await;
    if let Some(object) = packed.reference {
        let is_used = match &sent {
            Ok(sent) => !sent.duplicate,
            Err(failure) => matches!(failure, Failure::Unknown),
        };
        if is_used {
            sweep(source);
        } else if let Err(error) = source.objects.delete(&object).await {
            tracing::debug!(%error, "an object without a message is deleted later");
        }
    }
    sent
}

/// Publishes until the server has the message, or says what it will say later as well. What may be
/// stored is published again only if it has an id.
async fn publish(
    source: &Source,
    payload: Bytes,
    headers: HeaderMap,
    deadline: Instant,
) -> Result<Sent, Failure> {
    check_size(source, payload.len(), &headers)?;
    let has_id = headers.get(NATS_MESSAGE_ID).is_some();
    let mut may_be_stored = false;
    let failure = loop {
        if connected(source, deadline).await.is_err() {
            break Failure::Disconnected;
        }
        match publish_once(source, payload.clone(), headers.clone(), deadline).await {
            Answer::Stored(sent) => return Ok(sent),
            Answer::None if has_id => may_be_stored = true,
            Answer::None => return Err(Failure::Unknown),
            Answer::NoResponders => {
                if let Err(failure) = check_exists(source).await {
                    break failure;
                }
            }
            Answer::NotNow => {}
            Answer::Refused(reason) => break Failure::Refused(reason),
        }
        if Instant::now() + AGAIN >= deadline {
            break Failure::Disconnected;
        }
        sleep(AGAIN).await;
    };
    // An earlier copy may be in a buffer somewhere between; later answers say nothing about it.
    Err(if may_be_stored { Failure::Unknown } else { failure })
}

/// What came of one publish.
enum Answer {
    Stored(Sent),
    /// None came, or another copy is on its way: it may be stored.
    None,
    /// Nothing listens on the subject, so it was not stored: the stream is deleted, or has no
    /// leader at the moment.
    NoResponders,
    /// A leader is being elected, or the connection is lost. It was not stored.
    NotNow,
    /// It was not stored.
    Refused(String),
}

/// The answer ends with the connection: what was written to a connection that is lost may be
/// stored.
async fn publish_once(
    source: &Source,
    payload: Bytes,
    headers: HeaderMap,
    deadline: Instant,
) -> Answer {
    if !source.connection.state().borrow().is_connected() {
        return Answer::NotNow;
    }
    let subject = source.subject.clone();
    let message = match source.connection.request(subject, Some(headers), payload, deadline).await {
        Ok(message) => message,
        Err(RequestErrorKind::NoResponders) => return Answer::NoResponders,
        Err(RequestErrorKind::TimedOut | RequestErrorKind::Other) => return Answer::None,
        Err(kind @ (RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded)) => {
            return Answer::Refused(kind.to_string());
        }
    };
    match Ack::read(&message.payload) {
        Ok(Ack { seq, duplicate }) => Answer::Stored(Sent { seq, duplicate }),
        Err(NoAck::Refused(error)) => refusal(&error),
        Err(NoAck::Unreadable(reason)) => Answer::Refused(reason),
    }
}

/// What a refusal means.
fn refusal(error: &jetstream::Error) -> Answer {
    match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND => Answer::NoResponders,
        ErrorCode::CLUSTER_NOT_AVAILABLE
        | ErrorCode::CLUSTER_NOT_LEADER
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::STREAM_TOO_MANY_REQUESTS => Answer::NotNow,
        // What Raft says when it cannot take a proposal has no code.
        ErrorCode(0) if error.code() == 503 => Answer::NotNow,
        // A copy of it is on its way through the cluster, and may not arrive.
        ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT => Answer::None,
        _ => Answer::Refused(error.to_string()),
    }
}

/// Refuses what the server or the stream does not take.
///
/// A stream with `max_bytes` acknowledges a message that is larger than that, and removes it at
/// once.
fn check_size(source: &Source, payload: usize, headers: &HeaderMap) -> Result<(), Failure> {
    let lines = headers.iter().flat_map(|(name, values)| {
        values.iter().map(|value| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4)
    });
    let lines = lines.sum::<usize>();
    let size = payload + if lines == 0 { 0 } else { lines + "NATS/1.0\r\n\r\n".len() };
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

/// Deletes the objects of messages that were overwritten, from time to time.
fn sweep(source: &Source) {
    let mut swept = source.swept.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.is_some_and(|swept| swept.elapsed() < SWEEP) {
        return;
    }
    *swept = Some(std::time::Instant::now());
    let (jetstream, stream) = (source.connection.jetstream().clone(), source.stream.clone());
    let objects = source.objects.clone();
    tokio::spawn(async move {
        let Ok(stream) = jetstream.get_stream(&stream).await else { return };
        let state = &stream.cached_info().state;
        let oldest = if state.messages > 0 { state.first_timestamp } else { state.last_timestamp };
        if let Err(error) = objects.sweep(oldest.into()).await {
            tracing::debug!(%error, "objects of old messages are deleted later");
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u32, err_code: u32) -> Answer {
        let json = format!(r#"{{"code":{code},"err_code":{err_code},"description":"something"}}"#);
        refusal(&serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn an_election_is_waited_for_and_a_full_disk_is_not() {
        for (code, err_code) in [(503, 10_008), (500, 10_009), (503, 0), (429, 10_167)] {
            assert!(matches!(answer(code, err_code), Answer::NotNow), "{err_code}");
        }
        assert!(matches!(answer(409, 10_158), Answer::None));
        assert!(matches!(answer(404, 10_059), Answer::NoResponders));
        for (code, err_code) in [(503, 10_077), (500, 10_047), (400, 10_071)] {
            let Answer::Refused(reason) = answer(code, err_code) else { panic!("{err_code}") };
            assert!(reason.contains("something"), "{reason}");
        }
    }
}
