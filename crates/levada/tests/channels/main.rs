//! What holds for several channels, each suite driven by one table of them. A test that concerns
//! one channel is in the folder of that channel. Numbers like C51 name a class of bugs that
//! channels had; `docs/known-bugs.md` lists them.
#![expect(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[cfg(all(feature = "stream", feature = "tokio"))]
mod adapters;
mod allocation;
#[cfg(feature = "tokio")]
mod budget;
#[cfg(feature = "stream")]
mod combinators;
mod futurelock;
mod hostile;
// What the channels record of themselves has a size of its own: tests/observe_memory.
#[cfg(not(feature = "observe"))]
mod memory;
mod queues;
#[cfg(feature = "stream")]
mod sink;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "stream")]
mod stream_contract;
mod until;

#[global_allocator]
static ALLOCATOR: support::Counting = support::Counting;
