//! Futurelock: a waiter whose turn has come, or that was woken, and that is never polled again, is
//! forgotten, or comes when the others have long gone on. For each channel, what the others need to
//! go on, counted in polls and calls; `docs/known-bugs.md` has the table.
//!
//! [`senders`] walks through every way to wait for room in the bounded channels. [`receivers`] is
//! mpmc's, whose receivers wait in line, too. In broadcast and watch nobody waits for anybody:
//! [`told`].

mod channel;
mod late;
mod mpmc;
mod mpsc;
mod senders;
