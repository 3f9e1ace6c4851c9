//! One value that many senders change and many receivers watch: only the latest is kept.
//!
//! For configuration, state and progress, and for a signal to shut down. A receiver that is late
//! skips what it missed and finds the latest value. If every value counts, use
//! [`broadcast`](crate::broadcast); if each is for one receiver, [`mpsc`](crate::mpsc).
//!
//! [`channel`] takes the first value, so there always is one. [`Receiver::borrow`] looks at the
//! latest; [`Receiver::changed`] waits for one that this receiver has not *seen*. The value a
//! receiver starts with counts as seen.
//!
//! ```
//! use levada::watch;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut rx) = watch::channel("hello");
//!
//! let watcher = tokio::spawn(async move {
//!     // At the beginning of the loop, so that the first value is handled too.
//!     loop {
//!         let latest = *rx.borrow_and_update();
//!         if rx.changed().await.is_err() {
//!             return latest;
//!         }
//!     }
//! });
//!
//! tx.send("world").unwrap();
//! drop(tx);
//! assert_eq!(watcher.await.unwrap(), "world");
//! # }
//! ```
//!
//! # A look is a snapshot
//! A [`Ref`] keeps the value it looks at, and no lock. [`Sender::send`] never waits for one: hold a
//! `Ref` across a `send` on the same thread, or for an hour in another, and nothing stops. Memory
//! is the price: a value that was superseded lives until its last `Ref` goes.
//!
//! Only the methods that need the value itself wait for the `Ref`s of it: [`Sender::send_modify`]
//! and [`Sender::send_if_modified`], which change it in place, and [`Sender::send_replace`],
//! which returns it. They block their thread; so hold no `Ref` there.
//!
//! # Waiting for a look and for a modification
//! A modification (`send_modify`, `send_if_modified`) and a look (`borrow` and all that uses it)
//! exclude each other. Neither waits for ever while others come and go:
//!
//! 1. While a modification waits, looks go on: up to 16 that overlap others, or 1,024 operations
//!    (looks and modifications) in all. Further ones wait for the modification. If several
//!    modifications wait, each of them is let in before one that came later enters twice, and the
//!    count begins anew for each.
//! 2. A look that finds a modification under way waits for its end. After it has looked in vain
//!    twice more, modifications wait for it.
//! 3. A thread that holds a [`Ref`] of the current value may always take another. (With more than
//!    four `Ref`s of any channels, a thread is taken to hold one.)
//! 4. A look waits for a modification that itself waits no longer than a tenth of a second. Then
//!    looks go on again, for 16 times as many each time: a `Ref` that is kept or was forgotten,
//!    or a thread that holds one while it waits for another thread's look, delays looks a few
//!    times and stops none.
//! 5. `send` waits for neither.
//!
//! # `borrow` or `borrow_and_update`
//! A value may be sent between the end of [`Receiver::changed`] and the look at it.
//! [`Receiver::borrow_and_update`] marks the value it finds as seen, so the next `changed` waits
//! for a later one. With [`Receiver::borrow`] the loop would find the same value twice. Without a
//! loop `borrow` is all it takes, and it needs no `&mut`.
//!
//! # `changed` or `has_changed`
//! [`Receiver::changed`] waits and marks the value as seen; it fails when all senders are gone
//! *and* the last value has been seen. [`Receiver::has_changed`] only asks; it fails as soon as all
//! senders are gone.
//!
//! ```
//! use levada::watch;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (tx, mut rx) = watch::channel("hello");
//! tx.send("goodbye").unwrap();
//! drop(tx);
//!
//! assert!(rx.has_changed().is_err());
//! assert!(rx.changed().await.is_ok());
//! assert!(rx.changed().await.is_err());
//! # }
//! ```
//!
//! # Closing
//! When the last sender drops, receivers see the last value and then the end. When the last
//! receiver drops, [`Sender::send`] fails and [`Sender::closed`] completes, until somebody
//! [subscribes](Sender::subscribe) again.
//!
//! # What it costs
//! In read-modify-write operations, when nobody else is at it at the same moment:
//!
//! | operation | read-modify-writes |
//! |---|---|
//! | `borrow` or `borrow_and_update` | 1, and 1 when the `Ref` drops; none for a value that is looked at often |
//! | `changed`, ready | 0 |
//! | `has_changed`, `is_closed`, `mark_changed`, `mark_unchanged` | 0 |
//! | `send`, `send_replace`, nobody waiting | 1 |
//! | `send`, the first time the value before has a `Ref` | 2, and an allocation |
//! | `send`, one receiver waiting | 1, and its wake-up |
//! | `send`, more receivers waiting | 1 more for each 16 of them, and their wake-ups |
//! | `send_modify`, `send_if_modified`, nobody waiting | 3 |
//! | `changed`, waiting | 1, and a clone of the waker; 1 to leave the line if it is cancelled |
//!
//! On Linux a value that is looked at 50,000 times before the next one comes is looked at without
//! any read-modify-write from then on, by threads that do not share a cache line for it. The `send`
//! or `send_modify` that ends this costs a system call (`membarrier`) of about half a microsecond
//! for a process that runs on one core, and more on several.
//!
//! A channel is one allocation of at most 192 bytes and the size of a value (of ordinary
//! alignment). A second place for a value is allocated when a value is first sent while the one
//! before has a `Ref`, and kept; further ones are freed as soon as they are not in use.
//!
//! # Reading order
//! [`Sender`] and [`Receiver`] delegate to `protocol`, which says what may happen; it builds on
//! `storage::latest` (where the value is) and `wait::queue` (who sleeps).
#![forbid(unsafe_code)]

pub mod error;
pub mod future;
mod guard;
#[cfg(test)]
mod model;
mod protocol;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;

pub use self::guard::Ref;
pub use self::receiver::Receiver;
pub use self::sender::Sender;

use self::protocol::Shared;
use crate::prim::Arc;
use crate::refs::Rx;
use crate::storage::latest::Version;

/// Creates a channel with its first value, which the receiver has seen.
///
/// # Examples
/// ```
/// use levada::watch;
///
/// let (tx, mut rx) = watch::channel(0);
/// tx.send(1).unwrap();
/// assert_eq!(*rx.borrow_and_update(), 1);
/// ```
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    channel_at(init, Version::INITIAL)
}

/// A channel whose first value has this version.
fn channel_at<T>(init: T, version: Version) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(init, version, 1));
    let tx = Sender::from_shared(&shared);
    (tx, Receiver::new(Rx::new(shared), version))
}
