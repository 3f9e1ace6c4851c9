//! Many senders, one receiver: work queues, commands, events for one task.
//!
//! There are two channels, which differ in their bound:
//!
//! - [`channel`] holds at most a given number of messages. Sending waits while it is full: that is
//!   backpressure, and the right default.
//! - [`unbounded_channel`] never makes a sender wait, so only memory bounds it. Use it for senders
//!   that cannot wait, such as a `Drop`, if something else bounds their rate.
//!
//! Three more have modules of their own: [`weighted`](mod@weighted), with a bound in bytes;
//! [`lanes`](mod@lanes), in which some messages come first; and [`rendezvous`](mod@rendezvous),
//! which holds no message at all.
//!
//! Apart from these the module has the paths, signatures and behaviour of `tokio::sync::mpsc`. The
//! futures have names, in [`future`].
//!
//! # Disconnection
//! When all senders are dropped, the receiver gets the remaining messages and then `None`. When the
//! receiver is dropped, or has [closed](Receiver::close) the channel, sending fails and returns the
//! message. A clean shutdown calls `close` and then receives until `None`: no accepted message is
//! lost. Dropping the receiver drops the remaining messages at once.
//!
//! # Cancel safety
//! 1. A receive that is cancelled has taken no message.
//! 2. A `send` that is cancelled has sent nothing, and its message is dropped with the future. To
//!    keep the message, [`reserve`](Sender::reserve) first.
//! 3. A `send` or `reserve` that is cancelled loses its place in the queue of senders. Capacity
//!    that was granted to it passes to the next sender.
//! 4. A [`Permit`] that is dropped unused returns its capacity.
//! 5. [`send_many`](Sender::send_many) and [`send_ref`](Sender::send_ref) leave what they have not
//!    sent with their caller.
//!
//! # Overflow
//! A bounded channel that was made with a policy ([`builder()`], [`Overflow`]) evicts or discards a
//! message where its sender would wait: the newest wins, or the oldest.
//! [`force_send`](Sender::force_send) does so for one message, [`offer`](Sender::offer) tells what
//! became of it, and [`evicted`](Sender::evicted) counts.
//!
//! A channel with a policy keeps its messages back until the receiver comes for them, and each
//! receive takes a lock. A channel without a policy pays nothing for this.
//!
//! # Signal handlers
//! Never use a channel of this crate in a signal handler, not even to `try_send`: it takes locks,
//! and a lock that the interrupted thread holds is never released. Let the signal wake a task or a
//! thread, by `tokio::signal`, the crate `signal-hook` or `sigwait`, and send from there.
//!
//! # Fairness
//! 1. Waiting senders acquire capacity in FIFO order.
//! 2. A sender that has used up its [cooperative
//!    budget](https://docs.rs/tokio/latest/tokio/task/coop) takes its place in the queue before it
//!    yields.
//! 3. Capacity that is granted to a thread in a blocking call stays granted until the thread takes
//!    it.
//! 4. Capacity that is granted to a task which is not polled, because its future was forgotten or
//!    it waits for something else ("futurelock"), does not block the channel. If the channel can
//!    make no other progress, the grant expires after eight polls of the senders or receivers that
//!    could go on, and the capacity passes to the next sender. The task keeps its place at the
//!    front of the queue.
//! 5. A live task on another worker thread may need longer than eight polls. So each time that a
//!    task is polled after its grant expired, the channel doubles the number of polls, up to 1,024;
//!    if the same task is late again, its own number doubles further, up to 32,768. A task that is
//!    polled within that many polls of the others is overtaken a bounded number of times.
//!
//! The polls that count are those of a waiting sender or receiver, which wakes itself for them, and
//! calls of `try_send` and `try_recv`. Exceptions:
//! - No grant expires in a channel that no task uses. A sender that sleeps behind an unclaimed
//!   grant continues when the receiver next waits or tries to receive, or when another sender
//!   arrives.
//! - A `reserve_many` that needs more capacity than is free keeps its place, polled or not. Senders
//!   behind it wait until enough capacity is free for it; only then is it granted, and only then
//!   can its grant expire.
//! - After `close`, a partly granted `reserve_many` that is never polled delays the end of the
//!   channel. A receiver sees the end after eight polls or tries. A receiver that sleeps when the
//!   last permit is returned is not woken (tokio's tests forbid it) until it is polled for another
//!   reason or all senders are dropped.
//!
//! # Cost
//! Atomic read-modify-writes per message while no task sleeps: sending takes one. Receiving takes
//! none, and one full fence in a bounded channel; [`Receiver::recv_many`] takes one fence for the
//! whole batch. [`Sender::reserve`] followed by [`Permit::send`] takes two. Sending to a sleeping
//! receiver adds its wake-up. [`Sender::send_many`] takes one, and one wake-up, for all messages
//! that there is room for.
//!
//! An idle channel is one allocation of 496 bytes, whatever its capacity. The first 64 bytes of
//! messages are stored in it, further ones in rings on the heap that grow with the number of queued
//! messages, up to 32 KiB each. In steady state nothing is allocated.
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
//!             println!("the receiver is gone");
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

mod builder;
pub mod error;
pub mod future;
pub mod lanes;
#[cfg(test)]
mod model;
mod permit;
mod receiver;
pub mod rendezvous;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;
mod unbounded;
pub mod weighted;

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

/// How its receiver waits.
type Waiters = crate::queue::single::RxWaker;

/// A channel of [lanes](mod@lanes): bounded queues with these capacities, and one receiver, which
/// serves them as [`Serve`](lanes::Serve) says.
///
/// # Panics
/// If there is no lane, a capacity is zero or above `usize::MAX / 8`, or a weight is zero.
///
/// # Examples
/// ```
/// use levada::mpsc::{self, lanes::Serve};
///
/// let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
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

/// A [rendezvous channel](mod@rendezvous), which holds no message:
/// [`send`](rendezvous::Sender::send) completes when the receiver has taken the message.
///
/// # Examples
/// ```
/// let (tx, mut rx) = levada::mpsc::rendezvous();
/// std::thread::spawn(move || tx.blocking_send("hello"));
/// assert_eq!(rx.blocking_recv(), Some("hello"));
/// ```
#[cfg_attr(feature = "observe", track_caller)]
pub fn rendezvous<T>() -> (rendezvous::Sender<T>, rendezvous::Receiver<T>) {
    rendezvous::builder().build()
}

/// A [weighted channel](mod@weighted): the messages in it weigh at most `max_weight` together, as
/// `weigh` says, for example in bytes. Sending waits for room. A maximum above `usize::MAX / 8`
/// counts as that.
///
/// # Panics
/// If `max_weight` is zero.
///
/// # Examples
/// ```
/// use levada::mpsc;
///
/// let (tx, mut rx) = mpsc::weighted(10, |text: &&str| text.len());
/// assert!(tx.try_send("six of").is_ok());
/// assert!(tx.try_send("twelve").is_err());
/// assert_eq!(rx.try_recv(), Ok("six of"));
/// assert!(tx.try_send("twelve").is_ok());
/// ```
#[track_caller]
pub fn weighted<T, W>(max_weight: usize, weigh: W) -> (weighted::Sender<T>, weighted::Receiver<T>)
where
    W: Fn(&T) -> usize + Send + Sync + 'static,
{
    weighted::builder(max_weight, weigh).build()
}
