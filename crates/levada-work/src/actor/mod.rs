//! A task that owns some state alone and answers requests about it, one after the other.
//!
//! [`mailbox`] gives the [`Address`] to ask and the receiver that the actor reads. A [`Request`] is
//! what was asked and the way back for the answer. The actor is a loop that you write; an enum has
//! a variant for each kind of request, and each kind its own type of answer:
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
//! Whether it is safe to ask another actor: [`AskError`] gives the request back if this one never
//! had it. Once it was accepted, it may or may not have been done: [`AskError::Unanswered`] and
//! [`AskError::TimedOut`].
//!
//! # What the actor learns
//! That the caller does not wait any more: [`Request::is_abandoned`], and while it works,
//! [`Request::abandoned`]. Every caller that is dropped or that ran out of time has abandoned its
//! request.
//!
//! # How it ends
//! When the last address is gone, the mailbox gives what is left, and then `None`. An actor that
//! keeps an address of itself, to send itself messages later, would never end: it keeps a
//! [`WeakAddress`].
//!
//! An actor that returns or panics drops its mailbox: callers that wait for an answer get
//! [`AskError::Unanswered`], and later ones [`AskError::Gone`]. To end it with addresses out,
//! [close](mpsc::Receiver::close) the mailbox and read it to the end.

mod address;
mod error;
mod request;

pub use self::address::{Address, WeakAddress};
pub use self::error::AskError;
pub use self::request::Request;

use levada::mpsc;

/// An actor's two ends. `capacity` messages wait in the mailbox before callers wait.
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
    (Address::new(messages), mailbox)
}
