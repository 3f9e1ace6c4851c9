//! What every channel of the program is doing now (feature `observe`).
//!
//! [`snapshot`] reads all channels of the program: how many messages are in them, how many were
//! sent, which tasks wait where in the source and since when. Nothing has to be wrapped or declared
//! for it. A channel is known by the line that creates it, or by a name: each channel but the
//! oneshot has a builder with a method `named`.
//!
//! The crate `levada-observe` makes reports, metrics and pages of snapshots; this module is what it
//! reads.
//!
//! A channel is in a snapshot from the first use of one of its handles on, so that making one costs
//! a few stores only.
//!
//! # What is recorded
//! | of a channel | recorded | exact? |
//! |---|---|---|
//! | messages sent, received, evicted and queued, handles | nothing: the channel has them | yes |
//! | messages of mpmc that were evicted from the front | when they are evicted | one off in `sent` and `received`, while the thread that evicts one is preempted |
//! | waits: the line in the source, the task, since when | when a task begins to wait | yes |
//! | time blocked, by line | when a wait ends | yes |
//! | which task uses a handle | at its 1st, 2nd, 4th use and so on, then at each 64th | the last one |
//! | time in the queue | one message in 64, see [`QueueTime`] | a sample |
//! | totals of channels that ended | when a channel is dropped, by line and name | yes |
//! | largest depth | at one message in 64, and at each snapshot | a lower bound |
//! | position of each broadcast and watch receiver | at each receive, from its first use on | yes |
//!
//! A weighted channel has its weight beside its messages. Each lane is a channel, with the number
//! of the lane behind the name: `jobs/0`.
//!
//! A task is a tokio task (feature `tokio`) or, outside of one, the thread.
//!
//! # Guarantees
//! 1. A snapshot waits for no channel: it takes none of the locks that sending and receiving take,
//!    but for one attempt to read the reserved permits, or the slowest member of a lossless
//!    channel.
//! 2. Under a lock of this module nothing is allocated, and no foreign code runs.
//! 3. `depth` is never more than the capacity; `sent - received` of one reading is its depth.
//! 4. Without the feature the channels execute the same instructions as if this module did not
//!    exist.
//!
//! # Cost
//! The page `docs/speed/observe.md` of the repository has the figures. On a 64-bit machine a
//! channel takes 72 bytes more, a handle 16 (a receiver of broadcast or watch 32), and a future
//! that can wait 24.
//!
//! # Examples
//! ```
//! use levada::{mpsc, observe};
//!
//! let (tx, _rx) = mpsc::builder(8).named("jobs").build();
//! tx.try_send("sweep").unwrap();
//! let snapshot = observe::snapshot();
//! let jobs = snapshot.channels.iter().find(|channel| channel.origin.name() == Some("jobs"));
//! assert_eq!(jobs.map(|jobs| (jobs.depth, jobs.sent)), Some((Some(1), 1)));
//! ```

#[cfg_attr(
    not(feature = "observe"),
    expect(dead_code, unreachable_pub, reason = "nothing is recorded, and nothing shown")
)]
mod kind;
#[cfg(not(feature = "observe"))]
mod off;
#[cfg(feature = "observe")]
mod on;

#[cfg(feature = "observe")]
pub use self::kind::{Kind, Op, Side};
#[cfg(not(feature = "observe"))]
pub(crate) use self::kind::{Kind, Op, Side};
#[cfg(not(feature = "observe"))]
pub(crate) use self::off::{
    ChannelRecord, CreatedAt, Done, HandleRecord, Name, Observed, PositionRecord, PositionRef,
    WaitRecord,
};
#[cfg(feature = "observe")]
pub use self::on::{
    Blocked, Channel, Ended, Handle, Oneshots, Origin, Position, QueueTime, Snapshot, Task, Waiter,
    snapshot,
};
#[cfg(feature = "observe")]
pub(crate) use self::on::{
    ChannelRecord, CreatedAt, Done, HandleRecord, Name, Observed, PositionRecord, PositionRef,
    Reading, WaitRecord, Weight,
};
