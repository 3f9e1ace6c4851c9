//! One value, sent once, from one task to another: the answer to a request, the end of a job.
//!
//! [`channel`] makes a [`Sender`] and a [`Receiver`]. The sender sends without waiting, from
//! anywhere; the receiver is a future of the value. Either end learns when the other is dropped.
//!
//! # Delivery
//! 1. The value is in exactly one place: with the sender until [`send`](Sender::send) returns `Ok`,
//!    in the channel until the poll that returns it, and then with the receiver.
//! 2. If the receiver was closed or dropped first, `send` returns the value.
//! 3. `Ok` from `send` does not mean that the value was received: a receiver that is dropped later
//!    drops it.
//! 4. Awaiting `&mut receiver` is cancel safe: the value stays in the channel. If the receiver
//!    itself is awaited and the future is dropped, the value is dropped with it, or returned to the
//!    sender.
//!
//! # Examples
//! A request that carries the way back for its answer:
//! ```
//! use levada::{mpsc, oneshot};
//!
//! struct Square {
//!     of: u64,
//!     reply: oneshot::Sender<u64>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (requests, mut inbox) = mpsc::channel::<Square>(16);
//! tokio::spawn(async move {
//!     while let Some(Square { of, reply }) = inbox.recv().await {
//!         // An error only means that the requesting task is gone.
//!         let _ = reply.send(of * of);
//!     }
//! });
//!
//! let (reply, answer) = oneshot::channel();
//! requests.send(Square { of: 12, reply }).await.unwrap();
//! assert_eq!(answer.await, Ok(144));
//! # }
//! ```
//!
//! # Many requests
//! A task that makes one request after the other keeps a [`Reusable`], and a client with many
//! requests at a time a [`Pool`]: then a request allocates nothing. Their senders are those of
//! [`channel`]. Their error says, too, whether the sender was dropped by a panic.
//!
//! # Cost
//! A channel is one allocation of `32 + size_of::<T>()` bytes on 64-bit machines, freed by the end
//! that finishes last; there is no reference count. A handle is one pointer. In atomic
//! read-modify-writes (RMW):
//!
//! | operation                                   | RMW | besides                    |
//! |---------------------------------------------|-----|----------------------------|
//! | [`channel`]                                 | 0   | one allocation             |
//! | [`send`](Sender::send)                      | 1   | wakes a receiver that waits|
//! | `send` when the receiver is gone            | 0   | frees                      |
//! | awaiting, when the value is there           | 0   | frees                      |
//! | awaiting, each time it has to wait          | 1   |                            |
//! | - polled again with the same waker          | 0   |                            |
//! | - polled again with another waker           | 2   |                            |
//! | [`try_recv`](Receiver::try_recv)            | 0   | frees, unless `Empty`      |
//! | [`close`](Receiver::close)                  | 1   | wakes a sender that waits  |
//! | dropping the end that is first to go        | 1   | wakes the other            |
//! | dropping the end that is last to go         | 0   | frees                      |
//! | [`closed`](Sender::closed), like awaiting   | 1   | the first allocates 16 more|
//!
//! A round of a [`Reusable`] is a channel that neither allocates nor frees. A [`Pool`] takes a lock
//! to get one and to put it back: 1 RMW each.
//!
//! An operation that races with one of the other side repeats its RMW.
#![deny(unsafe_code)]

pub mod error;
pub mod future;
mod pool;
#[expect(unsafe_code, reason = "the one place where memory is shared")]
mod protocol;
mod receiver;
mod reusable;
mod sender;
mod state;
#[cfg(feature = "stream")]
mod stream;

#[cfg(test)]
mod model;

pub use self::pool::{Pool, Pooled};
pub use self::receiver::Receiver;
pub use self::reusable::Reusable;
pub use self::sender::Sender;

/// Creates a channel for one value.
///
/// # Examples
/// ```
/// use levada::oneshot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (tx, rx) = oneshot::channel();
/// tx.send("hello").unwrap();
/// assert_eq!(rx.await, Ok("hello"));
/// # }
/// ```
#[inline]
#[cfg_attr(feature = "observe", track_caller)]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = protocol::channel();
    (Sender::new(tx), Receiver::new(rx))
}
