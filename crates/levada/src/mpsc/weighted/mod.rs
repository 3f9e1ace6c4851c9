//! Many senders, one receiver, and a bound in bytes, or in whatever a message weighs.
//!
//! Made by [`weighted`](crate::mpsc::weighted()), with a maximum and a function that weighs. A
//! queue of 1,000 messages is small if they are pings, and 1 GiB if each is an upload of a MiB;
//! this one holds what its maximum says, however many messages that is.
//!
//! ```
//! use levada::mpsc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // At most 64 MiB wait for the disk.
//! let (tx, mut rx) = mpsc::weighted(64 << 20, |body: &Vec<u8>| body.len());
//! tx.send(vec![0; 1 << 20]).await.unwrap();
//! assert_eq!(tx.weight(), 1 << 20);
//!
//! let body = rx.recv().await.unwrap();
//! assert_eq!((body.len(), tx.weight()), (1 << 20, 0));
//! # }
//! ```
//!
//! # Guarantees
//! 1. **The bound is exact.** The messages in the channel and the permits that are out weigh at
//!    most the maximum together. There are two exceptions: an [oversize](Oversize::Alone) message
//!    that is alone, and what was there when the maximum was [lowered](Sender::set_max_weight).
//! 2. **A message is weighed once**, by the call that sends it, outside every lock. Its weight
//!    travels with it, so a function that answers something else the next time changes nothing. If
//!    it panics, nothing was sent, and the message is dropped.
//! 3. **Every message weighs something.** 0 counts as 1, so that the number of messages is bounded,
//!    too. What is above `usize::MAX / 8` counts as that, and no sum overflows.
//! 4. **FIFO, without starvation.** Senders that wait are served in the order in which they began
//!    to wait. A heavy message is not overtaken by light ones that would fit;
//!    [`try_send`](Sender::try_send) does not overtake either. A sender that is served and not
//!    polled delays the others for a bounded number of polls, as in [`mpsc`](crate::mpsc#fairness).
//! 5. **Oversize is decided once**, when a send begins: a message heavier than the maximum
//!    [waits to be alone](Oversize::Alone), or is [given back](Oversize::Reject). One that became
//!    too heavy while it waited goes alone.
//! 6. **The room comes back** when the message is received, when a permit is dropped or needs less
//!    than it holds, and when the receiver is dropped with what is left.
//! 7. **Closing is exact.** After [`close`](Receiver::close) nothing is sent but with permits that
//!    were out; senders that wait get their messages back. The receiver gets what was sent, waits
//!    for the permits, and then gets `None`.
//! 8. **Foreign code does no harm.** Drops, wakers and the function that weighs run outside locks,
//!    and a panic in one of them strands no other task.
//! 9. **Cancel safe.** A receive that is dropped has received nothing; a send that is dropped has
//!    sent nothing, and its turn passes to the next one.
//!
//! # Cost
//! While no sender waits, a send takes one read-modify-write more than in an unbounded channel, and
//! a receive one more; [`recv_many`](Receiver::recv_many) one more for all. The function that
//! weighs is called through a pointer.
//!
//! A message takes 8 bytes more than in other channels.
#![forbid(unsafe_code)]

mod gate;
mod permit;
mod protocol;
mod receiver;
mod receiving;
mod sender;

mod builder;
pub mod error;
pub mod future;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(test)]
mod model;

pub use self::builder::{Builder, builder};
pub use self::permit::Permit;
pub use self::protocol::Oversize;
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender};
