//! Are the channels linearizable? Threads run random programs on a channel and record when each
//! operation began, when it ended and what it gave; a checker then looks for one order of the
//! operations that respects these times and that a sequential specification allows.
//!
//! - `checker` searches for the order; it knows no channel.
//! - `recorder` runs programs and records them. It is generic over what a thread is ([`Threads`]),
//!   so that a scheduler such as shuttle's can take the place of the operating system's.
//! - `queue` (mpsc and mpmc), `policies`, `weighted`, `lanes`, `rendezvous`, `broadcast`,
//!   `lossless`, `watch` and `oneshot` have a sequential specification and a program each.
//! - `explore` does all that for many seeds and counts.
//!
//! # What is an operation
//! A call; and of a future each poll, and its drop. A poll does not wait, so every operation ends,
//! and the specifications say exactly when a poll is ready. A run ends when all threads are done or
//! asleep. Who sleeps then records that it starved, which the specifications allow only if there is
//! nothing to be had: so a lost wake-up is a history that is not linearizable.
//!
//! # What is promised less
//! Few operations are not one step, and the documentation of each says so. The recorder splits such
//! an operation into its steps, each of which can take effect anywhere between the beginning and
//! the end of the call; the specifications keep the steps in order.

pub mod broadcast;
pub mod checker;
pub mod explore;
pub mod lanes;
pub mod lossless;
pub mod oneshot;
pub mod policies;
pub mod queue;
pub mod recorder;
pub mod rendezvous;
pub mod watch;
pub mod weighted;

pub use checker::{Spec, check};
pub use explore::{Tally, explore};
pub use recorder::{Actor, Event, Native, Program, Threads, record};
