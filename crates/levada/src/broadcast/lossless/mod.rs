//! Every message to every receiver, and none is missed: a slow receiver holds the sender back.
//!
//! Made by [`lossless`](crate::broadcast::lossless()). Receivers are of two kinds:
//!
//! - A *member* ([`Sender::subscribe`]) gets every message. While it is a whole capacity behind,
//!   [`Sender::send`] waits.
//! - An *observer* ([`Sender::subscribe_lossy`]) never holds a sender back. If it is too slow it
//!   *lags*, as a receiver of a [lossy channel](crate::broadcast#lagging), and gets the exact
//!   number of messages that it missed.
//!
//! ```
//! use levada::broadcast;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut index) = broadcast::lossless(2);
//! let mut page = tx.subscribe_lossy();
//!
//! for n in 0..5 {
//!     tx.send(n).await.unwrap(); // Waits while `index` is two messages behind.
//!     assert_eq!(index.recv().await, Ok(n));
//! }
//! assert_eq!(page.recv().await, Err(broadcast::lossless::error::RecvError::Lagged(3)));
//! assert_eq!(page.recv().await, Ok(3));
//! # }
//! ```
//!
//! # Guarantees
//! 1. **Nothing is missed.** A member gets every message that is sent while it exists, once and in
//!    the one order of the channel. It ends with `Closed`, or, if it was [evicted](Sender::evict),
//!    with `Evicted` in place of all that it has not received.
//! 2. **The bound is exact.** A message is sent only if each member is less than `capacity`
//!    messages behind. Observers are never waited for.
//! 3. **A lag is exact.** An observer gets the number of the messages that it missed, in their
//!    place. It misses none while it is at most `capacity` behind.
//! 4. **FIFO.** Senders that wait are served in the order in which they began to wait, and
//!    [`try_send`](Sender::try_send) does not overtake them. A sender that is served and not polled
//!    delays the others for a bounded number of polls, as in [`mpsc`](crate::mpsc).
//! 5. **A member that goes frees the senders.** When it is dropped or evicted, senders that waited
//!    for it alone go on. When the last receiver is dropped, senders that wait get their messages
//!    back. A member that exists and is not polled holds the senders back, also if a future of it
//!    was forgotten: [`evict_after`](Sender::evict_after) is for that.
//! 6. **Each message is dropped once**, outside every lock: when the last receiver that it was sent
//!    to has passed it, which gets the message itself; or when it is overwritten, which happens to
//!    messages that only observers and evicted members have not read.
//! 7. **Closing is exact.** After the last sender is dropped, receivers get what was sent, and then
//!    `Closed`.
//! 8. **Foreign code does no harm.** Clones, drops and wakers run outside locks. If a clone panics,
//!    the message counts as received by that receiver, and the senders go on.
//! 9. **Cancel safe.** A receive that is dropped has received nothing; a send that is dropped has
//!    sent nothing, and its turn passes to the next one.
//!
//! # Slow members
//! [`Sender::subscribers`] says which member is how far behind and for how long. A task that has a
//! timer evicts those that are stuck:
//!
//! ```
//! use levada::broadcast;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let (tx, rx) = broadcast::lossless::<u64>(64);
//! let _stuck = rx.named("index");
//! let watched = tx.clone();
//! let watchdog = tokio::spawn(async move {
//!     let mut interval = tokio::time::interval(Duration::from_secs(5));
//!     loop {
//!         interval.tick().await;
//!         for member in watched.evict_after(32, Duration::from_secs(30)) {
//!             eprintln!("{:?} was {} behind, and is evicted", member.name, member.lag);
//!         }
//!     }
//! });
//! # watchdog.abort();
//! # }
//! ```
//!
//! # Cost
//! That of a [lossy channel](crate::broadcast#cost), and one read-modify-write for each receive, of
//! a word that only the receiver writes. To send looks at one member on average. A send that waits
//! enters a line under the lock of the channel; the member that it waits for wakes it.
//!
//! A subscriber takes about 120 bytes; slots are allocated when a backlog first needs them, as in a
//! lossy channel.
#![forbid(unsafe_code)]

mod gate;
mod protocol;
mod receiver;
mod sender;
mod subscriber;

mod builder;
pub mod error;
pub mod future;
#[cfg(feature = "stream")]
pub mod stream;

#[cfg(test)]
mod model;

pub use self::builder::{Builder, builder};
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender};
pub use self::subscriber::{Subscriber, SubscriberId};
