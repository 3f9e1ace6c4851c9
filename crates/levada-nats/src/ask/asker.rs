//! The side that asks, as a program sees it.

use super::error::AskError;
use super::presence::connected;
use super::waiting::{Reply, Waiting};
use super::wire::{self, Refusal, WITHIN};
use crate::codec::Codec;
use crate::payload::{Objects, Packed, PayloadError, REFERENCE};
use crate::{Connection, Name};
use async_nats::{HeaderMap, Message, StatusCode, Subject};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

/// The longest deadline, 100 years: a sum with the present time must exist.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How many answerers are tried, one after another, if they have no free seat. The server chooses
/// each of them by chance.
const TRIES: usize = 3;

/// How long a question pauses that came to an answerer which was just leaving, and how often.
const RETRY: Duration = Duration::from_millis(2);
const RETRIES: usize = 1000;

/// Asks questions, each of which one answerer gets. Clones share it.
///
/// It is the sender of a question and the receiver of its answer: a oneshot channel across
/// machines. See [the module](super) for what is guaranteed.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// let connection = levada_nats::connect(&url).await?;
/// let mut answerer = connection.answerer::<u32, u32>("asker-squares".parse()?).await?;
/// tokio::spawn(async move {
///     while let Ok(question) = answerer.recv().await {
///         let square = *question * *question;
///         // An error means that the asker no longer waits.
///         let _ = question.answer(square).await;
///     }
/// });
///
/// let asker = connection.asker::<u32, u32>("asker-squares".parse()?);
/// assert_eq!(asker.ask(7).await?, 49);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Asker<Q, A> {
    core: Arc<Core<Q, A>>,
}

struct Core<Q, A> {
    connection: Connection,
    questions: Subject,
    question_codec: Arc<dyn Codec<Q>>,
    answer_codec: Arc<dyn Codec<A>>,
    objects: Objects,
    /// Set with the first question, because it takes a runtime.
    waiting: OnceCell<Waiting>,
}

impl<Q, A> Asker<Q, A> {
    pub(super) fn new<C: Codec<Q> + Codec<A>>(
        connection: &Connection,
        name: &Name,
        codec: C,
    ) -> Self {
        let codec = Arc::new(codec);
        let core = Core {
            connection: connection.clone(),
            questions: connection.subject("ask", name).into(),
            question_codec: codec.clone(),
            answer_codec: codec,
            objects: super::objects(connection, name),
            waiting: OnceCell::new(),
        };
        Self { core: Arc::new(core) }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Asker<Q, A> {
    /// Asks, and waits for the answer: 5 seconds, or as long as
    /// [`ConnectOptions::request_timeout`](crate::ConnectOptions::request_timeout) says, unless
    /// [`Ask::within`] says otherwise.
    ///
    /// # Errors
    /// See [`AskError`]. Each variant has the question.
    ///
    /// # Cancel safety
    /// A dropped future cancels the question: see
    /// [`Question::closed`](super::Question::closed).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// use levada_nats::ask::AskError;
    /// use std::time::Duration;
    ///
    /// let connection = levada_nats::connect(&url).await?;
    /// // It takes no question out of its seats.
    /// let slow = connection.answerer::<u32, u32>("asker-slow".parse()?).await?;
    /// let asker = connection.asker::<u32, u32>("asker-slow".parse()?);
    /// let error = asker.ask(7).within(Duration::from_millis(50)).await.unwrap_err();
    /// assert!(matches!(error, AskError::TimedOut { question: 7, .. }));
    /// # drop(slow);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn ask(&self, question: Q) -> Ask<'_, Q, A> {
        let within = self.core.connection.request_timeout();
        Ask { core: &self.core, question, within }
    }
}

impl<Q, A> Clone for Asker<Q, A> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<Q, A> fmt::Debug for Asker<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker")
            .field("subject", &self.core.questions.as_str())
            .finish_non_exhaustive()
    }
}

/// A question that is asked when this is awaited: see [`Asker::ask`].
#[must_use = "a question is asked when this is awaited"]
pub struct Ask<'a, Q, A> {
    core: &'a Core<Q, A>,
    question: Q,
    within: Duration,
}

impl<Q, A> Ask<'_, Q, A> {
    /// How long the asker waits. The answerer learns it, too.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within.min(LONGEST);
        self
    }
}

impl<Q, A> fmt::Debug for Ask<'_, Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("within", &self.within).finish_non_exhaustive()
    }
}

impl<'a, Q: Send + 'static, A: Send + 'static> IntoFuture for Ask<'a, Q, A> {
    type Output = Result<A, AskError<Q>>;
    type IntoFuture = Asking<'a, Q, A>;

    fn into_future(self) -> Asking<'a, Q, A> {
        let Self { core, question, within } = self;
        Asking { future: Box::pin(core.ask(question, within)) }
    }
}

/// The future of [`Asker::ask`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Asking<'a, Q, A> {
    future: BoxFuture<'a, Result<A, AskError<Q>>>,
}

impl<Q, A> Future for Asking<'_, Q, A> {
    type Output = Result<A, AskError<Q>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl<Q, A> fmt::Debug for Asking<'_, Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

/// What there is instead of an answer, without the question.
enum Failure {
    NoResponder,
    Busy,
    Dropped,
    Gone,
    Refused(String),
    Disconnected,
    Object(PayloadError),
}

impl<Q: Send + 'static, A: Send + 'static> Core<Q, A> {
    async fn ask(&self, question: Q, within: Duration) -> Result<A, AskError<Q>> {
        let deadline = Instant::now() + within;
        let bytes = match self.question_codec.encode(&question) {
            Ok(bytes) => bytes,
            Err(source) => return Err(AskError::Encode { question, source }),
        };
        let asking = async {
            let packed = self.pack(bytes).await.map_err(Failure::Object)?;
            let _deletes = Deletes { objects: &self.objects, packed: &packed };
            let message = self.ask_until_a_seat_is_free(&packed, deadline).await?;
            let unpacked = self.objects.unpack(message.headers.as_ref(), &message.payload);
            let answer = unpacked.await.map_err(Failure::Object)?;
            self.delete_answer(&message);
            Ok(answer)
        };
        let answer = match timeout_at(deadline, asking).await {
            Ok(answer) => answer,
            Err(_) if !self.connection.state().borrow().is_connected() => {
                Err(Failure::Disconnected)
            }
            Err(_) => return Err(AskError::TimedOut { question, within }),
        };
        match answer {
            Ok(bytes) => match self.answer_codec.decode(&bytes) {
                Ok(answer) => Ok(answer),
                Err(source) => Err(AskError::Decode { question, source }),
            },
            Err(failure) => Err(failure.with(question)),
        }
    }

    async fn pack(&self, bytes: Bytes) -> Result<Packed, PayloadError> {
        let mut headers = HeaderMap::new();
        // The longest, so that its length counts.
        headers.insert(WITHIN, wire::within_header(LONGEST));
        self.objects.pack(bytes, &mut headers).await
    }

    /// The answer as it came, from one of the answerers that have a free seat.
    async fn ask_until_a_seat_is_free(
        &self,
        packed: &Packed,
        deadline: Instant,
    ) -> Result<Message, Failure> {
        let start = || Waiting::start(&self.connection, self.questions.clone());
        let started = self.waiting.get_or_try_init(async || start().await.ok_or(()));
        let waiting = started.await.map_err(|()| Failure::Disconnected)?;
        let (mut tries, mut retries) = (0, 0);
        loop {
            if !self.connection.state().borrow().is_connected()
                && !connected(&self.connection).await
            {
                return Err(Failure::Disconnected);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut headers = HeaderMap::new();
            headers.insert(WITHIN, wire::within_header(left));
            if let Some(object) = &packed.reference {
                headers.insert(REFERENCE, object.to_string());
            }
            let sent = waiting.send(packed.payload.clone(), headers).await;
            let mut pending = sent.ok_or(Failure::Disconnected)?;
            let message = match pending.reply().await {
                Some(Reply::Message(message)) => message,
                Some(Reply::Gone) => return Err(Failure::Gone),
                None => return Err(Failure::Disconnected),
            };
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(Failure::NoResponder);
            }
            match Refusal::parse(message.headers.as_ref()) {
                None => return Ok(message),
                Some(Refusal { code: Refusal::BUSY, .. }) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(Failure::Busy);
                    }
                }
                // It is gone in a moment; until then it may be chosen again.
                Some(Refusal { code: Refusal::LEAVING, .. }) if retries < RETRIES => {
                    retries += 1;
                    sleep(RETRY).await;
                }
                Some(Refusal { code: Refusal::DROPPED, .. }) => return Err(Failure::Dropped),
                Some(Refusal { reason, .. }) => return Err(Failure::Refused(reason)),
            }
        }
    }

    /// Deletes the object of an answer that was read, if it has one.
    fn delete_answer(&self, message: &Message) {
        if let Ok(Some(reference)) = crate::payload::reference(message.headers.as_ref()) {
            delete(&self.objects, reference);
        }
    }
}

impl Failure {
    fn with<Q>(self, question: Q) -> AskError<Q> {
        match self {
            Self::NoResponder => AskError::NoResponder(question),
            Self::Busy => AskError::Busy(question),
            Self::Dropped => AskError::Dropped(question),
            Self::Gone => AskError::Gone(question),
            Self::Refused(reason) => AskError::Refused { question, reason },
            Self::Disconnected => AskError::Disconnected(question),
            Self::Object(source) => AskError::Object { question, source: Box::new(source) },
        }
    }
}

/// Deletes the object of a question when the question is over, however it ends.
struct Deletes<'a> {
    objects: &'a Objects,
    packed: &'a Packed,
}

impl Drop for Deletes<'_> {
    fn drop(&mut self) {
        if let Some(reference) = &self.packed.reference {
            delete(self.objects, reference.clone());
        }
    }
}

/// Deletes an object in the background. The server deletes it later if this fails.
fn delete(objects: &Objects, reference: crate::payload::Reference) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let objects = objects.clone();
        runtime.spawn(async move {
            if let Err(error) = objects.delete(&reference).await {
                tracing::debug!(%error, "an object of a question is deleted later");
            }
        });
    }
}
