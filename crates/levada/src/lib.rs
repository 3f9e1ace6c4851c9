//! Channels for async Rust that you can build a service on.
//!
//! levada has the four channels of [`tokio::sync`], with the same paths, names, signatures, errors
//! and semantics, and one that tokio lacks. In a program that uses tokio's channels, replace
//! `tokio::sync` by `levada`: the code compiles and behaves the same.
//!
//! | channel       | senders | receivers | a message goes to | when the receiver is slow              |
//! |---------------|---------|-----------|-------------------|----------------------------------------|
//! | [`mpsc`]      | many    | one       | the receiver      | the sender waits (bounded)             |
//! | [`mpmc`]      | many    | many      | one of them       | the sender waits (bounded)             |
//! | [`oneshot`]   | one     | one       | the receiver      | there is only one message              |
//! | [`broadcast`] | many    | many      | all of them       | it learns how many messages it missed  |
//! | [`watch`]     | many    | many      | all of them       | it sees the latest value only          |
//!
//! Which one to use, how large to make it and how to end it cleanly is the subject of the
//! [`guide`].
//!
//! Worker patterns made of these channels (batching, a request/reply actor, a worker pool, a
//! shutdown) are in the crate [`levada-work`]; [`guide::classic_service`] is a whole service.
//!
//! What tokio does not have: policies for a full channel ([`mpsc::Overflow`]), a bound in bytes
//! ([`mpsc::weighted()`]), lanes ([`mpsc::lanes()`], [`mpmc::lanes()`]) and a rendezvous
//! ([`mpsc::rendezvous()`]); [`broadcast::lossless()`], where a slow receiver holds the sender
//! back; parts of a watched value ([`watch::Receiver::map`]); requests without an allocation
//! ([`oneshot::Reusable`], [`oneshot::Pool`]); a limit to every wait, a deadline or another future
//! ([`future::WaitExt`]); and, with the feature `stream`, `adapters` that conflate, sample,
//! debounce, throttle, chunk and merge. [`guide::methods`] finds the method for a question.
//!
//! # What every channel guarantees
//! 1. **No message is lost.** A message is received, returned in an error, or dropped with the
//!    channel. It belongs to the channel until the poll that returns it.
//! 2. **Waiters are served in FIFO order**: the senders of a full channel, and the receivers of
//!    [`mpmc`]. The rules are under *Fairness* in [`mpsc`] and *Receivers* in [`mpmc`].
//! 3. **An unclaimed permit is reassigned.** A future that is forgotten, or woken and never polled
//!    again, does not block the channel. The remaining exceptions are listed in the same places.
//! 4. **No foreign code under a lock.** Wakers, clones, drops and closures run outside, and a panic
//!    in one of them leaves no other waiter asleep.
//! 5. **Readers do not block writers.** [`watch::Receiver::borrow`] is a snapshot: a guard that is
//!    kept delays no [`watch::Sender::send`].
//! 6. **Memory follows use.** A channel is small until it is filled, whatever its capacity.
//!
//! # Cancel safety
//! A future is cancelled when it is dropped before it completes, for example in `select!` or by a
//! timeout. Then:
//!
//! 1. A receive has taken no message.
//! 2. A `send` has sent nothing, and its message is dropped with the future. To keep the message,
//!    reserve capacity first and send with the permit.
//! 3. A wait loses its place in the queue of waiters, and nothing else. If it was woken already,
//!    its wake-up, capacity or message passes to the next waiter.
//!
//! Each `async` method repeats what applies to it; [`guide::cancel_safety`] has examples.
//!
//! # Runtimes
//! The channels work under any executor and on bare threads. The methods that tokio has as
//! `async fn` return named futures here, found in the `future` module of each channel.
//!
//! # Platforms
//! The channels need `std` and run wherever it does, also on 32 bits and in WebAssembly. They start
//! no thread. On Linux, a program that contains them registers for the system call `membarrier`
//! before `main`, which saves a memory fence for each message. [`guide::platforms`] describes when
//! it is used, what happens where a filter refuses it, and how to turn it off. No channel may be
//! used in a signal handler.
//!
//! # Features
//! - `tokio` (default): takes part in tokio's cooperative budget; `mpsc::Sender::send_timeout`;
//!   `blocking_*` methods panic inside a tokio runtime as tokio's do. Without it, nothing of tokio
//!   is compiled.
//! - `stream`: `Stream` and `FusedStream` for receivers, `Sink` for senders. All are `Unpin`:
//!   [`guide::ecosystem`]. And the module `adapters`, with what conflates, samples, debounces,
//!   throttles, chunks and merges receivers.
//! - `observe`: the module `observe`, which says what every channel of the program is doing now.
//!   The methods behave the same; a channel takes 72 bytes more, and a handle 16.
//! - `loom`: with `--cfg loom` the channels run in that model checker, so that you can model code
//!   that uses them: [`guide::testing`]. Without the flag the feature has no effect.
//!
//! [`levada-work`]: https://docs.rs/levada-work
//! [`tokio::sync`]: https://docs.rs/tokio/latest/tokio/sync/
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(docsrs, doc(auto_cfg(hide(loom, shuttle))))]

#[cfg(not(feature = "observe"))]
mod observe;
mod prim;
mod queue;
mod refs;
mod storage;
mod util;
mod wait;

#[cfg(feature = "stream")]
pub mod adapters;
pub mod broadcast;
pub mod future;
pub mod guide;
pub mod mpmc;
pub mod mpsc;
#[cfg(feature = "observe")]
pub mod observe;
pub mod oneshot;
pub mod watch;

/// The programs in the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
