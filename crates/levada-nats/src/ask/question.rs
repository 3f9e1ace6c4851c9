//! A question in the hands of an answerer.

use super::error::AnswerError;
use super::held::Ticket;
use super::presence::connected;
use super::wire::Refusal;
use crate::Connection;
use crate::codec::Codec;
use crate::payload::Objects;
use async_nats::HeaderMap;
use futures_util::future::BoxFuture;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::time::timeout_at;

/// What all questions of an answerer share.
pub(super) struct Desk<A> {
    pub(super) connection: Connection,
    pub(super) objects: Objects,
    pub(super) codec: Arc<dyn Codec<A>>,
}

/// A question that waits for its answer. It derefs to what was asked.
///
/// Dropped without an answer, its asker gets [`AskError::Dropped`](super::AskError::Dropped) at
/// once. It takes one of the answerer's seats until it is answered or dropped.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
/// use levada_nats::ask::AskError;
///
/// let connection = levada_nats::connect(&url).await?;
/// let mut answerer = connection.answerer::<u32, u32>("question-halves".parse()?).await?;
/// tokio::spawn(async move {
///     while let Ok(question) = answerer.recv().await {
///         if *question % 2 == 0 {
///             let half = *question / 2;
///             let _ = question.answer(half).await;
///         } // Else it is dropped.
///     }
/// });
///
/// let asker = connection.asker::<u32, u32>("question-halves".parse()?);
/// assert_eq!(asker.ask(8).await?, 4);
/// assert!(matches!(asker.ask(7).await, Err(AskError::Dropped(7))));
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "a question that is dropped is refused"]
pub struct Question<Q, A> {
    value: Q,
    ticket: Ticket,
    desk: Arc<Desk<A>>,
}

impl<Q, A> Question<Q, A> {
    pub(super) fn new(value: Q, ticket: Ticket, desk: Arc<Desk<A>>) -> Self {
        Self { value, ticket, desk }
    }

    /// What was asked, and the same question without it, which is to be answered still.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let mut answerer = connection.answerer::<String, u32>("question-split".parse()?).await?;
    /// let asker = connection.asker::<String, u32>("question-split".parse()?);
    /// let asking = tokio::spawn(async move { asker.ask("how long?".to_owned()).await });
    /// let (text, question) = answerer.recv().await?.split();
    /// let len = tokio::task::spawn_blocking(move || text.len() as u32).await?;
    /// question.answer(len).await?;
    /// assert_eq!(asking.await??, 9);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn split(self) -> (Q, Question<(), A>) {
        let Self { value, ticket, desk } = self;
        (value, Question { value: (), ticket, desk })
    }

    /// When the asker stops waiting, by the clock of this process: see guarantee 7 of
    /// [the module](super).
    pub fn deadline(&self) -> Instant {
        self.ticket.deadline
    }

    /// Whether the asker no longer waits: it gave the question up, it is gone, or the deadline
    /// passed.
    pub fn is_closed(&self) -> bool {
        self.ticket.is_closed()
    }

    /// Waits until the asker no longer waits, as `oneshot::Sender::closed` does.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = std::env::var("LEVADA_NATS_URL").expect("run `cargo xtask nats`");
    /// # let connection = levada_nats::connect(&url).await?;
    /// let mut answerer = connection.answerer::<u32, u32>("question-closed".parse()?).await?;
    /// let asker = connection.asker::<u32, u32>("question-closed".parse()?);
    /// let asking = tokio::spawn(async move { asker.ask(7).await });
    /// let question = answerer.recv().await?;
    /// asking.abort();
    /// tokio::select! {
    ///     () = question.closed() => println!("nothing to do any more"),
    ///     // The work stands here.
    ///     () = std::future::pending() => {}
    /// }
    /// assert!(question.is_closed());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn closed(&self) -> Closed<'_> {
        let (mut closed, deadline) = (self.ticket.closed.clone(), self.ticket.deadline);
        let future = async move {
            // An error means that the connection is closed, and the asker cannot be reached.
            let closed = closed.wait_for(|closed| *closed);
            let _ = timeout_at(deadline.into(), closed).await;
        };
        Closed { future: Box::pin(future) }
    }
}

impl<Q: Send + 'static, A: Send + 'static> Question<Q, A> {
    /// Answers.
    ///
    /// `Ok` says that the answer was handed to the connection before the deadline, and that the
    /// asker waited then, as far as is known here. It does not say that the asker received it.
    ///
    /// # Errors
    /// See [`AnswerError`]. Each variant has the answer.
    ///
    /// # Cancel safety
    /// The answer is lost if the future is dropped before it is ready; its asker then gets
    /// [`AskError::Dropped`](super::AskError::Dropped), unless the answer was sent already. It
    /// waits only while there is no connection, or if the answer is larger than the server takes.
    pub async fn answer(self, answer: A) -> Result<(), AnswerError<A>> {
        let Self { value, mut ticket, desk } = self;
        drop(value);
        if ticket.is_closed() {
            return Err(AnswerError::Closed(answer));
        }
        let bytes = match desk.codec.encode(&answer) {
            Ok(bytes) => bytes,
            Err(source) => {
                ticket.finish(Some(Refusal::unsendable(&source)));
                return Err(AnswerError::Encode { answer, source });
            }
        };
        let mut headers = HeaderMap::new();
        let packed = desk.objects.pack(bytes, &mut headers);
        let packed = match timeout_at(ticket.deadline.into(), packed).await {
            Ok(Ok(packed)) => packed,
            Ok(Err(source)) => {
                ticket.finish(Some(Refusal::unsendable(&source)));
                return Err(AnswerError::Object { answer, source: Box::new(source) });
            }
            Err(_) => return Err(AnswerError::Closed(answer)),
        };
        if !desk.connection.state().borrow().is_connected() {
            match timeout_at(ticket.deadline.into(), connected(&desk.connection)).await {
                Ok(true) => {}
                Ok(false) => return Err(AnswerError::Disconnected(answer)),
                Err(_) => return Err(AnswerError::Closed(answer)),
            }
        }
        if ticket.is_closed() {
            return Err(AnswerError::Closed(answer));
        }
        let (client, reply) = (desk.connection.client(), ticket.reply.clone());
        let sent = match packed.reference {
            None => client.publish(reply, packed.payload).await,
            Some(_) => client.publish_with_headers(reply, headers, packed.payload).await,
        };
        // Whether it was sent or not, no refusal follows.
        ticket.finish(None);
        sent.map_err(|_| AnswerError::Disconnected(answer))
    }
}

impl<Q, A> Deref for Question<Q, A> {
    type Target = Q;

    fn deref(&self) -> &Q {
        &self.value
    }
}

impl<Q: fmt::Debug, A> fmt::Debug for Question<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("value", &self.value)
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The future of [`Question::closed`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Closed<'a> {
    future: BoxFuture<'a, ()>,
}

impl Future for Closed<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.future.as_mut().poll(context)
    }
}

impl fmt::Debug for Closed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
