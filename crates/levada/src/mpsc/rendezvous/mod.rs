//! Many senders, one receiver, and nothing between them: a message is handed over.
//!
//! Made by [`rendezvous`](crate::mpsc::rendezvous()). [`Sender::send`] completes when the receiver
//! has taken the message, as on an unbuffered channel of Go. So a sender knows more than "it is in
//! the channel", and a receiver that is busy holds its senders back at once.
//!
//! ```
//! use levada::mpsc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut rx) = mpsc::rendezvous();
//! let sender = tokio::spawn(async move { tx.send("a job").await });
//! assert_eq!(rx.recv().await, Some("a job"));
//! assert!(sender.await.unwrap().is_ok(), "it was taken");
//! # }
//! ```
//!
//! That the message was taken does not mean that it was handled: for that, send a
//! [`oneshot`](crate::oneshot) along. `mpsc::channel(1)` is faster, and lets the sender be one
//! message ahead.
//!
//! # Guarantees
//! 1. **Nothing is in between.** The receiver's poll takes the message from the waiting sender and
//!    returns it. Until then it is its sender's: if that gives up, or the channel closes, it has it
//!    back.
//! 2. **A send that is ready was received**, or gives its message back in an error, also when a
//!    limit has passed: [`send_until`](Sender::send_until),
//!    [`blocking_send_timeout`](Sender::blocking_send_timeout) and
//!    [`blocking_send_deadline`](Sender::blocking_send_deadline). One that is dropped was not
//!    received, unless its message was taken between its last poll and the drop;
//!    [`cancel`](future::Send::cancel) in place of the drop says which.
//! 3. **FIFO.** Senders are served in the order in which they were first polled. A sender that is
//!    not polled any more is served in its turn; it holds nothing up.
//! 4. **Closing is exact.** After [`close`](Receiver::close) no message is taken: senders that wait
//!    get theirs back, and the receiver gets `None`. When the last sender is dropped, `None` comes
//!    next.
//! 5. **Cancel safe.** A receive that is dropped has taken nothing.
//! 6. **Foreign code does no harm.** Drops and wakers run outside locks, and a panic in one of them
//!    strands no other task.
//!
//! # Cost
//! A send takes a lock when it begins and when it was served, and a receive takes it once; each
//! message wakes its sender. A waiting sender takes a slot of a list, with its message; the memory
//! grows with the number of senders that wait at a time, and is given up when none does.
#![forbid(unsafe_code)]

mod line;
mod protocol;
mod receiver;
mod sender;

mod builder;
pub mod future;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(test)]
mod model;

pub use self::builder::{Builder, builder};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender};
