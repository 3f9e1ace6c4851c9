//! Many senders, many receivers, each message to exactly one of them: a pool of workers.
//!
//! tokio has no such channel; this one has the vocabulary of [`mpsc`](crate::mpsc), with receivers
//! that are `Clone` and receive through `&self`. As there, [`channel`] is bounded and
//! [`unbounded_channel`] is not, senders that wait are served in order, and a turn that is not
//! taken is passed on.
//!
//! # Receivers
//! Receivers that wait are served in the order in which they began to wait:
//!
//! 1. A message is promised to the receiver that has waited longest, which is woken. A promise is a
//!    count and not a certain message: messages are taken in the order of sending.
//! 2. A newcomer, by `recv`, `recv_many` or `try_recv`, takes only messages that are promised to
//!    none. It stands behind all receivers that wait, also a task that has just sent the message
//!    itself. `try_recv` says `Empty` then, although [`len`](Receiver::len) counts the message.
//!    With more messages than waiting receivers no newcomer is refused.
//! 3. `recv_many` takes the message that is promised to it, and those that are promised to none.
//! 4. A receiver that is cancelled passes its promise on to the next one.
//!
//! A receiver that was woken may never come: it was forgotten, or its task waits for something else
//! ("futurelock"). So a promise lapses when it has been in the way of one other 64 times, and the
//! next receiver in line has the message. Each of these counts as once: a poll of a receiver that
//! waits, which wakes itself for that; a call of `try_recv`; a receive that is polled and
//! cancelled; in a full channel, a poll or a call of a sender. And where each receiver takes one
//! message and is busy for long, a message that is left behind.
//!
//! 5. A receiver that is polled before that is never overtaken. On an executor with one thread each
//!    live task is.
//! 6. A receiver whose promise lapsed takes its old place when it is polled, and the next promise
//!    of the same receive lasts 1024 times, and all further ones 16384 times, which are
//!    milliseconds of polling. So a receiver that is woken on another thread and comes within 16384
//!    polls lets two promises lapse at most.
//! 7. The promise of a thread that blocks does not lapse: such a thread does nothing else, so it
//!    comes.
//! 8. A promise that has lapsed holds nothing back: until its receiver is polled, the channel is
//!    used as if that receiver did not wait.
//!
//! As long as the channel is not used, a promised message stays where it is.
//!
//! # Disconnection
//! When all senders are gone, the receivers get what is left and then `None`, each of them. When
//! all receivers are gone, or one has [closed](Receiver::close) the channel, sending fails and
//! gives the message back.
//!
//! # Cost
//! Read-modify-writes per message while nobody sleeps: one to send and one to receive. A batch of
//! up to the buffer's capacity is received with two: one to see how long it is. Memory is as in
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
