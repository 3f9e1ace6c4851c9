//! The messages that no receiver could handle.

use super::Shared;
use super::headers::{ATTEMPTS, ID, LIMIT, ORIGINAL_ID, REASON, SENT_AT, SEQ};
use super::store::{StoreError, own_headers, store};
use crate::codec::CodecError;
use async_nats::HeaderMap;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DeleteMessageErrorKind, RawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use bytes::Bytes;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The messages that no receiver could handle: rejected ones, those that cannot be decoded, and
/// those whose last attempt did not end in an acknowledgement.
///
/// # Guarantees
/// 1. The newest 100,000 are kept; older ones are removed.
/// 2. A message that comes to the dead letters twice within two minutes, or three leases, is stored
///    once.
/// 3. Reading removes nothing.
/// 4. [`redrive`](Self::redrive) stores the message in the queue before it removes the dead letter.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let queue = connection.queue("dead-docs".parse()?).open::<String>().await?;
/// let dead = queue.dead_letters();
/// let mut next = 0;
/// loop {
///     let page = dead.read(next, 100).await?;
///     let Some(last) = page.last() else { break };
///     next = last.seq() + 1;
///     for letter in &page {
///         println!("{}: {}", letter.seq(), letter.reason());
///         dead.redrive(letter.seq()).await?;
///     }
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct DeadLetters<T> {
    shared: Arc<Shared<T>>,
}

impl<T: 'static> DeadLetters<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    pub async fn len(&self) -> Result<u64, DeadLetterError> {
        Ok(self.stream().await?.map_or(0, |stream| stream.cached_info().state.messages))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    pub async fn is_empty(&self) -> Result<bool, DeadLetterError> {
        Ok(self.len().await? == 0)
    }

    /// Up to `max` dead letters, from the number `from` on; the oldest first.
    ///
    /// # Errors
    /// [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    pub async fn read(&self, from: u64, max: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut letters = Vec::new();
        let Some(stream) = self.stream().await? else { return Ok(letters) };
        let mut next = from.max(1);
        while letters.len() < max {
            let builder = stream.raw_message_builder().sequence(next);
            let found = builder.next_by_subject(self.shared.subjects.dead.as_str()).send().await;
            match found {
                Ok(message) => {
                    next = message.sequence.saturating_add(1);
                    letters.push(DeadLetter::new(message));
                }
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break,
                Err(error) => return Err(DeadLetterError::NoAnswer(Box::new(error))),
            }
        }
        Ok(letters)
    }

    /// Puts a dead letter back into the queue, and removes it here. It gets as many attempts as a
    /// new message; [`Delivery::attempt`](super::Delivery::attempt) goes on from where it was.
    ///
    /// # Errors
    /// [`DeadLetterError::Full`] if the queue has no room now, [`DeadLetterError::NotFound`] if
    /// there is no such dead letter. After [`DeadLetterError::NoAnswer`] the message may be in
    /// both; the next call, within the duplicate window of the queue, makes it one again.
    ///
    /// # Cancel safety
    /// The message may be in the queue and here.
    pub async fn redrive(&self, seq: u64) -> Result<(), DeadLetterError> {
        let stream = self.stream().await?.ok_or(DeadLetterError::NotFound { seq })?;
        let letter = get(&stream, seq).await?.ok_or(DeadLetterError::NotFound { seq })?;
        let Shared { connection, subjects, max_attempts, stores, .. } = &*self.shared;
        let bytes = self.bytes(&letter).await?;
        let mut headers = own_headers(Some(&letter.headers));
        headers.insert(LIMIT, letter.attempts().saturating_add(*max_attempts).to_string());
        // The number alone would be that of another letter after the stream was deleted.
        let id = format!("redriven-{}", letter.unique());
        let packed = stores.queue.pack(bytes, &mut headers).await;
        let packed = packed.map_err(|error| DeadLetterError::NoAnswer(Box::new(error)))?;
        let message = (headers, packed.payload);
        match store(connection, &subjects.messages, &id, message).await {
            Ok(()) => {}
            Err(StoreError::Full) => return Err(DeadLetterError::Full { seq }),
            Err(StoreError::NoStream) => return Err(DeadLetterError::NoStream),
            Err(StoreError::Other(reason)) => return Err(DeadLetterError::NoAnswer(reason.into())),
        }
        self.remove(seq).await.map(drop)
    }

    /// Removes a dead letter; false if there was none with this number.
    ///
    /// # Errors
    /// [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// It may be removed.
    pub async fn remove(&self, seq: u64) -> Result<bool, DeadLetterError> {
        let Some(stream) = self.stream().await? else { return Ok(false) };
        let Some(letter) = get(&stream, seq).await? else { return Ok(false) };
        match stream.delete_message(seq).await {
            Ok(removed) => {
                // What is left of it is swept.
                let _ = self.shared.stores.dead.discard(Some(&letter.headers)).await;
                Ok(removed)
            }
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_MESSAGE_DELETE_FAILED =>
                {
                    Ok(false)
                }
                _ => Err(DeadLetterError::NoAnswer(Box::new(error))),
            },
        }
    }

    /// The message of a dead letter.
    ///
    /// # Errors
    /// [`DeadLetterError::Decode`] if the codec of the queue cannot decode it, which may be why it
    /// is here; [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    pub async fn decode(&self, letter: &DeadLetter) -> Result<T, DeadLetterError> {
        let bytes = self.bytes(letter).await?;
        self.shared.codec.decode(&bytes).map_err(DeadLetterError::Decode)
    }

    /// The message of a dead letter as bytes.
    ///
    /// # Errors
    /// [`DeadLetterError::NoAnswer`].
    ///
    /// # Cancel safety
    /// Yes: the call has no effect.
    pub async fn bytes(&self, letter: &DeadLetter) -> Result<Bytes, DeadLetterError> {
        let bytes = self.shared.stores.dead.unpack(Some(&letter.headers), &letter.payload).await;
        bytes.map_err(|error| DeadLetterError::NoAnswer(Box::new(error)))
    }

    /// The stream, unless there was no dead letter yet.
    async fn stream(&self) -> Result<Option<Stream>, DeadLetterError> {
        let jetstream: &Context = self.shared.connection.jetstream();
        match jetstream.get_stream(&self.shared.subjects.dead_stream).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(DeadLetterError::NoAnswer(Box::new(error))),
            },
        }
    }
}

/// The dead letter with this number.
async fn get(stream: &Stream, seq: u64) -> Result<Option<DeadLetter>, DeadLetterError> {
    match stream.get_raw_message(seq).await {
        Ok(message) => Ok(Some(DeadLetter::new(message))),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(DeadLetterError::NoAnswer(Box::new(error))),
    }
}

impl<T> Clone for DeadLetters<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for DeadLetters<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("queue", &self.shared.name.as_str())
            .finish_non_exhaustive()
    }
}

/// A message that no receiver could handle.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// let queue = connection.queue("dead-letter-docs".parse()?).open::<u32>().await?;
/// # for letter in queue.dead_letters().read(0, 100).await? {
/// #     queue.dead_letters().remove(letter.seq()).await?;
/// # }
/// let receiver = queue.receiver(1).await?;
/// queue.sender().send(7).await?;
/// receiver.recv().await?.reject("seven is wrong").await?;
///
/// let letters = queue.dead_letters().read(0, 10).await?;
/// assert_eq!(letters[0].reason(), "seven is wrong");
/// assert_eq!(letters[0].attempts(), 1);
/// assert_eq!(queue.dead_letters().decode(&letters[0]).await?, 7);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct DeadLetter {
    seq: u64,
    headers: HeaderMap,
    payload: Bytes,
}

impl DeadLetter {
    fn new(message: StreamMessage) -> Self {
        Self { seq: message.sequence, headers: message.headers, payload: message.payload }
    }

    /// Its number among the dead letters.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Which number it had in the queue.
    pub fn queue_seq(&self) -> Option<u64> {
        self.number(SEQ)
    }

    /// Why it is here.
    pub fn reason(&self) -> &str {
        self.text(REASON).unwrap_or_default()
    }

    /// The id it was sent with.
    pub fn id(&self) -> Option<&str> {
        self.text(ORIGINAL_ID)
    }

    /// How often it was delivered.
    pub fn attempts(&self) -> u64 {
        self.number(ATTEMPTS).unwrap_or(0)
    }

    /// When the queue first stored it.
    pub fn sent_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.number(SENT_AT)?))
    }

    fn unique(&self) -> &str {
        self.text(ID).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get_last(name).map(|value| value.as_str())
    }
}

/// Why something could not be done with a dead letter.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// # let connection = levada_nats::connect(&url).await?;
/// use levada_nats::queue::DeadLetterError;
///
/// let queue = connection.queue("no-letter-docs".parse()?).open::<u32>().await?;
/// let error = queue.dead_letters().redrive(7).await.unwrap_err();
/// assert!(matches!(error, DeadLetterError::NotFound { seq: 7 }));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum DeadLetterError {
    /// There is none with this number.
    NotFound {
        /// The number.
        seq: u64,
    },
    /// The queue is full.
    Full {
        /// The number of the dead letter, which is still there.
        seq: u64,
    },
    /// The stream of the queue was deleted.
    NoStream,
    /// The codec cannot decode the message.
    Decode(CodecError),
    /// The server did not answer, or refused.
    NoAnswer(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for DeadLetterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { seq } => write!(f, "there is no dead letter {seq}"),
            Self::Full { seq } => {
                write!(f, "the queue is full: send the dead letter {seq} again later")
            }
            Self::NoStream => f.write_str("the stream of the queue was deleted: open it again"),
            Self::Decode(source) => write!(f, "the dead letter cannot be decoded: {source}"),
            Self::NoAnswer(source) => write!(f, "the NATS server does not answer: {source}"),
        }
    }
}

impl Error for DeadLetterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer(source) | Self::Decode(source) => Some(&**source),
            _ => None,
        }
    }
}
