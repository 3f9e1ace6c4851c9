//! Many senders, many receivers, each message to exactly one of them: a pool of workers.
//!
//! tokio has no such channel; this one has the vocabulary of [`mpsc`](crate::mpsc), with receivers
//! that are `Clone` and receive through `&self`. As there, [`channel`] is bounded and
//! [`unbounded_channel`] is not, senders that wait are served in order, and a turn that is not taken
//! is passed on.
//!
//! # Receivers
//! A message wakes the receiver that has waited longest, but is not promised to it: a receiver that
//! asks meanwhile takes it, and the one that was woken waits on in its old place. So a message is never
//! held back by a receiver that is cancelled, forgotten or slow, as soon as another one asks. If all others
//! are asleep and do not ask, the next of them is woken by the next message; or, in a full channel, after
//! eight polls of a sender that comes to wait, which wakes itself for them, or eight calls of one that
//! tries. And where each receiver takes one message and is busy for long, the eighth that leaves one
//! behind wakes one more. While nobody uses the channel, the message stays where it is.
//!
//! # Disconnection
//! When all senders are gone, the receivers get what is left and then `None`, each of them. When all
//! receivers are gone, or one has [closed](Receiver::close) the channel, sending fails and gives the
//! message back.
//!
//! # Cost
//! Read-modify-writes per message while nobody sleeps: one to send and one to receive. A batch of up to
//! the buffer's capacity is received with two: one to see how long it is. Memory is as in [`mpsc`](crate::mpsc).
//!
//! # Examples
//! ```
//! use levada::mpmc;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (tx, rx) = mpmc::channel(8);
//! let workers: Vec<_> = (0..3)
//!     .map(|_| {
//!         let rx = rx.clone();
//!         tokio::spawn(async move {
//!             let mut sum = 0;
//!             while let Some(job) = rx.recv().await {
//!                 sum += job;
//!             }
//!             sum
//!         })
//!     })
//!     .collect();
//! drop(rx); // so that sending fails, and does not wait, if all workers are gone
//!
//! for job in 1..=100 {
//!     assert!(tx.send(job).await.is_ok());
//! }
//! drop(tx); // the workers finish what is queued, then end
//!
//! let mut total = 0;
//! for worker in workers {
//!     total += worker.await.unwrap_or(0);
//! }
//! assert_eq!(total, 5050);
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod error;
pub mod future;
mod permit;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;
mod unbounded;

#[cfg(test)]
mod model;

pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender, channel};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

/// The channel behind the handles.
type Queue<T> = crate::queue::chan::Chan<T, crate::queue::many::Line>;
