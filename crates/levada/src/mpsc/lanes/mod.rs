//! Many senders, one receiver, and several queues between them: control before data.
//!
//! Made by [`lanes`](crate::mpsc::lanes()). Each lane is a bounded channel of its own, with a
//! capacity of its own, so that a full lane holds back only its own senders. The receiver is one,
//! and asks the lanes in the order that [`Serve`] says.
//!
//! ```
//! use levada::mpsc::{self, lanes::Serve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut rx) = mpsc::lanes([4, 64], Serve::Strict);
//! let (control, data) = (tx.lane(0), tx.lane(1));
//! data.send("a row").await.unwrap();
//! data.send("another row").await.unwrap();
//! control.send("flush").await.unwrap();
//!
//! assert_eq!(rx.recv().await, Some("flush"));
//! assert_eq!(rx.recv_with_lane().await, Some((1, "a row")));
//! # }
//! ```
//!
//! # Guarantees
//! 1. **Each lane is a channel.** [`Sender::lane`] is an [`mpsc::Sender`](crate::mpsc::Sender),
//!    with all that it guarantees: FIFO within the lane, its own bound, permits, exact closing.
//! 2. **The order is that of [`Serve`].** A receive takes the message that the discipline names
//!    among those that are there when it looks. A message that is sent meanwhile to a lane that was
//!    found empty may have to wait for the next receive.
//! 3. **No lane starves**, unless [`Serve::Strict`] was asked for.
//! 4. **The end is that of all lanes.** `None` comes when each lane has ended: its senders are
//!    gone, or the receiver closed all lanes, and everything that was sent to it has been received.
//!    A lane ends sooner, alone, when [its senders](Sender::into_lanes) are dropped. Then it is not
//!    asked any more.
//! 5. **Cancel safe.** A receive that is dropped has received nothing, of no lane.
//!
//! # Cost
//! That of a channel for each lane in memory. A receive looks at the lanes above the one that has a
//! message, a load or two for each. Only if all are empty does it register in all of them, with a
//! lock for each.
//!
//! With the feature `observe` each lane is a channel; those of a channel with the name `jobs` are
//! called `jobs/0`, `jobs/1` and so on.
#![forbid(unsafe_code)]

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
pub use self::sender::Sender;
pub use crate::queue::lanes::Serve;
