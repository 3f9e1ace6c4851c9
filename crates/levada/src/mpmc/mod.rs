//! Many senders, many receivers, each message to exactly one of them: a pool of workers.
//!
//! tokio has no such channel. This one has the vocabulary of [`mpsc`](crate::mpsc), with receivers
//! that are `Clone` and receive through `&self`. As there, [`channel`] is bounded and
//! [`unbounded_channel`] is not, waiting senders acquire capacity in FIFO order, and an unclaimed
//! grant expires.
//!
//! # Receivers
//! Waiting receivers are served in FIFO order:
//!
//! 1. A message is promised to the receiver that has waited longest, and wakes it. A promise is for
//!    one message, not for a particular one: messages are taken in the order of sending.
//! 2. A new receive (`recv`, `recv_many` or `try_recv`) takes only messages that are not promised.
//!    It is behind all waiting receivers, even if its own task has just sent the message.
//!    `try_recv` returns `Empty` then, although [`len`](Receiver::len) counts the message. With
//!    more messages than waiting receivers, no new receive is refused.
//! 3. `recv_many` takes the message that is promised to it, and messages that are not promised.
//! 4. A cancelled receive passes its promise on to the next waiting receiver.
//!
//! A woken receiver may never be polled: its future was forgotten, or its task waits for something
//! else ("futurelock"). So a promise expires after it has refused 64 attempts, and the next waiting
//! receiver gets the message. An attempt is: a poll of a waiting receiver, which wakes itself for
//! it; a call of `try_recv`; a receive that is polled and cancelled; in a full channel, a poll or a
//! call of a sender; and a message left in the channel by a receiver that takes one message at a
//! time.
//!
//! 5. A receiver that is polled before its promise expires is never overtaken. On an executor with
//!    one thread this holds for every live task.
//! 6. A receiver whose promise expired is in its old place when it is polled. The next promise of
//!    the same receive expires after 1024 attempts, and all further ones after 16384, which take
//!    milliseconds. So a receiver that is woken on another thread and is polled within 16384
//!    attempts loses two promises at most.
//! 7. The promise of a thread in a blocking call does not expire: such a thread does nothing else.
//! 8. An expired promise holds no message back: until its receiver is polled, the channel behaves
//!    as if that receiver did not wait.
//!
//! A promise does not expire while the channel is not used.
//!
//! # Cancel safety
//! As in [`mpsc`](crate::mpsc): a receive that is cancelled has taken no message (and rule 4
//! applies to its promise), a `send` that is cancelled has sent nothing, and a [`Permit`] that is
//! dropped unused returns its capacity. [`send_many`](Sender::send_many) and
//! [`send_ref`](Sender::send_ref) leave what they have not sent with their caller.
//!
//! # Overflow
//! As in [`mpsc`](crate::mpsc#overflow): [`builder()`], [`Overflow`],
//! [`force_send`](Sender::force_send) and [`offer`](Sender::offer). A policy costs nothing here, as
//! receivers take the lock anyway. A message that is evicted takes no promise along: the receiver
//! gets another message.
//!
//! # Disconnection
//! When all senders are dropped, the receivers get the remaining messages and then `None`, each of
//! them. When all receivers are dropped, or one has [closed](Receiver::close) the channel, sending
//! fails and returns the message.
//!
//! # Cost
//! Atomic read-modify-writes per message while no task sleeps: one to send and one to receive. A
//! batch of up to the buffer's capacity takes two, one of them to find its length. Memory is as in
//! [`mpsc`](crate::mpsc).
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
//! drop(rx); // so that sending fails, instead of waiting, if all workers are gone
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

mod builder;
pub mod error;
pub mod future;
pub mod lanes;
mod permit;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;
mod unbounded;

#[cfg(test)]
mod model;

pub use self::builder::{Builder, UnboundedBuilder, builder, unbounded_builder};
pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender, channel};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

pub use crate::queue::policy::{Offered, Overflow};

/// The channel behind the handles.
type Queue<T> = crate::queue::chan::Chan<T, Waiters>;

/// How its receivers wait.
type Waiters = crate::queue::many::RxQueue;

/// A channel of [lanes](mod@lanes): bounded queues with these capacities, and receivers, which
/// serve them as [`Serve`](lanes::Serve) says.
///
/// # Panics
/// If there is no lane, a capacity is zero or above `usize::MAX / 8`, or a weight is zero.
///
/// # Examples
/// ```
/// use levada::mpmc::{self, lanes::Serve};
///
/// let (tx, rx) = mpmc::lanes([4, 64], Serve::Strict);
/// tx.lane(1).try_send("data").unwrap();
/// tx.lane(0).try_send("control").unwrap();
/// assert_eq!(rx.try_recv(), Ok("control"));
/// assert_eq!(rx.try_recv(), Ok("data"));
/// ```
#[track_caller]
pub fn lanes<T, const N: usize>(
    capacities: [usize; N],
    serve: lanes::Serve<N>,
) -> (lanes::Sender<T, N>, lanes::Receiver<T, N>) {
    lanes::builder(capacities).serve(serve).build()
}
