//! Many senders, one receiver: work queues, commands, everything that flows to one place.
//!
//! Two channels, alike but for the bound:
//!
//! - [`channel`] holds at most a given number of messages. Sending waits while it is full: that is
//!   backpressure, and the right default.
//! - [`unbounded_channel`] never makes a sender wait, so nothing but memory bounds it. For senders
//!   that cannot wait, such as a `Drop`, and whose rate is bounded otherwise.
//!
//! Everything here has the paths, signatures and behaviour of `tokio::sync::mpsc`; the futures are
//! named, in [`future`].
//!
//! # Disconnection
//! When all senders are gone, the receiver gets what is left and then `None`. When the receiver is
//! gone, or has [closed](Receiver::close) the channel, sending fails and gives the message back. A
//! clean shutdown calls `close` and then receives until `None`: nothing that was accepted is lost.
//! Messages that are left when the receiver is dropped are dropped at once.
//!
//! # Signal handlers
//! Never use a channel in a signal handler, not even to `try_send`: it takes locks, and one that
//! the handler has interrupted is never released. Let a task or a thread send that the signal only
//! wakes, by `tokio::signal`, the crate `signal-hook` or `sigwait`. This holds for every channel of
//! levada.
//!
//! # Fairness
//! 1. Senders that wait for capacity are served in the order in which they began to wait.
//! 2. A sender that is out of its [cooperative
//!    budget](https://docs.rs/tokio/latest/tokio/task/coop) gets its place in line all the same.
//! 3. A thread that blocks in a call keeps its turn until it takes it.
//! 4. A task whose turn has come but that is not polled, because it was forgotten or is busy
//!    elsewhere, does not stop the channel. When nothing else can happen in the channel, the turn
//!    is passed on after eight polls of the senders or receivers that could go on. The task is
//!    first in line again when it does come.
//! 5. A task that is alive on another worker thread may need longer than eight polls. So each task
//!    that comes after its turn was passed on doubles that number for the channel, up to 1,024; and
//!    for the task itself once more each time that it happens again, up to 32,768. A task that
//!    comes within so many polls of the others loses its turn a bounded number of times.
//!
//! These polls are those of a sender or a receiver that waits, which wakes itself for them, or
//! calls of `try_send` or `try_recv`. What is left depends on others:
//! - In a channel that nobody uses nothing is counted. A sender that sleeps behind a turn that is
//!   not taken goes on when the receiver next waits or tries, as it must to get anything, or when a
//!   sender comes anew.
//! - A `reserve_many` for which there is not enough capacity keeps its place, polled or not: those
//!   behind it wait until others have given back what it lacks. Its turn can come only then, and be
//!   passed on.
//! - After `close`, a `reserve_many` that had been promised a part, and never comes, holds back the
//!   end. A receiver that is polled or tries sees the end after eight times. One that sleeps when
//!   the last permit comes back is not woken (tokio's tests forbid it) until it is polled for
//!   another reason or the senders are gone.
//!
//! # Cost
//! Read-modify-writes per message while nobody sleeps: one to send; one full fence and none to
//! receive from a bounded channel, none at all from an unbounded one. [`Receiver::recv_many`] takes
//! one fence for all it receives. [`Sender::reserve`] and then [`Permit::send`] are two. Sending to
//! a receiver that sleeps adds its wake-up.
//!
//! An idle channel is one allocation of 496 bytes, whatever its capacity; messages are
//! stored in it up to 64 bytes, then in rings on the heap that grow with what is queued, up to 32
//! KiB each. In steady state nothing is allocated.
//!
//! # Examples
//! ```
//! use levada::mpsc;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (tx, mut rx) = mpsc::channel(8);
//! for worker in 0..3 {
//!     let tx = tx.clone();
//!     tokio::spawn(async move {
//!         if tx.send(worker * 10).await.is_err() {
//!             println!("nobody is interested any more");
//!         }
//!     });
//! }
//! drop(tx); // so that the channel ends with the last worker
//!
//! let mut sum = 0;
//! while let Some(result) = rx.recv().await {
//!     sum += result;
//! }
//! assert_eq!(sum, 30);
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod error;
pub mod future;
#[cfg(test)]
mod model;
mod permit;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;
mod unbounded;

pub use self::permit::{OwnedPermit, Permit, PermitIterator};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender, channel};
pub use self::unbounded::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};

/// The channel behind the handles.
type Queue<T> = crate::queue::chan::Chan<T, crate::queue::single::Sleeper>;
