//! See who waits where in a program that uses [levada]'s channels.
//!
//! One line in `main`, no wrapper and no macro:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let observing = levada_observe::start()?;
//! # drop(observing);
//! # Ok(())
//! # }
//! ```
//!
//! Then a browser at `http://127.0.0.1:6670` shows the channels of the program.
//! [`dump`] is the same as text, for a log or a debugger:
//!
//! ```text
//! levada: orders (pid 4242): 3 channels, 15 waits, 0 suspected deadlocks
//!
//! findings
//!   jobs was full 92 % of the last minute; 14 tasks at src/http.rs:88 wait to send, 1.8s (p95); its 4 receivers are never idle: add workers or refuse earlier
//!
//! waiting
//!   14 x send on jobs (mpmc, 100 of 100, full), oldest 5m12s, src/http.rs:88
//!   1 x changed on config (watch), 3h05m, src/limits.rs:77, task 3
//! ```
//!
//! | how to see it | |
//! |---|---|
//! | [`report()`] | as data: [`report::Report`], also from and to JSON |
//! | [`dump()`] | as text; on SIGUSR1 with `Observer::dump_on_sigusr1` (feature `signal`) |
//! | [`folded()`] | blocked time by line, for flame graphs |
//! | `levada top` | in a terminal: the table, sorted by trouble, each channel, the graph |
//! | [`serve()`], [`start()`] | over HTTP: `/channels` (JSON), `/channels.txt`, `/channels.folded`, `/metrics` |
//! | `metrics()` | as a collector for Prometheus (feature `prometheus`) |
//! | `tracing` | a warning when a finding begins, and a line when it is over (feature `tracing`) |
//!
//! It works with any runtime and without one, also while the runtime is stuck: it is made of
//! threads and the locks of the standard library. [`levada::observe`] says what is recorded, and
//! what that costs.
//!
//! # Diagnosis
//! A [finding](report::Finding) is a sentence that follows from a rule:
//!
//! | rule | when |
//! |---|---|
//! | `deadlock` | the waits of some tasks can be ended by those tasks only, for [10 seconds](Observer::deadlock_after) |
//! | `full` | senders wait in half of the window or more, or one for [5 seconds](Observer::full_after) |
//! | `unread` | messages are there, and no receiver was ever polled, or nothing is received during the window and no receiver waits |
//! | `growing` | an unbounded channel was deeper in each quarter of the window than before, and doubled |
//! | `lagging` | a broadcast receiver missed messages during the window, or will |
//! | `oneshot` | a task waits for a oneshot for [30 seconds](Observer::oneshot_after), and others that the same line created were answered in a tenth of that on average |
//!
//! # Suspected deadlocks
//! A wait can be ended by the handles of the channel's other end, and levada knows which task used
//! each of them last. If all waits of a task can be ended only by tasks that wait themselves, and
//! so on, none of them can go on. What levada does not know makes a deadlock *suspected* only: a
//! handle may have moved to another task, and a `select!` may have a branch with a timer or a
//! socket. What it does know is taken into account: a handle that was never used, a permit that is
//! out, a branch of a `select!` that is alive, a channel that moves.
//!
//! A task is known by its number in tokio, or as a thread that sleeps in a `blocking_` method. The
//! future of `block_on`, such as `main` with `#[tokio::main]`, and tasks of other executors have no
//! number, and are never suspected: spawn what `main` does. Nor is a wait for a oneshot, since its
//! sender leaves no trace before it is used; the rule `oneshot` reports it after a time.
//!
//! # Guarantees
//! 1. Nothing here uses a channel of levada or an async runtime, and nothing is called by the
//!    channels: a program that is observed runs as fast as one with the feature `observe` alone.
//! 2. The observer's thread is busy for a fiftieth of the time at most.
//! 3. What is remembered is bounded by the lines that create channels, the names, and the channels
//!    that are alive.
//! 4. No request from outside causes a panic, and the server does nothing but answer GET and HEAD.
//!
//! # Features
//! `json` (on by default) needs serde; `prometheus`, `signal` and `tracing` need the crates that
//! they are for. Without any of them, the crate depends on levada only.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod assemble;
mod deadlock;
mod diagnosis;
mod history;
mod http;
mod key;
mod limits;
#[cfg(feature = "prometheus")]
mod metrics;
mod observer;
pub mod report;
mod text;
mod transitions;
mod trouble;
pub mod words;

pub use self::limits::{MAX_EDGES, MAX_SUBSCRIBERS, MAX_TASKS};
#[cfg(feature = "prometheus")]
pub use self::metrics::Metrics;
#[cfg(feature = "prometheus")]
pub use self::observer::metrics;
pub use self::observer::{
    DEFAULT_PORT, Observer, Observing, Serving, dump, folded, page, report, serve, start,
};
#[doc(no_inline)]
pub use levada::observe::snapshot;

/// The programs in the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
