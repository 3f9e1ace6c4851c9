//! The callers' side.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use levada::mpsc::error::SendError;
use levada::{mpsc, oneshot};
use tokio::time::sleep;

use super::{AskError, Request};

/// Sends requests to an actor. All clones address the same actor.
///
/// # Examples
/// ```
/// use levada_work::actor::{Address, AskError, Request};
///
/// struct Search(Request<String, Vec<u64>>);
///
/// async fn find(index: &Address<Search>, word: &str) -> Result<Vec<u64>, AskError<String>> {
///     index.ask(Search, word.to_owned()).await
/// }
/// ```
pub struct Address<M> {
    messages: mpsc::Sender<M>,
}

impl<M> Address<M> {
    pub(super) fn new(messages: mpsc::Sender<M>) -> Self {
        Self { messages }
    }

    /// Sends a request and waits for the answer: first for room in the mailbox, then for the actor.
    /// `kind` converts the request to a message: a variant of an enum, or
    /// [`identity`](std::convert::identity).
    ///
    /// # Errors
    /// [`AskError::Gone`] with the body if the actor is gone, [`AskError::Unanswered`] if the
    /// request was accepted and dropped without an answer.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request. If the request was not accepted yet, it is
    /// dropped; otherwise the actor can [see](Request::is_abandoned) that it is abandoned.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::{self, AskError, Request};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// struct Square(Request<u64, u64>);
    ///
    /// let (squares, mut mailbox) = actor::mailbox(1);
    /// tokio::spawn(async move {
    ///     let Some(Square(request)) = mailbox.recv().await else { return };
    ///     let square = request.body * request.body;
    ///     request.reply(square);
    /// });
    /// assert_eq!(squares.ask(Square, 12).await, Ok(144));
    /// assert_eq!(squares.ask(Square, 13).await, Err(AskError::Gone(13)));
    /// # }
    /// ```
    pub async fn ask<Q, A>(
        &self,
        kind: impl FnOnce(Request<Q, A>) -> M,
        body: Q,
    ) -> Result<A, AskError<Q>> {
        match self.messages.reserve().await {
            Ok(place) => send(place, kind, body).await.map_err(|_| AskError::Unanswered),
            Err(_) => Err(AskError::Gone(body)),
        }
    }

    /// As [`ask`](Self::ask), with a time limit that covers both waits.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask). When the limit has passed, [`AskError::Busy`] with the body if
    /// there was no room in the mailbox, or [`AskError::TimedOut`] if the request was accepted, and
    /// is now abandoned.
    ///
    /// # Panics
    /// Outside a tokio runtime, or in one without timers.
    ///
    /// # Cancel safety
    /// As [`ask`](Self::ask).
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::{self, AskError, Request};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// struct Square(Request<u64, u64>);
    ///
    /// let (squares, _mailbox) = actor::mailbox(1); // It is never read.
    /// let limit = Duration::from_millis(10);
    /// assert_eq!(squares.ask_timeout(Square, 12, limit).await, Err(AskError::TimedOut));
    /// assert_eq!(squares.ask_timeout(Square, 13, limit).await, Err(AskError::Busy(13)));
    /// # }
    /// ```
    pub async fn ask_timeout<Q, A>(
        &self,
        kind: impl FnOnce(Request<Q, A>) -> M,
        body: Q,
        limit: Duration,
    ) -> Result<A, AskError<Q>> {
        let mut time_is_over = pin!(sleep(limit));
        let place = tokio::select! {
            biased;
            place = self.messages.reserve() => place,
            () = &mut time_is_over => return Err(AskError::Busy(body)),
        };
        let Ok(place) = place else { return Err(AskError::Gone(body)) };
        tokio::select! {
            biased;
            answer = send(place, kind, body) => answer.map_err(|_| AskError::Unanswered),
            () = &mut time_is_over => Err(AskError::TimedOut),
        }
    }

    /// Sends a message that has no answer.
    ///
    /// # Errors
    /// Returns the message if the actor is gone.
    ///
    /// # Cancel safety
    /// If the future is dropped before it completes, the message is dropped and was not accepted.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (log, mut mailbox) = actor::mailbox(16);
    /// log.tell("a line").await?;
    /// assert_eq!(mailbox.recv().await, Some("a line"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn tell(&self, message: M) -> Result<(), SendError<M>> {
        self.messages.send(message).await
    }

    /// Whether the actor has ended or closed its mailbox.
    ///
    /// # Examples
    /// ```
    /// let (address, mailbox) = levada_work::actor::mailbox::<u32>(16);
    /// assert!(!address.is_gone());
    /// drop(mailbox);
    /// assert!(address.is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.messages.is_closed()
    }

    /// Returns an address that does not keep the actor running.
    ///
    /// # Examples
    /// ```
    /// let (address, _mailbox) = levada_work::actor::mailbox::<u32>(16);
    /// let weak = address.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakAddress<M> {
        WeakAddress { messages: self.messages.downgrade() }
    }
}

/// Puts the request in its place. The future gives the answer; dropping it abandons the request.
fn send<M, Q, A>(
    place: mpsc::Permit<'_, M>,
    kind: impl FnOnce(Request<Q, A>) -> M,
    body: Q,
) -> oneshot::Receiver<A> {
    let (reply, answer) = oneshot::channel();
    place.send(kind(Request::new(body, reply)));
    answer
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self { messages: self.messages.clone() }
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("is_gone", &self.is_gone()).finish_non_exhaustive()
    }
}

/// A weak address: the actor ends when the last [`Address`] is dropped, whether or not weak
/// addresses remain.
///
/// Use it in an actor that sends itself messages, from a timer or a task of its own, and in a
/// registry that lists actors without keeping them running.
///
/// # Examples
/// ```
/// use levada_work::actor;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (address, mut mailbox) = actor::mailbox(16);
/// let own = address.downgrade();
/// let actor = tokio::spawn(async move {
///     let mut read = Vec::new();
///     while let Some(number) = mailbox.recv().await {
///         read.push(number);
///         // `None`: the last address is dropped, and the actor ends when its mailbox is empty.
///         let Some(own) = own.upgrade() else { continue };
///         if number > 0 {
///             tokio::spawn(async move { own.tell(number - 1).await });
///         }
///     }
///     read
/// });
/// address.tell(2).await?;
/// drop(address);
/// assert_eq!(actor.await?[0], 2); // And it has ended.
/// # Ok(())
/// # }
/// ```
pub struct WeakAddress<M> {
    messages: mpsc::WeakSender<M>,
}

impl<M> WeakAddress<M> {
    /// Returns an [`Address`], if any is left. The actor may [be gone](Address::is_gone) all the
    /// same.
    ///
    /// # Examples
    /// ```
    /// let (address, mailbox) = levada_work::actor::mailbox::<u32>(16);
    /// let weak = address.downgrade();
    /// drop(address);
    /// assert!(weak.upgrade().is_none());
    /// # drop(mailbox);
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Address<M>> {
        self.messages.upgrade().map(Address::new)
    }
}

impl<M> Clone for WeakAddress<M> {
    fn clone(&self) -> Self {
        Self { messages: self.messages.clone() }
    }
}

impl<M> fmt::Debug for WeakAddress<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakAddress").finish_non_exhaustive()
    }
}
