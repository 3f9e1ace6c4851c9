//! Futurelock: a waiter whose turn has come, or that was woken, and that is never polled again, is
//! forgotten, or comes when the others have long gone on. For each channel, what the others need to
//! go on, counted in polls and calls; `docs/known-bugs.md` has the table.
//!
//! [`senders`] walks through every way to wait for room in the bounded channels. [`receivers`] is
//! mpmc's, whose receivers wait in line, too. In broadcast and watch nobody waits for anybody:
//! [`told`].
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod channel;
mod late;
mod mpmc;
mod mpsc;
mod receivers;
mod senders;
mod told;

/// As `levada::wait::permits::GRACE`: the polls a promise outlives.
const GRACE: usize = 8;

/// As in `levada::queue::many::line`: the polls that the promise of a message outlives.
const PATIENCE: usize = 64;
