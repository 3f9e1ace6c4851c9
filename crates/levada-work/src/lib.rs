//! Worker patterns made of levada's channels, for programs on tokio.
//!
//! | module       | what it is                                                   | made of              |
//! |--------------|--------------------------------------------------------------|----------------------|
//! | [`batch`]    | many messages handled at once: by number, weight or time     | `mpsc`, `watch`      |
//! | [`actor`]    | one task owns some state and answers requests                | `mpsc`, `oneshot`    |
//! | [`pool`]     | workers that share a queue; as many as you like, at any time | `mpmc`, `watch`      |
//! | [`shutdown`] | the phase of the end, and what still runs                    | `watch`              |
//!
//! Each is the page of the same subject in [levada's guide](levada::guide), worked out: with the
//! ends, the panics and the cancellations that a snippet leaves out. Take the snippet where it is
//! enough.
//!
//! # What all of them keep
//! - **What was accepted is handled, or given back.** A worker that is asked to end finishes its
//!   queue first, with the jobs that jobs make and the items that a flush has put back. If its
//!   runtime ends, what is left is dropped at once, so that no caller waits for it.
//! - **Bounded.** A full queue makes senders wait, or refuses them and gives the message back.
//! - **A panic ends one piece of work**, and is reported to a hook. The worker goes on.
//! - **Cancel safe.** Every future says what it means to drop it. None loses what was accepted, but
//!   for a [drain](pool::Workers::drain) that has begun to abort.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod actor;
pub mod batch;
mod panic;
pub mod pool;
pub mod shutdown;

pub use self::panic::Panic;

/// The programs in the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
