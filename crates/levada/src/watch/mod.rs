//! One value that many senders change and many receivers watch: only the latest is kept.
//!
//! Use it for configuration, state and progress, and for a shutdown signal. A slow receiver skips
//! the values in between and finds the latest. If every value counts, use
//! [`broadcast`](crate::broadcast); if each value is for one receiver, [`mpsc`](crate::mpsc).
//!
//! [`channel`] takes the first value, so there is always one. [`Receiver::borrow`] returns the
//! latest; [`Receiver::changed`] waits for one that this receiver has not *seen*. The value that a
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
//! # A borrow is a snapshot
//! A [`Ref`] keeps the value that it refers to alive, and holds no lock. [`Sender::send`] never
//! waits for one: hold a `Ref` across a `send` on the same thread, or for an hour on another, and
//! sending goes on. The price is memory: a superseded value lives until its last `Ref` is dropped.
//!
//! Only the methods that need exclusive access to the value wait for its `Ref`s:
//! [`Sender::send_modify`] and [`Sender::send_if_modified`], which change it in place, and
//! [`Sender::send_replace`], which returns it. They block their thread, so hold no `Ref` there.
//!
//! # Borrows and modifications exclude each other
//! A modification (`send_modify`, `send_if_modified`) and a borrow (`borrow` and the methods that
//! use it) exclude each other, and neither starves:
//!
//! 1. While a modification waits, borrows go on: up to 16 that overlap others, or 1,024 operations
//!    (borrows and modifications) in all. Further ones wait for the modification. If several
//!    modifications wait, each of them is let in before a later one enters twice, and the count
//!    starts again for each.
//! 2. A borrow that finds a modification in progress waits for its end. After it has been refused
//!    twice more, modifications wait for it.
//! 3. A thread that holds a [`Ref`] of the current value may always take another. (A thread with
//!    more than four `Ref`s, of any channels, is assumed to hold one.)
//! 4. A borrow waits at most a tenth of a second for a modification that itself waits. Then borrows
//!    go on again, for 16 times as many each time. So a `Ref` that is kept or forgotten, or a
//!    thread that holds one while it waits for another thread's borrow, delays borrows a few times
//!    and blocks none.
//! 5. `send` waits for neither.
//!
//! # `borrow` or `borrow_and_update`
//! A value may be sent between the end of [`Receiver::changed`] and the borrow.
//! [`Receiver::borrow_and_update`] marks the value it returns as seen, so the next `changed` waits
//! for a later one. With [`Receiver::borrow`] a loop would find the same value twice. Without a
//! loop `borrow` is enough, and it needs no `&mut`.
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
//! [`Receiver::recv`] waits, marks and gives a look in one step, which a loop needs most often.
//!
//! # Cancel safety
//! 1. A [`Receiver::changed`] that is cancelled has marked nothing as seen, nor has a
//!    [`Receiver::recv`] or a [`MappedReceiver::changed`].
//! 2. A [`Receiver::wait_for`] that is cancelled may have marked values as seen, but only values
//!    that do not meet the condition.
//! 3. A [`Sender::closed`] that is cancelled has no effect.
//!
//! # Closing
//! When the last sender drops, receivers see the last value and then the end. When the last
//! receiver drops, [`Sender::send`] fails and [`Sender::closed`] completes, until a new receiver
//! [subscribes](Sender::subscribe). [`Sender::publish`] keeps the value in any case.
//!
//! # Cost
//! A borrow, and the drop of its `Ref`, is wait-free while no modification is in progress or waits:
//! it takes no lock, so that a sender that loses the processor does not hold it up. (If two
//! superseded values have `Ref`s at the same time, borrows of later values may take a lock.)
//!
//! Atomic read-modify-writes without contention:
//!
//! | operation | read-modify-writes |
//! |---|---|
//! | `borrow`, `borrow_and_update` | 1, and 1 when the `Ref` drops; 0 if the value is read often |
//! | `changed`, ready | 0 |
//! | `recv`, ready | as `borrow` |
//! | `changed` of a [`MappedReceiver`] | as `borrow`, for each value that was sent |
//! | `has_changed`, `is_closed`, `mark_changed`, `mark_unchanged` | 0 |
//! | `send`, `publish`, `send_replace`, no receiver waiting | 2 |
//! | `send_if_different`, equal | as `borrow` |
//! | - different, no receiver waiting | 4 |
//! | the first `send`, or one while the value before has a `Ref` | up to 2 more |
//! | `send`, one receiver waiting | 2, and its wake-up |
//! | `send`, more receivers waiting | 1 more for each 16 of them, and their wake-ups |
//! | `send_modify`, `send_if_modified`, no receiver waiting | 5 |
//! | `changed`, waiting | 1, and a clone of the waker; if it is cancelled, 1 to leave the queue |
//!
//! On Linux, once a value has been borrowed 50,000 times, borrowing it takes no read-modify-write:
//! a borrow then touches only a cache line of its own thread. The `send` or `send_modify` that
//! replaces such a value makes a system call (`membarrier`), which takes about half a microsecond
//! in a process that runs on one core, and more on several.
//!
//! A channel is one allocation of at most 200 bytes and the size of a value (of ordinary
//! alignment). Room for a second value is allocated when a value is first sent, and is kept. Room
//! for further ones, while earlier values have `Ref`s, is freed when it is no longer in use.
//!
//! # Reading order
//! [`Sender`] and [`Receiver`] delegate to `protocol`, which has the transitions. It builds on
//! `storage::latest` (where the value is) and `wait::queue` (the tasks that wait).
#![forbid(unsafe_code)]

mod builder;
pub mod error;
pub mod future;
mod guard;
mod map;
#[cfg(test)]
mod model;
mod protocol;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
pub mod stream;

pub use self::builder::{Builder, builder};
pub use self::guard::Ref;
pub use self::map::MappedReceiver;
pub use self::receiver::Receiver;
pub use self::sender::Sender;

use self::protocol::Shared;
use crate::observe::Name;
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
#[cfg_attr(feature = "observe", track_caller)]
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    channel_at(init, Version::INITIAL, Name::none())
}

/// A channel whose first value has this version.
#[cfg_attr(feature = "observe", track_caller)]
fn channel_at<T>(init: T, version: Version, name: Name) -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new(init, version, 1, name);
    let tx = Sender::from_shared(&shared);
    (tx, Receiver::new(Rx::new(shared), version))
}
