//! A task that owns some state alone and answers requests about it, one after the other.
//!
//! [`mailbox`] gives the [`Address`] to ask and the receiver that the actor reads. A [`Request`] is what was asked
//! and the way back for the answer. The actor is a loop that you write; an enum has a variant for each kind
//! of request, and each kind its own type of answer:
//!
//! ```
//! use levada_work::actor::{self, Request};
//!
//! enum Account {
//!     Deposit(Request<u64, u64>),
//!     Balance(Request<(), u64>),
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (account, mut mailbox) = actor::mailbox(16);
//! tokio::spawn(async move {
//!     let mut balance = 0;
//!     while let Some(message) = mailbox.recv().await {
//!         match message {
//!             Account::Deposit(request) => {
//!                 balance += request.body;
//!                 request.reply(balance);
//!             }
//!             Account::Balance(request) => request.reply(balance),
//!         }
//!     }
//! });
//!
//! assert_eq!(account.ask(Account::Deposit, 5).await?, 5);
//! assert_eq!(account.ask(Account::Balance, ()).await?, 5);
//! # Ok(())
//! # }
//! ```
//!
//! # What the caller learns
//! Whether it is safe to ask somebody else: [`AskError`] gives the request back if the actor never had it. Once it
//! was accepted, nobody knows what was done: [`AskError::Unanswered`] and [`AskError::TimedOut`].
//!
//! # What the actor learns
//! That nobody waits any more: [`Request::is_abandoned`], and while it works, [`Request::abandoned`]. Every caller
//! that is dropped or that ran out of time has abandoned its request.
//!
//! # How it ends
//! When the last address is gone, the mailbox gives what is left, and then `None`. An actor that returns or panics
//! drops its mailbox: those who wait for an answer get [`AskError::Unanswered`], and who asks later
//! [`AskError::Gone`]. To end it with addresses out, [close](mpsc::Receiver::close) the mailbox and read it to
//! the end.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use levada::mpsc::error::SendError;
use levada::{mpsc, oneshot};
use tokio::time::sleep;

/// An actor's two ends. `capacity` messages wait in the mailbox before those who ask wait.
///
/// # Panics
/// If the capacity is 0, or more than a channel may have.
///
/// # Examples
/// ```
/// use levada_work::actor::{self, Request};
/// use std::convert::identity;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // With one kind of request, that is the message, and nothing has to be wrapped.
/// let (lengths, mut mailbox) = actor::mailbox::<Request<String, usize>>(16);
/// tokio::spawn(async move {
///     while let Some(request) = mailbox.recv().await {
///         let length = request.body.len();
///         request.reply(length);
///     }
/// });
/// assert_eq!(lengths.ask(identity, "levada".into()).await?, 6);
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[must_use]
pub fn mailbox<M>(capacity: usize) -> (Address<M>, mpsc::Receiver<M>) {
    assert!(capacity > 0, "a mailbox for 0 messages: the capacity must be at least 1");
    let (messages, mailbox) = mpsc::channel(capacity);
    (Address { messages }, mailbox)
}

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
    /// Asks, and waits for the answer: first for room in the mailbox, then for the actor. `kind` makes a message of
    /// the request: it is the variant of an enum, or [`identity`](std::convert::identity).
    ///
    /// # Errors
    /// [`AskError::Gone`] with the request if the actor is gone, [`AskError::Unanswered`] if it was accepted and dropped
    /// without an answer.
    ///
    /// # Cancel safety
    /// If the future is dropped, the request is abandoned: it is dropped if it was not accepted yet, else the actor may
    /// [see](Request::is_abandoned) that nobody waits.
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
    /// Those of [`ask`](Self::ask); and when the time is over, [`AskError::Busy`] with the request if there was no room
    /// in the mailbox, or [`AskError::TimedOut`] if it was accepted. The request is then abandoned.
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
    /// let (squares, _mailbox) = actor::mailbox(1); // Nobody reads it.
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
}

/// Puts the request in its place. The future gives the answer; dropping it abandons the request.
fn send<M, Q, A>(
    place: mpsc::Permit<'_, M>,
    kind: impl FnOnce(Request<Q, A>) -> M,
    body: Q,
) -> oneshot::Receiver<A> {
    let (reply, answer) = oneshot::channel();
    place.send(kind(Request { body, reply }));
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

/// Something that was asked, and the way back for the answer. Dropping it tells the caller that no answer will come.
///
/// # Examples
/// ```
/// use levada_work::actor::Request;
///
/// fn handle(request: Request<u64, String>) {
///     let answer = request.body.to_string();
///     request.reply(answer);
/// }
/// ```
#[derive(Debug)]
#[must_use = "the caller waits for an answer"]
pub struct Request<Q, A> {
    /// What was asked.
    pub body: Q,
    reply: oneshot::Sender<A>,
}

impl<Q, A> Request<Q, A> {
    /// Answers. If the caller has left, the answer is dropped; [`try_reply`](Self::try_reply) gives it back.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<(u64, u64), u64>) {
    ///     let (a, b) = request.body;
    ///     request.reply(a + b);
    /// }
    /// ```
    pub fn reply(self, answer: A) {
        // An error means that the caller has left.
        let _ = self.reply.send(answer);
    }

    /// Answers, if there is somebody to take the answer.
    ///
    /// # Errors
    /// Gives the answer back if the caller has left. `Ok` means that it is the caller's, who may leave with it.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    /// # struct Connection;
    ///
    /// fn lend(idle: &mut Vec<Connection>, request: Request<(), Connection>) {
    ///     let Some(connection) = idle.pop() else { return };
    ///     if let Err(connection) = request.try_reply(connection) {
    ///         idle.push(connection);
    ///     }
    /// }
    /// ```
    pub fn try_reply(self, answer: A) -> Result<(), A> {
        self.reply.send(answer)
    }

    /// What was asked, and the same without it: for a body that is moved into what is done with it.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<String, Vec<u8>>) {
    ///     let (text, request) = request.split();
    ///     request.reply(text.into_bytes());
    /// }
    /// ```
    pub fn split(self) -> (Q, Request<(), A>) {
        (self.body, Request { body: (), reply: self.reply })
    }

    /// Whether the caller has left, and the answer is for nobody.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    ///
    /// fn handle(request: Request<u64, u64>) {
    ///     if request.is_abandoned() {
    ///         return; // Reading changes nothing, so nobody needs it. (Writing may have to be done all the same.)
    ///     }
    ///     let answer = request.body + 1;
    ///     request.reply(answer);
    /// }
    /// ```
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// Waits until the caller has left. It may never do so.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing; call it again at will.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::Request;
    /// # async fn search(_: &str) -> Vec<u64> { Vec::new() }
    ///
    /// async fn handle(request: Request<String, Vec<u64>>) {
    ///     let (word, mut request) = request.split();
    ///     tokio::select! {
    ///         () = request.abandoned() => {} // The search is given up.
    ///         found = search(&word) => request.reply(found),
    ///     }
    /// }
    /// ```
    pub async fn abandoned(&mut self) {
        self.reply.closed().await;
    }
}

/// Why there is no answer.
///
/// # Examples
/// ```
/// use levada_work::actor::AskError;
///
/// fn again<Q>(error: AskError<Q>) -> Option<Q> {
///     error.into_request() // `Some`: the actor never had it, so it is safe to ask somebody else.
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskError<Q> {
    /// The actor is gone, or has closed its mailbox. The request was not accepted.
    Gone(Q),
    /// The mailbox was full until the time was over. The request was not accepted.
    Busy(Q),
    /// The request was accepted, and the time was over before the answer. It may be, or may still become, done.
    TimedOut,
    /// The request was accepted, and dropped without an answer. It may or may not have been done.
    Unanswered,
}

impl<Q> AskError<Q> {
    /// The request, if it was not accepted.
    ///
    /// # Examples
    /// ```
    /// use levada_work::actor::AskError;
    ///
    /// assert_eq!(AskError::Gone(7).into_request(), Some(7));
    /// assert_eq!(AskError::<u64>::Unanswered.into_request(), None);
    /// ```
    pub fn into_request(self) -> Option<Q> {
        match self {
            Self::Gone(request) | Self::Busy(request) => Some(request),
            Self::TimedOut | Self::Unanswered => None,
        }
    }
}

impl<Q> fmt::Display for AskError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone(_) => "the actor is gone; the request was not accepted",
            Self::Busy(_) => "the mailbox was full for too long; the request was not accepted",
            Self::TimedOut => "no answer in time; the request was accepted",
            Self::Unanswered => "the request was accepted and dropped without an answer",
        })
    }
}

impl<Q: fmt::Debug> Error for AskError<Q> {}
