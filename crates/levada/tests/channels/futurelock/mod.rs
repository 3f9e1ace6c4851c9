//! Futurelock: a waiter whose turn has come, or that was woken, and that is never polled again, is
//! forgotten, or comes when the others have long gone on. For each channel, what the others need to
//! go on, counted in polls and calls; `docs/known-bugs.md` has the table.
//!
//! [`senders`] walks through every way to wait for room in the bounded channels, [`late`] through
//! those of a sender that comes after all. The receivers of mpmc, which wait in line, too, are in
//! `mpmc/promises.rs`; broadcast and watch, in which no task waits for another, in their folders.

mod channel;
mod late;
mod mpmc;
mod mpsc;
mod senders;
