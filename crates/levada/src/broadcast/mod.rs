//! Every message to every receiver.
//!
//! A [`Sender`] sends to all [`Receiver`]s that exist at that moment. A message is stored once, and
//! each receiver gets a clone of it. The last receiver to read it gets the message itself, unless
//! the message needs no drop, so that a clone costs as little. New handles can be made at any time:
//! [`Sender::clone`], [`Sender::subscribe`], [`Receiver::resubscribe`].
//!
//! ```
//! use levada::broadcast;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut first) = broadcast::channel(16);
//! let mut second = tx.subscribe();
//!
//! tx.send("hello").unwrap();
//! assert_eq!(first.recv().await, Ok("hello"));
//! assert_eq!(second.recv().await, Ok("hello"));
//! # }
//! ```
//!
//! # Delivery
//! 1. The channel has one order of messages, and every receiver gets its messages in that order.
//! 2. A receiver gets the messages that are sent after it was created.
//! 3. A receiver that misses messages gets their exact number, in their place.
//! 4. A receive that is cancelled has received nothing: the message is there for the next call.
//! 5. Nothing is retried, and the sender does not learn which receivers have got a message.
//!
//! # Lagging
//! The sender never waits. The channel keeps the newest `capacity` messages (rounded up to a power
//! of two). A receiver that is further behind has *lagged*: in place of the overwritten messages it
//! gets one [`RecvError::Lagged`](error::RecvError::Lagged) with their number, and continues with
//! the oldest message in the channel. A receiver that is never polled costs the others nothing.
//!
//! ```
//! use levada::broadcast::{self, error::RecvError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut rx) = broadcast::channel(2);
//! for n in 1..=5 {
//!     tx.send(n).unwrap();
//! }
//! assert_eq!(rx.recv().await, Err(RecvError::Lagged(3)));
//! assert_eq!(rx.recv().await, Ok(4));
//! assert_eq!(rx.recv().await, Ok(5));
//! # }
//! ```
//!
//! # Closing
//! When the last sender is dropped, receivers get the remaining messages and then
//! [`RecvError::Closed`](error::RecvError::Closed). While there is no receiver, sending fails and
//! [`Sender::closed`] is ready; a new subscription ends that.
//!
//! # Cost
//! Atomic read-modify-writes without contention and without waiting receivers:
//!
//! | operation                            | read-modify-writes |
//! |--------------------------------------|--------------------|
//! | send                                 | 1; 2 if it overwrites a message that is not read by all |
//! | receive                              | 1                  |
//! | find nothing to receive (`try_recv`) | 1                  |
//! | subscribe, drop a receiver           | 3, and 1 for each message it has not read |
//!
//! For the first 1,024 messages, and without `membarrier(2)` (on systems other than Linux) for all,
//! a receive by any but the last reader of a message also executes a sequentially consistent fence.
//!
//! If a receiver waits, a send also wakes it: 1, a fence, and the cost of the waker. A receiver
//! that goes to sleep takes 3 and a fence, and 1 to leave the queue of waiters.
//!
//! An idle channel is two allocations (416 bytes for a capacity of 128 on a 64-bit machine) without
//! slots. Slots are allocated in growing chunks when a backlog first needs them, and are reused
//! from the first when all messages have been read. A large capacity costs nothing until it is
//! used.
//!
//! Nothing is allocated per message, with one exception: a message that overwrites one that is
//! being cloned at that moment is stored in a box, so that the sender does not wait for the clone.
#![forbid(unsafe_code)]

mod protocol;
mod reading;
mod receiver;
mod sender;
mod tail;

mod builder;
pub mod error;
pub mod future;
pub mod lossless;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(test)]
mod model;

use crate::observe::Name;

pub use self::builder::{Builder, builder};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender};

/// A channel with one sender and one receiver, which keeps the newest `capacity` messages, rounded
/// up to a power of two.
///
/// # Panics
/// If `capacity` is zero or above `usize::MAX / 2`.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// let (tx, mut rx) = broadcast::channel(3);
/// for n in 0..4 {
///     tx.send(n).unwrap();
/// }
/// assert_eq!(rx.try_recv(), Ok(0), "3 is rounded up to 4");
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Sender::with_receiver(capacity, Name::none())
}

/// A [lossless channel](mod@lossless), with one sender and one member, for which the sender waits
/// while it is `capacity` messages behind.
///
/// # Panics
/// If `capacity` is zero or above `usize::MAX / 2`.
///
/// # Examples
/// ```
/// use levada::broadcast;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, mut rx) = broadcast::lossless(1);
/// tx.send("first").await.unwrap();
/// assert!(tx.try_send("second").is_err(), "the first was not received");
/// assert_eq!(rx.recv().await, Ok("first"));
/// tx.send("second").await.unwrap();
/// # }
/// ```
#[track_caller]
pub fn lossless<T: Clone>(capacity: usize) -> (lossless::Sender<T>, lossless::Receiver<T>) {
    lossless::builder(capacity).build()
}
