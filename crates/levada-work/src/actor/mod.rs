//! A task that owns some state alone and answers requests about it, one after the other.
//!
//! [`mailbox`] returns the [`Address`], which callers ask, and the receiver that the actor reads. A
//! [`Request`] has a body and the reply channel for its answer. You write the actor as a loop. An
//! enum has a variant for each kind of request, and each kind has its own type of answer:
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
//! Whether it is safe to repeat the request:
//!
//! 1. The request was not accepted: [`AskError::Gone`] and [`AskError::Busy`] return it, and it may
//!    be sent to another actor.
//! 2. The request was accepted, and may or may not have been carried out: [`AskError::Unanswered`]
//!    and [`AskError::TimedOut`].
//!
//! # What the actor learns
//! Whether the caller still waits: [`Request::is_abandoned`], and during long work,
//! [`Request::abandoned`]. A caller abandons its request when its future is dropped or its time
//! limit passes.
//!
//! # How an actor ends
//! When the last address is dropped, the mailbox yields the remaining messages and then `None`. An
//! actor that sends itself messages keeps a [`WeakAddress`]: with an [`Address`] of its own, it
//! would never end.
//!
//! An actor that returns or panics drops its mailbox: callers that wait for an answer get
//! [`AskError::Unanswered`], later ones [`AskError::Gone`]. To end an actor while addresses are
//! left, [close](mpsc::Receiver::close) the mailbox and read it to the end.

mod address;
mod error;
mod request;

pub use self::address::{Address, WeakAddress};
pub use self::error::AskError;
pub use self::request::Request;

use levada::mpsc;

/// Creates the two ends of an actor. Callers wait while `capacity` messages are in the mailbox.
///
/// # Panics
/// If the capacity is 0, or exceeds that of a channel.
///
/// # Examples
/// ```
/// use levada_work::actor::{self, Request};
/// use std::convert::identity;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // With one kind of request, the request itself is the message.
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
