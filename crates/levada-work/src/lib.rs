//! Worker patterns made of levada's channels, for programs on tokio.
//!
//! | module       | what it is                                                   | made of              |
//! |--------------|--------------------------------------------------------------|----------------------|
//! | [`batch`]    | handles many messages at once: by number, weight or time     | `mpsc`, `watch`      |
//! | [`actor`]    | one task owns some state and answers requests                | `mpsc`, `oneshot`    |
//! | [`pool`]     | workers that share a queue; their number can change          | `mpmc`, `watch`      |
//! | [`shutdown`] | the phase of a shutdown, and the work that still runs        | `watch`              |
//!
//! Each module implements a page of [levada's guide](levada::guide), with the shutdown, panics and
//! cancellations that a snippet leaves out. Use the snippet where it is enough.
//! [`guide::classic_service`](levada::guide::classic_service) shows the modules at work together.
//!
//! # What all modules guarantee
//! 1. **Accepted work is handled or given back.** A worker that shuts down finishes its queue
//!    first, including jobs that other jobs submit and items that a flush has put back. If the
//!    runtime ends, the remaining work is dropped at once, so that no caller waits for it.
//! 2. **Queues are bounded.** A full queue makes senders wait, or refuses the message and returns
//!    it.
//! 3. **A panic ends one piece of work** and is reported to a hook. The worker continues.
//! 4. **Cancel safety is documented** for every future. No cancelled future loses accepted work,
//!    with one exception: a [drain](pool::Workers::drain) that has begun to abort.
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
