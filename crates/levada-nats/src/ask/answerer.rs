//! The side that answers, as a program sees it.

use super::error::RecvError;
use super::group::Group;
use super::held::{Accepted, Task};
use super::question::{Desk, Question};
use super::wire::{self, Refusal};
use crate::codec::Codec;
use crate::payload::PayloadError;
use crate::{Connection, Name, OpenError};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use levada::mpsc;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::timeout_at;

/// How many questions an answerer holds by default.
const SEATS: usize = 64;

/// An answerer to be: see [`Connection::answerer`]. It is opened when this is awaited.
#[must_use = "an answerer is opened when this is awaited"]
pub struct AnswererBuilder<Q, A> {
    connection: Connection,
    name: Name,
    question_codec: Arc<dyn Codec<Q>>,
    answer_codec: Arc<dyn Codec<A>>,
    seats: usize,
}

impl<Q, A> AnswererBuilder<Q, A> {
    pub(super) fn new<C: Codec<Q> + Codec<A>>(
        connection: &Connection,
        name: Name,
        codec: C,
    ) -> Self {
        let codec = Arc::new(codec);
        Self {
            connection: connection.clone(),
            name,
            question_codec: codec.clone(),
            answer_codec: codec,
            seats: SEATS,
        }
    }

    /// How many questions the answerer holds at a time, those that wait for
    /// [`recv`](Answerer::recv) included: 64 by default. It refuses others at once.
    pub fn seats(mut self, seats: usize) -> Self {
        self.seats = seats;
        self
    }

    async fn open(self) -> Result<Answerer<Q, A>, OpenError> {
        let Self { connection, name, question_codec, answer_codec, seats } = self;
        let questions = connection.subject("ask", &name);
        if seats == 0 {
            let text = format!("an answerer of {questions:?} needs at least one seat");
            return Err(OpenError::Settings(text));
        }
        let client = connection.client().clone();
        let patience = connection.request_timeout();
        let inbox = client.new_inbox();
        let no_answer = |error| OpenError::no_answer(&questions, error);
        let letters = client.subscribe(format!("{inbox}.*")).await;
        let mut letters = letters.map_err(no_answer)?;
        let cancellations = client.subscribe(wire::cancel_subject(&questions)).await;
        let cancellations = cancellations.map_err(no_answer)?;
        let group = Group::join(&client, &questions).await.map_err(no_answer)?;
        // The server takes everything of one connection in its order: if this comes back, it has
        // the subscriptions.
        let there_and_back = async {
            client.publish(format!("{inbox}.opened"), "".into()).await.ok()?;
            letters.next().await
        };
        let answered = tokio::time::timeout(patience, there_and_back).await;
        let answered = answered.map_err(|late| OpenError::no_answer(&questions, late))?;
        answered.ok_or_else(|| OpenError::no_answer(&questions, RecvError))?;
        let (accepted, receiver) = mpsc::unbounded_channel();
        let task = Task {
            client,
            inbox,
            seats,
            patience,
            questions: group,
            cancellations,
            letters,
            accepted,
            state: connection.state(),
        };
        tokio::spawn(task.run());
        let objects = super::objects(&connection, &name);
        let desk = Arc::new(Desk { connection, objects, codec: answer_codec });
        Ok(Answerer { questions, accepted: receiver, current: None, codec: question_codec, desk })
    }
}

impl<Q, A> fmt::Debug for AnswererBuilder<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswererBuilder")
            .field("name", &self.name.as_str())
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}

impl<Q: 'static, A: 'static> IntoFuture for AnswererBuilder<Q, A> {
    type Output = Result<Answerer<Q, A>, OpenError>;
    type IntoFuture = Opening<Q, A>;

    fn into_future(self) -> Opening<Q, A> {
        Opening { future: Box::pin(self.open()) }
    }
}

/// The future of [`Connection::answerer`].
///
/// # Cancel safety
/// A cancelled attempt leaves nothing behind.
#[must_use = "futures do nothing unless they are polled"]
pub struct Opening<Q, A> {
    future: BoxFuture<'static, Result<Answerer<Q, A>, OpenError>>,
}

impl<Q, A> Future for Opening<Q, A> {
    type Output = Result<Answerer<Q, A>, OpenError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl<Q, A> fmt::Debug for Opening<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

/// Receives questions. All answerers of a name share them.
///
/// Dropped, it takes no more questions. Those that it has not handed out, and those that are on
/// their way to it at that moment, go to another answerer. A [`Question`] that it has handed out
/// can still be answered.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// let connection = levada_nats::connect(&url).await?;
/// let mut answerer = connection.answerer::<u32, u32>("answerer-doubles".parse()?).await?;
/// tokio::spawn(async move {
///     while let Ok(question) = answerer.recv().await {
///         // As many at a time as there are seats.
///         tokio::spawn(async move {
///             let double = 2 * *question;
///             question.answer(double).await
///         });
///     }
/// });
/// let asker = connection.asker::<u32, u32>("answerer-doubles".parse()?);
/// assert_eq!(asker.ask(7).await?, 14);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub struct Answerer<Q, A> {
    questions: String,
    accepted: mpsc::UnboundedReceiver<Accepted>,
    /// The question that a cancelled `recv` had begun to read.
    current: Option<Accepted>,
    codec: Arc<dyn Codec<Q>>,
    desk: Arc<Desk<A>>,
}

impl<Q: Send + 'static, A: Send + 'static> Answerer<Q, A> {
    /// The next question. Questions that nothing waits for any more are left out.
    ///
    /// # Errors
    /// [`RecvError`] if the connection is closed.
    ///
    /// # Cancel safety
    /// No question is lost if the future is dropped.
    pub fn recv(&mut self) -> Recv<'_, Q, A> {
        Recv { future: Box::pin(self.next()) }
    }

    async fn next(&mut self) -> Result<Question<Q, A>, RecvError> {
        loop {
            if self.current.is_none() {
                self.current = Some(self.accepted.recv().await.ok_or(RecvError)?);
            }
            let Some(Accepted { message, ticket }) = &self.current else { continue };
            let unpacked = self.desk.objects.unpack(message.headers.as_ref(), &message.payload);
            let unpacked = timeout_at(ticket.deadline.into(), unpacked).await;
            let Some(Accepted { mut ticket, .. }) = self.current.take() else { continue };
            if ticket.is_closed() {
                continue;
            }
            // Too late, too.
            let Ok(unpacked) = unpacked else { continue };
            match self.decode(unpacked) {
                Ok(value) => {
                    ticket.is_handed_out = true;
                    return Ok(Question::new(value, ticket, Arc::clone(&self.desk)));
                }
                Err(refusal) => {
                    let subject = &self.questions;
                    tracing::warn!(subject, reason = refusal.reason, "a question is refused");
                    ticket.finish(Some(refusal));
                }
            }
        }
    }

    fn decode(&self, bytes: Result<bytes::Bytes, PayloadError>) -> Result<Q, Refusal> {
        let bytes = bytes.map_err(|error| Refusal::unreadable(&error))?;
        self.codec.decode(&bytes).map_err(|error| Refusal::unreadable(&error))
    }
}

impl<Q, A> fmt::Debug for Answerer<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answerer").field("subject", &self.questions).finish_non_exhaustive()
    }
}

/// The future of [`Answerer::recv`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Recv<'a, Q, A> {
    future: BoxFuture<'a, Result<Question<Q, A>, RecvError>>,
}

impl<Q, A> Future for Recv<'_, Q, A> {
    type Output = Result<Question<Q, A>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl<Q, A> fmt::Debug for Recv<'_, Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}
