//! Every message to every receiver.
//!
//! A [`Sender`] sends to all [`Receiver`]s there are at that moment. A message is kept once, and
//! each receiver gets a clone of it; the last one to read it gets the message itself (unless it
//! owns nothing, so that its clone is a copy anyway). Both handles can be made at any time:
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
//! # Lagging
//! The sender never waits. The channel keeps the newest `capacity` messages (rounded up to a power
//! of two); a receiver that is further behind has lost the ones in between. It learns that from a
//! [`RecvError::Lagged`](error::RecvError::Lagged) with their number, which comes where they would
//! have come, and goes on with the oldest message that is left. A receiver that is never polled
//! costs the others nothing.
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
//! When the last sender is gone, receivers get what is left and then
//! [`RecvError::Closed`](error::RecvError::Closed). When there is no receiver, sending fails and
//! [`Sender::closed`] is ready, until somebody subscribes again.
//!
//! # Cost
//! Read-modify-writes where nobody contends, and nobody waits:
//!
//! | operation                            | read-modify-writes |
//! |--------------------------------------|--------------------|
//! | send                                 | 1; 2 if it overwrites what somebody has not read |
//! | receive                              | 1                  |
//! | find nothing to receive (`try_recv`) | 1                  |
//! | subscribe, drop a receiver           | 3, and 1 for each message it has not read |
//!
//! A receiver that is not the last to read a message also needs a fence, where the system has no
//! way to let others pay for it (Linux has), and for the first 1,024 messages.
//!
//! If a receiver waits, a send also wakes it: 1 and a fence, and what the waker takes. A
//! receiver that waits pays 3 and a fence to go to sleep, and 1 to leave the line.
//!
//! An idle channel is two allocations (416 bytes for a capacity of 128 on a 64-bit machine) and no
//! slots: they are allocated in growing chunks as a backlog first needs them, and used again from
//! the first on when everything has been read. A large capacity costs nothing until it is used.
//!
//! Nothing is allocated per message, with one exception: a message that overwrites one that is
//! being cloned at that moment is put into a box, so that the sender need not wait for the clone.
#![forbid(unsafe_code)]

mod protocol;
mod receiver;
mod sender;

pub mod error;
pub mod future;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(test)]
mod model;

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
    Sender::with_receiver(capacity)
}
