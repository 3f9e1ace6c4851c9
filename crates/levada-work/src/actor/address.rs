//! The callers' side.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use levada::mpsc::error::SendError;
use levada::{mpsc, oneshot};
use tokio::time::sleep;

use super::{AskError, Request};

/// Asks an actor. Clones ask the same one.
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

    /// Asks, and waits for the answer: first for room in the mailbox, then for the actor. `kind`
    /// makes a message of the request: it is the variant of an enum, or
    /// [`identity`](std::convert::identity).
    ///
    /// # Errors
    /// [`AskError::Gone`] with the request if the actor is gone, [`AskError::Unanswered`] if it was
    /// accepted and dropped without an answer.
    ///
    /// # Cancel safety
    /// If the future is dropped, the request is abandoned: it is dropped if it was not accepted
    /// yet, else the actor may [see](Request::is_abandoned) that the caller has left.
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

    /// As [`ask`](Self::ask), within `limit`, which covers both waits.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask); and when the time is over, [`AskError::Busy`] with the request
    /// if there was no room in the mailbox, or [`AskError::TimedOut`] if it was accepted. The
    /// request is then abandoned.
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
    /// Gives the message back if the actor is gone.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted; it is dropped.
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

    /// Whether the actor is gone, or has closed its mailbox.
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

    /// An address that does not keep the actor from ending.
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

/// An address that does not count: the actor ends when the last [`Address`] is gone. Clones are
/// equal.
///
/// It is for an actor that sends itself messages, from a timer or a task of its own, and for a
/// registry that lists actors and does not keep them.
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
///         // `None`: the last address is gone, and the actor ends when its mailbox is empty.
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
    /// An address, if there is one left. It may be of an actor that [is gone](Address::is_gone).
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
