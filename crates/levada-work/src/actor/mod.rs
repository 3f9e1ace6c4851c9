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
//! # Control before data
//! [`mailbox_with_lanes`] returns an address for each lane. With [`Serve::Strict`], requests to
//! stop or to reconfigure pass those that wait in the lanes below.
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
use levada::mpsc::lanes::Serve;

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

/// Creates an actor whose mailbox has lanes, each with a capacity and an address of its own.
/// `serve` says from which lane the next message comes: [`Serve::Strict`] for control before data.
///
/// 1. **The order is that of [`Serve`]**, among the messages that are there when the actor
///    receives. Within a lane messages keep their order.
/// 2. **A full lane holds back only its own callers.**
/// 3. **The mailbox ends when all lanes have ended**: when the last address of each is dropped, or
///    the mailbox was closed, and its messages have been received.
///
/// # Panics
/// If there is no lane, if a capacity is 0, or exceeds that of a channel, or if a number of
/// [`Serve::Weighted`] is 0.
///
/// # Examples
/// ```
/// use levada::mpsc::lanes::Serve;
/// use levada_work::actor::{self, Request};
///
/// enum Message {
///     Add(u64),
///     Factor(u64),
///     Stop(Request<(), u64>),
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ([control, data], mut mailbox) = actor::mailbox_with_lanes([4, 64], Serve::Strict);
/// data.tell(Message::Add(1)).await?;
/// data.tell(Message::Add(2)).await?;
/// control.tell(Message::Factor(10)).await?; // Holds for both: it is received first.
/// tokio::spawn(async move {
///     let (mut factor, mut sum) = (1, 0);
///     while let Some(message) = mailbox.recv().await {
///         match message {
///             Message::Add(number) => sum += factor * number,
///             Message::Factor(number) => factor = number,
///             Message::Stop(request) => {
///                 mailbox.close(); // What was accepted is still received.
///                 while let Some(Message::Add(number)) = mailbox.recv().await {
///                     sum += factor * number;
///                 }
///                 return request.reply(sum);
///             }
///         }
///     }
/// });
/// assert_eq!(control.ask(Message::Stop, ()).await?, 30);
/// assert!(data.is_gone());
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[must_use]
pub fn mailbox_with_lanes<M, const N: usize>(
    capacities: [usize; N],
    serve: Serve<N>,
) -> ([Address<M>; N], mpsc::lanes::Receiver<M, N>) {
    let has_room = capacities.iter().all(|&messages| messages > 0);
    assert!(has_room, "a lane for 0 messages: each capacity must be at least 1");
    let (lanes, mailbox) = mpsc::lanes(capacities, serve);
    (lanes.into_lanes().map(Address::new), mailbox)
}
